# shellcheck shell=sh
# Launching: a job's folder appears whole, once, and with its supervisor, or not at all.

# start ID NONCE EPOCH TIMEOUT IDLE GRACE LOG_LIMIT MIN_FREE NAME:SIZE...
bo_on_start() {
    bo_ident=$1 bo_nonce=$2 bo_epoch=$3 bo_limits="$4 $5 $6 $7 $8"
    shift 8
    rm -rf "$bo_desk/new"
    mkdir "$bo_desk/new"
    bo_cut='' bo_last=:0
    for bo_word in "$@"; do
        bo_take "${bo_word#*:}" "$bo_desk/new/${bo_word%%:*}" || bo_cut=yes
        [ "${bo_word#*:}" -eq 0 ] || bo_last=$bo_word
    done
    # The link ended within the launch: half of a command must never run.
    [ -n "$bo_cut" ] || bo_arrived "${bo_last#*:}" "$bo_desk/new/${bo_last%%:*}" || return
    bo_locked "$bo_state_dir/runs/${bo_ident%%.*}" bo_launch "$bo_state_dir/runs/${bo_ident%%.*}"
    case $? in
    0) bo_claim "$bo_ident" && bo_begin "$bo_ident" new ;;
    5) bo_claim "$bo_ident" && bo_begin "$bo_ident" again ;;
    esac
}

# Launches what lies on the desk; 0 launched, 5 launched before, else refused.
bo_launch() {
    if read -r bo_known bo_highest 2>/dev/null <"$1" && [ -n "$bo_highest" ]; then
        if [ "$bo_known" != "$bo_nonce" ]; then
            bo_refuse "$bo_ident" nonce 'this server knows another run of the same id'
            return 1
        elif [ "$bo_epoch" -lt "$bo_highest" ]; then
            bo_refuse "$bo_ident" epoch "controller $bo_highest has taken the run over from $bo_epoch"
            return 1
        fi
    fi
    printf '%s %s\n' "$bo_nonce" "$bo_epoch" >"$1"
    bo_folder=$bo_state_dir/jobs/$bo_ident
    if [ -e "$bo_folder/tombstone" ]; then
        bo_refuse "$bo_ident" tombstone 'the job was cancelled before its launch came here'
        return 1
    fi
    # What its folder said may be lost, not that it ran.
    if bo_field "$bo_state_dir/ends/$bo_ident" marker || bo_field "$bo_state_dir/ends/$bo_ident" kind; then return 5; fi
    if [ -d "$bo_folder" ]; then
        if [ -e "$bo_folder/id" ] || [ -e "$bo_folder/exit" ] || bo_supervised "$bo_folder"; then return 5; fi
        # A launch that was cut short: nothing ran in it.
        rm -rf "$bo_folder"
    fi
    if bo_refuse_unlocked; then return 1; fi
    if [ -n "$bo_cut" ] || ! bo_fill; then
        bo_refuse_unwritable
        return 1
    fi
    # shellcheck disable=SC2086
    bo_spawn "BUILDORCH_JOB=$bo_ident@${bo_nonce%"${bo_nonce#????????????????}"}" $bo_limits
}

# Completes the folder on the desk, takes its lock as descriptor 9, and moves it to its place.
bo_fill() {
    bo_memory=$bo_state_dir/ends/$bo_ident
    {
        : >"$bo_desk/new/log" && printf '%s\n' "$bo_reserve" >"$bo_desk/new/exit.new" &&
            printf '%s\n' "$bo_reserve" >"$bo_memory" && : >"$bo_desk/new/alive"
    } || return 1
    exec 9>"$bo_desk/new/alive"
    # Taken here, not by the supervisor: a waiter must never find it free before.
    [ -z "$bo_flock" ] || flock -n 9 </dev/null
    mv "$bo_desk/new" "$bo_folder"
}

# Refuses a launch whose folder could not be written, with the reason.
bo_refuse_unwritable() {
    bo_free=$(df -P -k "$bo_state_dir" | awk 'NR == 2 { print $4 }')
    if [ "${bo_free:-1000}" -lt 64 ]; then
        bo_refuse "$bo_ident" no_space "the disk of the state folder $bo_state_dir is full: $bo_free KiB are free"
    else
        bo_refuse "$bo_ident" state "the state folder $bo_state_dir cannot be written"
    fi
}

bo_spawn() {
    set -- "$bo_script" run "$bo_folder" "$bo_memory" "$bo_flock" "$bo_nap" "$bo_setsid" "$1" "$buildorch_umask" "$2" "$3" "$4" "$5" "$6"
    if [ "$bo_setsid" = wait ]; then
        # In the foreground: what sh starts in the background is deaf to SIGINT for ever.
        setsid --fork sh "$@" </dev/null >/dev/null 2>&1 8>&-
    else
        # shellcheck disable=SC2086
        $bo_setsid sh "$@" </dev/null >/dev/null 2>&1 8>&- &
    fi
    exec 9>&-
}

# Refuses a launch whose locks cannot be had here.
bo_refuse_unlocked() {
    [ -e "$bo_desk/new/locks" ] || return 1
    if [ -z "$bo_flock" ]; then
        bo_refuse "$bo_ident" refused 'no locks can be taken on this server: it has neither python3 nor flock; install util-linux (or python3), or set share_workdir where runs may build in one folder at once'
    elif ! bo_find_queue; then
        bo_refuse "$bo_ident" refused "no locks can be taken on this server: none of /run/lock, /var/tmp, /tmp is a folder of root's that all accounts may write (mode 1777); make one, or set share_workdir where runs may build in one folder at once"
    else
        return 1
    fi
}

bo_begin() {
    bo_ask "$1"
    [ "$2" = again ] || : >"$bo_desk/$1.launching"
    bo_await "$1" "$2" "$bo_count" </dev/null &
}

# Says that the job is there once it is, or why not, and follows it.
bo_await() {
    bo_folder=$bo_state_dir/jobs/$1
    bo_patience=500
    # An earlier launch of it over this link is answered first.
    while [ "$2" = again ] && [ -e "$bo_desk/$1.launching" ]; do bo_sleep 1; done
    until [ -e "$bo_folder/id" ] || [ -e "$bo_folder/exit" ] || [ "$bo_patience" -le 0 ]; do
        if [ -e "$bo_folder/refused" ]; then
            { read -r bo_reason && read -r bo_detail; } <"$bo_folder/refused"
            rm -rf "$bo_folder" "$bo_state_dir/ends/$1"
            bo_refuse "$1" "$bo_reason" "$bo_detail"
            rm -f "$bo_desk/$1.launching"
            return
        fi
        bo_supervised "$bo_folder" || bo_patience=$((bo_patience - 25))
        bo_sleep 1
    done
    bo_say "S $1 $2" :
    rm -f "$bo_desk/$1.launching"
    bo_follow "$1" 0 "$3"
}

# Leaves a folder in which nothing can be launched, where there is none.
bo_entomb() {
    if [ -d "$bo_folder" ] || [ -e "$bo_state_dir/ends/$bo_ident" ]; then return; fi
    rm -rf "$bo_desk/new"
    mkdir "$bo_desk/new" && : >"$bo_desk/new/tombstone" && : >"$bo_desk/new/log" &&
        : >"$bo_desk/new/alive" &&
        bo_lost 'never started' 'the job was cancelled before its launch came here' >"$bo_desk/new/exit" &&
        printf '\nend\n' >>"$bo_desk/new/exit" && mv "$bo_desk/new" "$bo_folder"
}
