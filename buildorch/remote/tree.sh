# shellcheck shell=sh
# The processes of a job: how they are found, and how they end. Each is known by its number
# together with its start time, and gets a signal only while it is still who it was.

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
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v root="$bo_job" -v keeper="$bo_keeper" -v session="$bo_job_session" -v marked="$bo_marked" -v own="$bo_own" '
        { pid = $1; sub(/^.*\) /, ""); if ($1 ~ /[ZX]/) next
          parent[pid] = $2; start[pid] = $20; if ($4 == session || pid == root || pid == keeper) hit[pid] = 1 }
        END { n = split(marked, list, " "); for (i = 1; i <= n; i++) hit[list[i]] = 1
          n = split(own, list, " "); for (i = 1; i < n; i += 2) if (start[list[i]] == list[i + 1]) hit[list[i]] = 1
          do { more = 0
               for (pid in parent) if (!(pid in hit) && (parent[pid] in hit)) { hit[pid] = 1; more = 1 }
          } while (more)
          delete hit[keeper]
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
    bo_job=0 bo_keeper=0
    bo_field_lives "$bo_id" job && bo_job=${bo_value%% *}
    # Of the python part: all that is below it is the job's, but not the keeper itself.
    bo_field_lives "$bo_id" keeper && bo_keeper=${bo_value%% *}
    return 0
}

# Sends a signal to the processes of a list that are still who they were.
bo_signal() {
    printf '%s\n' "$2" | while read -r bo_pid bo_began bo_rest; do
        bo_lives "${bo_pid:-0}" "$bo_began" && kill -s "$1" "$bo_pid" 2>/dev/null
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
