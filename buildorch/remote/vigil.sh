# shellcheck shell=sh
# The bitbake builds of a job: which servers are its own, which it has joined, and whether it
# waits for another's build. Nothing is asked of the process table unless the log gives a reason.

# What bitbake's client prints when it starts or joins a server, and while it waits for one.
bo_signs='(Starting|Reconnecting to) bitbake server|No reply from (the )?(bitbake )?server|Retrying server connection|Previous bitbake instance shutting down|Timeout while waiting for a reply from the bitbake server'

# Prints number, start time and lock of those clients that are ours, or with `-v` that are not.
bo_clients() {
    bo_mine=$(bo_members)
    bo_all_clients | awk -v not="${1:-}" -v mine="$bo_mine" '
        BEGIN { n = split(mine, list, "\n"); for (i = 1; i <= n; i++) has[list[i]] = 1 }
        (($1 " " $2) in has) == (not == "")'
}

# Prints `busy PID SINCE LOCK` for each server that builds for somebody else before it does for
# us, and notes in the file `bitbake` which servers are ours and which build for us.
bo_look_at_builds() {
    bo_know || return
    bo_began_job=0
    bo_field "$bo_id" job && bo_began_job=${bo_value#* }
    bo_strangers=$(bo_clients -v)
    bo_locks_seen=
    bo_clients | sort -n -k 2 | while read -r bo_pid bo_first bo_lock; do
        if [ -z "$bo_lock" ] || ! bo_read_server "$bo_lock"; then continue; fi
        case "$bo_locks_seen" in *"<$bo_lock>"*) continue ;; esac
        bo_locks_seen="$bo_locks_seen<$bo_lock>"
        if bo_members | grep -q -x -e "$bo_server $bo_since"; then continue; fi
        if bo_is_started; then
            printf 'own %s %s\n' "$bo_server" "$bo_since" >>"$bo_folder/bitbake"
            continue
        fi
        bo_join "$bo_first" "$bo_lock"
    done
}

# Whether our client has started the server: by its own words, where descent tells nothing.
bo_is_started() {
    [ "$bo_since" -ge "$bo_began_job" ] || return 1
    bo_value=$(head -c 4194304 "$bo_folder/log" 2>/dev/null | grep -o -E '(Starting|Reconnecting to) bitbake server')
    if grep -q '^own ' "$bo_folder/bitbake" 2>/dev/null; then
        bo_value=$(printf '%s\n' "$bo_value" | tail -n 1)
    fi
    case $bo_value in *Starting*) ;; *) return 1 ;; esac
}

# Notes a server that we share: start time of our client, lock.
bo_join() {
    bo_running=$(bo_work "$bo_server")
    bo_earliest=$({
        printf '%s\n' "$bo_running" | awk 'NF { print $3 }'
        printf '%s\n' "$bo_strangers" | awk -v lock="$2" '
            { start = $2; sub(/^[0-9]+ [0-9]+ /, ""); if ($0 == lock) print start }'
    } | sort -n | head -n 1)
    if [ "${bo_earliest:-$1}" -lt "$1" ]; then
        bo_read_now
        printf 'busy %s %s %s\n' "$bo_server" "$bo_earliest" "$2"
        printf '%s %s\n' "$bo_now" "$2" >"$bo_memory.busy"
        return
    fi
    # Nothing that it did while we waited was for us.
    if read -r bo_value bo_rest 2>/dev/null <"$bo_memory.busy" && [ "$bo_rest" = "$2" ] &&
        [ "$bo_value" -gt "$1" ]; then
        set -- "$bo_value" "$2"
    fi
    bo_value="foreign $bo_server $bo_since"
    grep -q -e "^$bo_value " "$bo_folder/bitbake" 2>/dev/null ||
        printf '%s %s %s\n' "$bo_value" "$1" "$2" >>"$bo_folder/bitbake"
    printf '%s\n' "$bo_running" | awk -v since="$1" 'NF && $3 >= since { print $1, $2 }' >"$bo_memory.tasks"
}

# Prints number and start time of what servers that are not ours still run for us, so far as
# that is sure: nobody else is there for whom it could be.
bo_tasks() {
    [ -e "$bo_folder/bitbake" ] || return
    {
        cat "$bo_memory.tasks" 2>/dev/null
        sed -n 's/^foreign //p' "$bo_folder/bitbake" | while read -r bo_server bo_since bo_first bo_lock; do
            bo_lives "$bo_server" "$bo_since" || continue
            if bo_clients -v | sed 's/^[0-9]* [0-9]* //' | grep -q -x -F -e '' -e "$bo_lock"; then continue; fi
            bo_work "$bo_server" | awk -v since="$bo_first" '$3 >= since { print $1, $2 }'
        done
    } | sort -u | while read -r bo_pid bo_began; do
        bo_lives "$bo_pid" "$bo_began" && printf '%s %s\n' "$bo_pid" "$bo_began"
    done
}

# Looks whether the log has grown by a sign of bitbake, and if so at the processes.
bo_heed() {
    [ "$bo_now" -ge "$bo_heed_at" ] || return
    bo_size=$(($(wc -c 2>/dev/null <"$bo_folder/log") + 0))
    if [ "$bo_size" -gt "$bo_heeded" ]; then
        bo_quiet=200
        bo_new=$((bo_size - bo_heeded + 80))
        [ "$bo_new" -lt 65536 ] || bo_new=65536
        [ "$bo_new" -lt "$bo_size" ] || bo_new=$bo_size
        if tail -c "+$((bo_size - bo_new + 1))" "$bo_folder/log" 2>/dev/null | head -c "$bo_new" | grep -q -a -E "$bo_signs"; then
            bo_looks=5
        fi
        bo_heeded=$bo_size
    elif [ "$bo_quiet" -lt 1000 ]; then
        bo_quiet=$((bo_quiet * 3 / 2))
    fi
    if [ "$bo_looks" -gt 0 ] || [ -n "$bo_waits" ]; then
        bo_looks=$((bo_looks - 1))
        bo_quiet=200
        bo_tell_waiting
    fi
    bo_heed_at=$((bo_now + bo_quiet))
}

# Sets bo_waits to server and lock of a build that our bitbake waits for, and tells a change.
bo_tell_waiting() {
    bo_told_waiting=$bo_waits
    bo_waits=$(bo_look_at_builds | head -n 1)
    bo_rest=${bo_waits#busy }
    bo_server=${bo_rest%% *} bo_rest=${bo_rest#* }
    bo_since=${bo_rest%% *} bo_lock=${bo_rest#* }
    bo_waits=${bo_waits:+$bo_server $bo_lock}
    [ "$bo_waits" != "$bo_told_waiting" ] || return
    if [ -n "$bo_waits" ]; then
        # shellcheck disable=SC2012
        printf 'kind bitbake\nname %s\nuser %s\npid %s\nsince %s\n' "${bo_lock%/*}" \
            "$(ls -ld "/proc/$bo_server" 2>/dev/null | awk '{ print $3 }')" \
            "$bo_server" "$bo_since"
    fi >"$bo_folder/waiting.new" && mv -f "$bo_folder/waiting.new" "$bo_folder/waiting"
}
