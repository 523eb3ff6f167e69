# shellcheck shell=sh
# The sh part's supervisor: one process per job, which outlives everybody and writes down the
# truth. Called as: MODE FOLDER MEMORY FLOCK NAP SETSID ... ; `run` is the supervisor itself,
# `job` becomes the command, `sweep` ends what a killed supervisor has left.

bo_mode=$1 bo_folder=$2 bo_memory=$3 bo_flock=$4 bo_nap=$5 bo_setsid=$6
bo_small=1048576
# What bitbake's client prints when it starts or joins a server, and while it waits for one.
bo_signs='(Starting|Reconnecting to) bitbake server|No reply from (the )?(bitbake )?server|Retrying server connection|Previous bitbake instance shutting down|Timeout while waiting for a reply from the bitbake server'

# Prints the `environ` of every process that has the marker.
bo_marked() {
    if printf 'a\0b\0' | grep -q -z -x b 2>/dev/null; then
        grep -l -z -F -x -e "$bo_marker" /proc/[0-9]*/environ
        return
    fi
    for bo_file in /proc/[0-9]*/environ; do
        tr '\0' '\n' <"$bo_file" | grep -q -F -x -e "$bo_marker" && printf '%s\n' "$bo_file"
    done
}

# Prints number and start time of every process of the job; see bo_know.
bo_members() {
    bo_marked=$(bo_marked 2>/dev/null | tr -dc '0-9\n' | tr '\n' ' ')
    bo_own=$(sed -n 's/^own //p' "$bo_folder/bitbake" 2>/dev/null | tr '\n' ' ')
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v root="$bo_job" -v session="$bo_job_session" -v marked="$bo_marked" -v own="$bo_own" '
        { pid = $1; sub(/^.*\) /, ""); if ($1 ~ /[ZX]/) next
          parent[pid] = $2; start[pid] = $20; if ($4 == session || pid == root) hit[pid] = 1 }
        END { n = split(marked, list, " "); for (i = 1; i <= n; i++) hit[list[i]] = 1
          n = split(own, list, " "); for (i = 1; i < n; i += 2) if (start[list[i]] == list[i + 1]) hit[list[i]] = 1
          do { more = 0
               for (pid in parent) if (!(pid in hit) && (parent[pid] in hit)) { hit[pid] = 1; more = 1 }
          } while (more)
          for (pid in hit) if (pid in parent) print pid, start[pid] }' | sort -n
}

# Learns from the record of identity whose processes the job's are; fails for another boot's.
bo_know() {
    bo_id=$bo_folder/id
    [ -e "$bo_id" ] || bo_id=$bo_memory
    bo_read_boot
    bo_field "$bo_id" boot || return 1
    [ "$bo_value" = "$bo_boot" ] || return 1
    bo_field "$bo_id" marker && bo_marker=$bo_value
    bo_field "$bo_id" session && bo_job_session=$bo_value
    bo_job=0
    bo_field_lives "$bo_id" job && bo_job=${bo_value%% *}
    return 0
}

# Sends a signal to the processes of a list that are still who they were.
bo_signal() {
    printf '%s\n' "$2" | while read -r bo_pid bo_began bo_rest; do
        bo_lives "${bo_pid:-0}" "$bo_began" && kill -s "$1" "$bo_pid" 2>/dev/null
    done
}

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

# Waits until a time for a list to become empty.
bo_wait_gone() {
    while [ -n "$($2)" ]; do
        bo_read_now
        [ "$bo_now" -lt "$1" ] || return 1
        bo_sleep 5
    done
}

# Ends the job's processes: politely for the grace (in hundredths), then surely.
bo_kill() {
    bo_know || return
    bo_look_at_builds >/dev/null
    bo_read_now
    bo_began_kill=$bo_now
    # Only the clients: a wrapper that is told twice leaves them alone.
    for bo_part in 35 80; do
        bo_list=$(bo_clients)
        [ -n "$bo_list" ] || break
        bo_signal INT "$bo_list"
        bo_signal CONT "$bo_list"
        bo_wait_gone "$((bo_began_kill + $1 * bo_part / 100))" bo_clients
        # A wrapper may say now how its build has ended.
        [ -n "$(bo_clients)" ] || bo_wait_gone "$((bo_began_kill + $1 * (bo_part + 5) / 100))" bo_members
    done
    bo_list=$(bo_members)
    bo_signal TERM "$bo_list"
    bo_signal CONT "$bo_list"
    if ! bo_wait_gone "$((bo_began_kill + $1))" bo_members; then
        bo_read_now
        bo_destroy "$((bo_now + 1000))"
    fi
    bo_end_tasks "$((bo_began_kill + $1))"
}

# Waits for what a server that is not ours still runs for us, then ends that: not the server.
bo_end_tasks() {
    bo_wait_gone "$1" bo_tasks && return
    bo_read_now
    bo_last=$((bo_now + 4000))
    bo_word=TERM
    while [ "$bo_now" -lt "$bo_last" ]; do
        bo_signal "$bo_word" "$(bo_tasks)"
        bo_word=KILL
        bo_wait_gone "$((bo_now + 50))" bo_tasks && return
        bo_read_now
    done
}

# STOP before KILL: what forks all the time is caught standing still.
bo_destroy() {
    while :; do
        bo_list=$(bo_members)
        [ -n "$bo_list" ] || return
        bo_seen=
        while [ "$bo_list" != "$bo_seen" ]; do
            bo_signal STOP "$bo_list"
            bo_seen=$bo_list
            bo_list=$(bo_members)
        done
        bo_signal KILL "$bo_list"
        bo_read_now
        [ "$bo_now" -lt "$1" ] || return
        bo_sleep 2
    done
}

# Prints `left PID COMMAND` for at most 20 processes that are alive after the end.
bo_leftovers() {
    bo_know || return
    bo_members | head -n 20 | while read -r bo_pid bo_began; do
        printf '\nleft %s %.120s' "$bo_pid" "$(tr '\0\n' '  ' 2>/dev/null <"/proc/$bo_pid/cmdline")"
    done
}

# Whether there are new lines in the log that are not only signs of life.
bo_progress() {
    bo_size=$(($(wc -c 2>/dev/null <"$bo_folder/log") + 0))
    [ "$bo_size" -gt "$bo_read" ] || return 1
    bo_new=$((bo_size - bo_read))
    bo_read=$bo_size
    [ "$bo_new" -lt 65536 ] || bo_new=65536
    tail -c "+$((bo_size - bo_new + 1))" "$bo_folder/log" 2>/dev/null | head -c "$bo_new" |
        tr '\r' '\n' | awk '
        /^(NOTE: |WARNING: )?(Bitbake still alive|No reply from (the )?(bitbake )?server)/ { listing = 1; next }
        listing && /^([^ ]*:)?[0-9]+$|\.bb(:do_[a-z_]*)?$|\(pid [0-9]+\)$/ { next }
        { listing = 0 }
        /[^ \t]/ { found = 1; exit }
        END { exit !found }'
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

# Orders the job's end where nobody has renewed its lease for so long; see agent/leases.py.
bo_heed_lease() {
    [ -e "$bo_folder/lease" ] && [ ! -e "$bo_folder/cancel" ] || return 0
    read -r bo_length bo_renewed <"$bo_folder/lease"
    if read -r bo_value 2>/dev/null <"$bo_folder/renewed" && [ "$bo_value" -gt "$bo_renewed" ]; then
        bo_renewed=$bo_value
    fi
    bo_read_now
    [ "$bo_now" -lt "$((bo_renewed + bo_length))" ] ||
        printf 'lease %s\n' "$bo_grace" >"$bo_folder/cancel"
}

# Kills the job for a reason, unless it has just ended; the watchdog's last act.
bo_stop() {
    (set -C && : >"$bo_over") 2>/dev/null || exit 0
    printf '%s\n' "$1" >"$bo_over.reason"
    bo_hundredths "$2"
    bo_kill "$bo_value"
    exit 0
}

# Looks at one deadline after the other, and naps; hears of orders by SIGUSR1.
bo_watch() {
    # Not by a redirection of the call, of which sh would keep a copy: the locks are not ours.
    exec 9>&- 7>&-
    trap : USR1
    trap 'kill "$bo_sleeper" 2>/dev/null; exit 0' TERM
    bo_sleeper=
    bo_read=0
    bo_read_now
    bo_begin=$bo_now
    bo_lively=$bo_now
    bo_tick=200
    bo_heed_at=0 bo_heeded=0 bo_quiet=200 bo_looks=0 bo_waits=
    if [ "$bo_idle" != - ]; then
        bo_hundredths "$bo_idle"
        bo_idle=$bo_value
        [ "$((bo_idle / 20))" -ge "$bo_tick" ] || bo_tick=$((bo_idle / 20 + 5))
    fi
    if [ "$bo_timeout" != - ]; then
        bo_hundredths "$bo_timeout"
        bo_timeout=$bo_value
    fi
    while :; do
        # A signal that comes while sh forks us is lost, so the file counts as well.
        [ ! -e "$bo_over" ] || exit 0
        [ ! -e "$bo_folder/exit" ] || exit 0
        [ -e "$bo_folder/alive" ] || bo_stop 'folder removed' "$bo_grace"
        bo_heed_lease
        if read -r bo_reason bo_value 2>/dev/null <"$bo_folder/cancel"; then
            bo_stop "$bo_reason" "${bo_value:-$bo_grace}"
        fi
        bo_read_now
        bo_pause=$bo_tick
        if [ "$bo_timeout" != - ]; then
            bo_left=$((bo_begin + bo_timeout - bo_now))
            [ "$bo_left" -gt 0 ] || bo_stop timeout "$bo_grace"
            [ "$bo_left" -ge "$bo_pause" ] || bo_pause=$bo_left
        fi
        bo_heed
        if [ "$bo_log_limit" != - ] && [ "$(wc -c 2>/dev/null <"$bo_folder/log")" -gt "$bo_log_limit" ]; then
            bo_stop log_limit "$bo_grace"
        fi
        if [ "$bo_idle" != - ]; then
            if bo_progress; then bo_lively=$bo_now; fi
            # To wait for the build of somebody else is no silence of ours.
            [ "$((bo_lively + bo_idle))" -gt "$bo_now" ] || bo_tell_waiting
            [ -z "$bo_waits" ] || bo_lively=$bo_now
            [ "$((bo_lively + bo_idle))" -gt "$bo_now" ] || bo_stop idle "$bo_grace"
        fi
        bo_write_seconds "$bo_pause"
        sleep "$bo_seconds" &
        bo_sleeper=$!
        wait "$bo_sleeper"
        kill "$bo_sleeper" 2>/dev/null
    done
}

# Writes down whose processes the job's are: its first one, when that started, its session.
bo_identify() {
    bo_read_boot
    {
        printf 'boot %s\nsupervisor %s\norders %s\n' "$bo_boot" "$bo_supervisor" "$bo_orders"
        printf 'job %s %s\nsession %s\nmarker %s\ngrace %s\nend\n' \
            "$1" "$2" "$3" "$bo_marker" "$bo_grace"
    } >"$bo_folder/id.new" || return 1
    dd if="$bo_folder/id.new" of="$bo_memory" conv=notrunc 2>/dev/null
    mv -f "$bo_folder/id.new" "$bo_folder/id"
}

# Becomes the command, once everything is on the disk by which it can be found.
bo_become() {
    exec 2>/dev/null
    bo_stat "$$"
    [ "$bo_session" = "$$" ] || bo_session=-1
    bo_identify "$$" "$bo_start" "$bo_session" || exit 1
    bo_note_session
    bo_heed_lease
    if [ -e "$bo_folder/cancel" ]; then
        # Cancelled while we launched: the order was written before anybody could hear of it.
        : >"$bo_folder/dropped"
        exit 1
    fi
    umask "$bo_umask"
    cd "$HOME" 2>/dev/null || cd /
    exec >>"$bo_folder/log" 2>&1
    BUILDORCH_JOB=${bo_marker#*=} exec sh "$bo_folder/enter" run
}

# Prints the lines of `df` for folders: mount, free and all KiB, and words for both.
bo_disks() {
    df -P -k "$@" 2>/dev/null | LC_ALL=C awk 'NR > 1 && $2 > 0 {
        printf "%s %d %.1f GB of %.1f GB are free\n", $6, $4, $4 * 1024 / 1e9, $2 * 1024 / 1e9 }'
}

# Sets bo_detail to the numbers of the first full disk among those of some folders.
bo_full_disk() {
    bo_detail=$(bo_disks "$@" | awk '$2 < 1024 {
        mount = $1; $1 = $2 = ""; sub(/^ +/, ""); print "the disk of " mount " is full: " $0; exit }')
}

# Sets bo_room to how much is free where the command began.
bo_find_room() {
    bo_room=$(bo_disks "${bo_cwd:-$bo_folder}" | awk '{
        mount = $1; $1 = $2 = ""; sub(/^ +/, ""); print $0 " on the disk of " mount; exit }')
}

# Says why the command failed, where it was not the command's own doing.
bo_explain() {
    if [ -e "$bo_folder/why" ]; then
        { read -r bo_reason && read -r bo_detail; } <"$bo_folder/why"
        return
    fi
    bo_read_now
    if [ -n "$bo_told" ] && [ "$((bo_now - bo_told))" -lt 12000 ]; then
        bo_kind=lost bo_code=0 bo_reason='supervisor killed'
        bo_detail='the server told its processes to end (SIGTERM), as it does at a shutdown'
        return
    fi
    bo_full_disk "$bo_folder" "${bo_cwd:-$bo_folder}"
    if [ -n "$bo_detail" ]; then
        bo_reason=no_space
    elif [ -e "$bo_folder/setup" ] && [ ! -e "$bo_folder/ready" ]; then
        bo_reason=setup bo_detail='the setup of the command failed; the command did not run'
    fi
}

# Runs the job in the foreground where it can, since a background job of sh is deaf to SIGINT;
# sets bo_kind and bo_code.
bo_run() {
    set -- "$0" job "$bo_folder" "$bo_memory" "$bo_flock" "$bo_nap" "$bo_setsid" "$@"
    bo_kind='exit'
    if [ "$bo_setsid" = wait ]; then
        setsid --fork --wait sh "$@" 2>"$bo_folder/setsid" </dev/null 9>&- 7>&-
        bo_code=$?
        # Its own complaint is the only thing that tells a signal from an exit code.
        if [ -s "$bo_folder/setsid" ]; then
            bo_kind=signal
            bo_code=$((bo_code % 128))
        fi
        return
    fi
    # shellcheck disable=SC2086
    $bo_setsid sh "$@" </dev/null 2>/dev/null 9>&- 7>&- &
    bo_wait=$!
    wait "$bo_wait"
    bo_code=$?
    while kill -0 "$bo_wait" 2>/dev/null; do
        wait "$bo_wait"
        bo_code=$?
    done
}

# Sets bo_record to the end of the job.
bo_describe_end() {
    bo_reason='' bo_detail='' bo_room='' bo_cwd=''
    read -r bo_cwd 2>/dev/null <"$bo_folder/cwd"
    if (set -C && : >"$bo_over") 2>/dev/null; then
        kill "$bo_watchdog" 2>/dev/null
        wait "$bo_watchdog" 2>/dev/null
        if [ ! -e "$bo_folder/alive" ]; then
            bo_reason='folder removed'
        elif [ -e "$bo_folder/dropped" ]; then
            read -r bo_reason bo_value <"$bo_folder/cancel"
        elif [ "$bo_kind $bo_code" != 'exit 0' ]; then
            bo_explain
        else
            bo_full_disk "$bo_folder"
            bo_detail=${bo_detail:+$bo_detail: the log may be cut short}
        fi
    else
        # The watchdog was first: it kills, and is done when nothing is left.
        wait "$bo_watchdog" 2>/dev/null
        read -r bo_reason <"$bo_over.reason"
    fi
    [ "$bo_reason" != 'folder removed' ] || bo_kind=lost bo_code=0
    [ "$bo_reason$bo_kind $bo_code" = 'exit 0' ] || bo_find_room
    bo_read_now
    bo_size=$(($(wc -c 2>/dev/null <"$bo_folder/log") + 0))
    bo_record="kind $bo_kind
code $bo_code${bo_reason:+
reason $bo_reason}${bo_detail:+
detail $bo_detail}${bo_room:+
room $bo_room}
seconds $(((bo_now - bo_launched) / 100)).$(((bo_now - bo_launched) % 100 / 10))$(((bo_now - bo_launched) % 10))
log_bytes $bo_size"
    if [ "$bo_size" -le "$bo_small" ] && command -v sha256sum >/dev/null; then
        bo_sum=$(sha256sum 2>/dev/null <"$bo_folder/log")
        bo_record="$bo_record
log_sha256 ${bo_sum%% *}"
    fi
    bo_record=$bo_record$(bo_leftovers)
}

bo_supervise() {
    bo_told=
    trap 'bo_read_now; bo_told=$bo_now' TERM
    # Caught, not ignored: what is ignored here would be ignored in the job for ever.
    trap : HUP USR1
    bo_over=$bo_memory.over
    rm -f "$bo_over"
    if [ "$bo_min_free" != - ]; then
        bo_detail=$(sh "$bo_folder/enter" space "$((${bo_min_free%.*} / 1024))" 2>/dev/null </dev/null 9>&-)
        if [ $? -eq 3 ]; then
            printf 'no_space\n%s\n' "$bo_detail" >"$bo_folder/refused.new"
            mv -f "$bo_folder/refused.new" "$bo_folder/refused"
            exit 0
        fi
    fi
    bo_stat "$$" && bo_supervisor="$$ $bo_start"
    bo_entry='' bo_ticket=''
    if [ -e "$bo_folder/locks" ]; then
        bo_orders=$bo_supervisor
        bo_identify 0 0 -1 || exit 0
        if ! bo_await_turn; then
            bo_end_unstarted
            return
        fi
    fi
    bo_read_now
    bo_launched=$bo_now
    bo_watch </dev/null &
    bo_watchdog=$!
    bo_stat "$bo_watchdog" && bo_orders="$bo_watchdog $bo_start"
    bo_run "$bo_marker" "$bo_umask" "$bo_grace" "$bo_supervisor" "$bo_orders" "$bo_ticket"
    bo_describe_end
    bo_finish "$bo_folder" "$bo_memory" "$bo_record"
    rm -f "$bo_over" "$bo_over.reason" "$bo_memory.busy" "$bo_memory.tasks" "$bo_folder/env.sh"
    [ -z "$bo_entry" ] || bo_keep_locks
}

# Records the end of a job that was stopped before its command began.
bo_end_unstarted() {
    bo_kind='exit' bo_code=127 bo_reason='folder removed'
    [ ! -e "$bo_folder/alive" ] || read -r bo_reason bo_value <"$bo_folder/cancel"
    [ "$bo_reason" != 'folder removed' ] || bo_kind=lost bo_code=0
    bo_finish "$bo_folder" "$bo_memory" "kind $bo_kind
code $bo_code
reason $bo_reason
seconds 0.00
log_bytes 0"
    rm -f "$bo_folder/env.sh"
}

bo_sweep() {
    rm -f "$bo_memory.over" "$bo_memory.over.reason" "$bo_memory.busy" "$bo_memory.tasks"
    bo_reason='folder removed' bo_detail="the job's folder on the server was removed"
    if [ -e "$bo_folder/alive" ]; then
        bo_reason='supervisor killed' bo_detail="the job's supervisor was killed on the server"
        exec 9<"$bo_folder/alive"
        [ -z "$bo_flock" ] || flock -n 9 </dev/null || exit 0
        [ ! -e "$bo_folder/exit" ] || exit 0
    fi
    if bo_know; then
        # The watchdog of the dead supervisor kept the deadlines until now.
        bo_field_lives "$bo_id" orders && kill -s TERM "${bo_value%% *}" 2>/dev/null
        bo_field "$bo_id" grace
        bo_hundredths "${bo_value:-10}"
        bo_kill "$bo_value"
        bo_finish "$bo_folder" "$bo_memory" "$(bo_lost "$bo_reason" "$bo_detail; what was left of the job was ended")"
    else
        bo_finish "$bo_folder" "$bo_memory" "$(bo_lost rebooted \
            'the server was started anew while the job ran')"
    fi
}

shift 6
case $bo_mode in
run)
    bo_marker=$1 bo_umask=$2 bo_timeout=$3 bo_idle=$4 bo_grace=$5 bo_log_limit=$6 bo_min_free=$7
    bo_supervise
    ;;
job)
    bo_marker=$1 bo_umask=$2 bo_grace=$3 bo_supervisor=$4 bo_orders=$5 bo_ticket=$6
    bo_become
    ;;
sweep) bo_sweep ;;
esac
