# shellcheck shell=sh
# The watchdog of a job: its deadlines, its lease, and the orders to end it.

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
