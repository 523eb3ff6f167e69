# shellcheck shell=sh
# The sh part's supervisor: one process per job, which outlives everybody and writes down the
# truth. Called as: MODE FOLDER MEMORY FLOCK NAP SETSID ... ; `run` is the supervisor itself,
# `job` becomes the command, `sweep` ends what a killed supervisor has left.

bo_mode=$1 bo_folder=$2 bo_memory=$3 bo_flock=$4 bo_nap=$5 bo_setsid=$6

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
    cd "$HOME" 2>/dev/null || cd /
    exec >>"$bo_folder/log" 2>&1
    BUILDORCH_JOB=${bo_marker#*=} exec sh "$bo_folder/enter" run "$bo_umask"
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
        bo_ended='what could be found of the job was ended'
        [ "$bo_keeper" = 0 ] || bo_ended='what was left of the job was ended'
        bo_finish "$bo_folder" "$bo_memory" "$(bo_lost "$bo_reason" "$bo_detail; $bo_ended")"
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
