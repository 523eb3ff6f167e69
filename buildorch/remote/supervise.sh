# shellcheck shell=sh
# The sh part's supervisor: one process per job, which outlives everybody and writes down the
# truth. Called as: MODE FOLDER MEMORY FLOCK NAP SETSID ... ; `run` is the supervisor itself,
# `job` becomes the command, `sweep` ends what a killed supervisor has left.

bo_mode=$1 bo_folder=$2 bo_memory=$3 bo_flock=$4 bo_nap=$5 bo_setsid=$6
bo_small=1048576

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
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v root="$bo_job" -v session="$bo_job_session" -v marked="$bo_marked" '
        { pid = $1; sub(/^.*\) /, ""); if ($1 ~ /[ZX]/) next
          parent[pid] = $2; start[pid] = $20; if ($4 == session || pid == root) hit[pid] = 1 }
        END { n = split(marked, list, " "); for (i = 1; i <= n; i++) hit[list[i]] = 1
          do { more = 0
               for (pid in parent) if (!(pid in hit) && (parent[pid] in hit)) { hit[pid] = 1; more = 1 }
          } while (more)
          for (pid in hit) if (pid in start) print pid, start[pid] }' | sort -n
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
    printf '%s\n' "$2" | while read -r bo_pid bo_began; do
        bo_lives "${bo_pid:-0}" "$bo_began" && kill -s "$1" "$bo_pid" 2>/dev/null
    done
}

# Prints those members that are bitbake clients; the server has a session of its own.
bo_clients() {
    bo_members | while read -r bo_pid bo_began; do
        bo_stat "$bo_pid" || continue
        [ "$bo_session" = "$bo_job_session" ] || continue
        set -f
        # shellcheck disable=SC2046
        set -- $(tr '\0' ' ' 2>/dev/null <"/proc/$bo_pid/cmdline")
        case " ${1:-} ${2:-} ${3:-} " in
        *'/bitbake '* | *' bitbake '*) printf '%s %s\n' "$bo_pid" "$bo_began" ;;
        esac
    done
}

# Waits until no process is left, or until a time; with `clients` only for bitbake's clients.
bo_wait_gone() {
    while :; do
        if [ "${2:-}" = clients ]; then bo_list=$(bo_clients); else bo_list=$(bo_members); fi
        [ -n "$bo_list" ] || return 0
        bo_read_now
        [ "$bo_now" -lt "$1" ] || return 1
        bo_sleep 5
    done
}

# Ends the job's processes: politely for the grace (in hundredths), then surely.
bo_kill() {
    bo_know || return
    bo_read_now
    bo_began_kill=$bo_now
    bo_list=$(bo_clients)
    if [ -n "$bo_list" ]; then
        bo_signal INT "$bo_list"
        bo_wait_gone "$((bo_began_kill + $1 * 35 / 100))" ||
            bo_signal INT "$(bo_clients)"
        bo_wait_gone "$((bo_began_kill + $1 * 80 / 100))" clients
    fi
    bo_list=$(bo_members)
    bo_signal TERM "$bo_list"
    bo_signal CONT "$bo_list"
    bo_wait_gone "$((bo_began_kill + $1))" && return
    bo_read_now
    bo_destroy "$((bo_now + 1000))"
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
    # Not by a redirection of the call, of which sh would keep a copy: the lock is not ours.
    exec 9>&-
    trap : USR1
    trap 'kill "$bo_sleeper" 2>/dev/null; exit 0' TERM
    bo_sleeper=
    bo_read=0
    bo_read_now
    bo_begin=$bo_now
    bo_lively=$bo_now
    bo_tick=200
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
        [ -e "$bo_folder/alive" ] || bo_stop 'folder removed' "$bo_grace"
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
        if [ "$bo_log_limit" != - ] && [ "$(wc -c 2>/dev/null <"$bo_folder/log")" -gt "$bo_log_limit" ]; then
            bo_stop log_limit "$bo_grace"
        fi
        if [ "$bo_idle" != - ]; then
            if bo_progress; then bo_lively=$bo_now; fi
            [ "$((bo_lively + bo_idle))" -gt "$bo_now" ] || bo_stop idle "$bo_grace"
        fi
        bo_write_seconds "$bo_pause"
        sleep "$bo_seconds" &
        bo_sleeper=$!
        wait "$bo_sleeper"
        kill "$bo_sleeper" 2>/dev/null
    done
}

# Becomes the command, once everything is on the disk by which it can be found.
bo_become() {
    exec 2>/dev/null
    bo_stat "$$"
    [ "$bo_session" = "$$" ] || bo_session=-1
    bo_read_boot
    {
        printf 'boot %s\nsupervisor %s\norders %s\n' "$bo_boot" "$bo_supervisor" "$bo_orders"
        printf 'job %s %s\nsession %s\nmarker %s\ngrace %s\nend\n' \
            "$$" "$bo_start" "$bo_session" "$bo_marker" "$bo_grace"
    } >"$bo_folder/id.new" || exit 1
    dd if="$bo_folder/id.new" of="$bo_memory" conv=notrunc 2>/dev/null
    mv -f "$bo_folder/id.new" "$bo_folder/id" || exit 1
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
    read -r bo_cwd 2>/dev/null <"$bo_folder/cwd"
    bo_detail=$(df -P -k "$bo_folder" "${bo_cwd:-$bo_folder}" 2>/dev/null | awk '
        NR > 1 && $2 > 0 && $4 < 1024 { print "the disk of " $6 " is full: " $4 " KiB of " $2 " are free"; exit }')
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
        setsid --fork --wait sh "$@" 2>"$bo_folder/setsid" </dev/null 9>&-
        bo_code=$?
        # Its own complaint is the only thing that tells a signal from an exit code.
        if [ -s "$bo_folder/setsid" ]; then
            bo_kind=signal
            bo_code=$((bo_code % 128))
        fi
        return
    fi
    # shellcheck disable=SC2086
    $bo_setsid sh "$@" </dev/null 2>/dev/null 9>&- &
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
    bo_reason='' bo_detail=''
    if (set -C && : >"$bo_over") 2>/dev/null; then
        kill "$bo_watchdog" 2>/dev/null
        wait "$bo_watchdog" 2>/dev/null
        if [ ! -e "$bo_folder/alive" ]; then
            bo_reason='folder removed'
        elif [ -e "$bo_folder/dropped" ]; then
            read -r bo_reason bo_value <"$bo_folder/cancel"
        elif [ "$bo_kind $bo_code" != 'exit 0' ]; then
            bo_explain
        fi
    else
        # The watchdog was first: it kills, and is done when nothing is left.
        wait "$bo_watchdog" 2>/dev/null
        read -r bo_reason <"$bo_over.reason"
    fi
    [ "$bo_reason" != 'folder removed' ] || bo_kind=lost bo_code=0
    bo_read_now
    bo_size=$(($(wc -c 2>/dev/null <"$bo_folder/log") + 0))
    bo_record="kind $bo_kind
code $bo_code${bo_reason:+
reason $bo_reason}${bo_detail:+
detail $bo_detail}
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
    bo_read_now
    bo_launched=$bo_now
    bo_watch </dev/null &
    bo_watchdog=$!
    bo_stat "$$" && bo_supervisor="$$ $bo_start"
    bo_stat "$bo_watchdog" && bo_orders="$bo_watchdog $bo_start"
    bo_run "$bo_marker" "$bo_umask" "$bo_grace" "$bo_supervisor" "$bo_orders"
    bo_describe_end
    bo_finish "$bo_folder" "$bo_memory" "$bo_record"
    rm -f "$bo_over" "$bo_over.reason" "$bo_folder/env.sh"
}

bo_sweep() {
    rm -f "$bo_memory.over" "$bo_memory.over.reason"
    exec 9<"$bo_folder/alive"
    [ -z "$bo_flock" ] || flock -n 9 </dev/null || exit 0
    [ ! -e "$bo_folder/exit" ] || exit 0
    if bo_know; then
        bo_field "$bo_id" grace
        bo_hundredths "${bo_value:-10}"
        bo_kill "$bo_value"
        bo_finish "$bo_folder" "$bo_memory" "$(bo_lost 'supervisor killed' \
            "the job's supervisor was killed on the server; what was left of the job was ended")"
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
    bo_marker=$1 bo_umask=$2 bo_grace=$3 bo_supervisor=$4 bo_orders=$5
    bo_become
    ;;
sweep) bo_sweep ;;
esac
