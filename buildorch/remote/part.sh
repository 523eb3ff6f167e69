# shellcheck shell=sh
# The sh part's dispatcher: one per link; hears messages, starts supervisors, and for each job
# that is followed a process of its own. Frames are whole because each is written under a lock.

# What this server has, and what is missing, with what that costs.
bo_look() {
    bo_missing="missing there is no python3 (3.3 or newer): a process of a job that leaves its session and also clears its environment survives a kill"
    bo_flock=flock
    command -v flock >/dev/null || {
        bo_flock=
        bo_lack 'there is no flock: a killed supervisor is noticed by its number in the process table, a little later'
    }
    bo_nap=yes
    sleep 0.01 2>/dev/null || {
        bo_nap=no
        bo_lack 'sleep takes whole seconds only: deadlines are kept to the second'
    }
    if [ "$(setsid --fork --wait sh -c 'exit 3' 2>/dev/null; echo $?)" = 3 ]; then
        bo_setsid='wait'
    else
        bo_setsid=setsid
        command -v setsid >/dev/null || {
            bo_setsid=
            bo_lack 'there is no setsid: a job shares the session of the connection'
        }
        bo_lack 'setsid cannot wait: a command that is killed by signal N looks as if it had ended with code 128+N, and bitbake is not asked to stop by SIGINT before it is ended'
    fi
    bo_look_at_mounts
    command -v sha256sum >/dev/null || bo_lack 'there is no sha256sum: collected logs are not compared'
    [ -r /proc/self/stat ] || buildorch_unusable 'there is neither python3 nor /proc: no job could be watched over'
}

# Says so where other machines may build in the workdir: locks are each machine's own.
bo_look_at_mounts() {
    [ -n "$buildorch_workdir" ] || return 0
    bo_value=$(buildorch_absolute "$buildorch_workdir")
    bo_kind=$(printf '%s\n' "$bo_value" | awk '
        NR == FNR { path = $0 "/"; next }
        { point = $5; gsub(/\\040/, " ", point); sub(/\/*$/, "/", point)
          if (index(path, point) == 1 && length(point) >= length(best)) {
            best = point; kind = ""; for (i = 7; i < NF; i++) if ($i == "-") { kind = $(i + 1); break } } }
        END { print kind }' - /proc/self/mountinfo)
    case $bo_kind in
    9p | afs | beegfs | ceph | cifs | fuse.glusterfs | fuse.sshfs | gpfs | lustre | nfs | nfs4 | smb3 | smbfs)
        bo_lack "the workdir $bo_value is on $bo_kind: builds that other machines run in it are not kept out, since locks are each machine's own; give each machine a workdir of its own"
        ;;
    esac
}

# Whether a job is another machine's that shares the state folder; sets bo_other to where it is.
bo_is_elsewhere() {
    [ ! -d "$bo_state_dir/jobs/$1" ] || return 1
    bo_shared=$bo_state_dir
    case ${bo_state_dir##*/} in at-*) bo_shared=${bo_state_dir%/*} ;; esac
    for bo_other in "$bo_shared" "$bo_shared"/at-*; do
        [ "$bo_other" != "$bo_state_dir" ] || continue
        if [ -d "$bo_other/jobs/$1" ] || [ -e "$bo_other/ends/$1" ]; then return 0; fi
    done
    return 1
}

bo_lack() {
    bo_missing="$bo_missing
missing $1"
}

bo_prepare() {
    bo_state_dir=$buildorch_state
    mkdir -p "$bo_state_dir/jobs" "$bo_state_dir/ends" "$bo_state_dir/runs" "$bo_state_dir/agents" 2>/dev/null
    bo_desk=$bo_state_dir/agents/sh-$$
    for bo_file in "$bo_state_dir"/agents/sh-*; do
        [ -d "/proc/${bo_file##*-}" ] || rm -rf "$bo_file"
    done
    rm -rf "$bo_desk"
    mkdir -p "$bo_desk" ||
        buildorch_unusable "nothing can be written in the state folder $bo_state_dir"
    bo_script=$bo_state_dir/agents/supervise-$buildorch_digest.sh
    if [ ! -e "$bo_script" ]; then
        printf '%s' "$buildorch_supervise" >"$bo_desk/script" && mv -f "$bo_desk/script" "$bo_script"
    fi
    bo_reserve=$(printf '%4000s' '')
    bo_read_boot
    bo_claimed=' '
}

# Writes one frame whole: header words, then what a command prints (`:` for nothing).
bo_say() {
    bo_locked "$bo_desk/out" bo_write "$@"
}

bo_write() {
    printf '%s\n' "$1"
    shift
    "$@"
}

# A frame of a job, unless a newer question about the job has been asked meanwhile.
bo_say_of() {
    bo_locked "$bo_desk/out" bo_write_of "$@"
}

bo_write_of() {
    read -r bo_token <"$bo_desk/$1" || return 1
    [ "$bo_token" = "$2" ] || return 1
    shift 2
    bo_write "$@"
}

bo_text() {
    printf '%s' "$1"
}

# Prints the number of bytes of a text.
bo_bytes() {
    printf '%s' "$1" | wc -c | tr -dc 0-9
}

bo_bye() {
    bo_say "BYE $(bo_bytes "$1")" bo_text "$1"
}

bo_refuse() {
    bo_say "R $1 $2 $(bo_bytes "$3")" bo_text "$3"
}

# Reads exactly that many bytes of our input into a file; fails where they cannot be written.
bo_take() {
    if [ "$1" -eq 0 ]; then
        : >"$2"
    elif [ "$bo_whole" = yes ]; then
        dd bs="$1" count=1 iflag=fullblock of="$2" 2>/dev/null
    else
        dd bs=1 count="$1" of="$2" 2>/dev/null
    fi
}

# Whether a file has as many bytes.
bo_arrived() {
    [ "$1" -eq 0 ] || [ "$(($(wc -c <"$2") + 0))" -eq "$1" ]
}

# One agent per run: ends the older one that a lost link has left here.
bo_claim() {
    bo_run=${1%%.*}
    case $bo_claimed in *" $bo_run "*) return ;; esac
    bo_claimed="$bo_claimed$bo_run "
    bo_file=$bo_state_dir/agents/$bo_run.$buildorch_link@${bo_boot%"${bo_boot#????????}"}
    if read -r bo_pid bo_began bo_old 2>/dev/null <"$bo_file" && [ "$bo_old" = "$bo_boot" ] &&
        [ "$bo_pid" != "$$" ] && bo_lives "$bo_pid" "$bo_began"; then
        kill -s TERM "$bo_pid"
    fi
    bo_stat "$$"
    printf '%s %s %s\n' "$$" "$bo_start" "$bo_boot" >"$bo_desk/claim" && mv -f "$bo_desk/claim" "$bo_file"
}

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
        bo_refuse "$bo_ident" state 'no locks can be taken on this server: it has neither python3 nor flock; install util-linux (or python3), or set share_workdir where runs may build in one folder at once'
    elif ! bo_find_queue; then
        bo_refuse "$bo_ident" state "no locks can be taken on this server: none of /run/lock, /var/tmp, /tmp is a folder of root's that all accounts may write (mode 1777); make one, or set share_workdir where runs may build in one folder at once"
    else
        return 1
    fi
}

# A new question about a job: what is still said to an older one is not sent any more.
bo_ask() {
    bo_count=$((${bo_count:-0} + 1))
    printf '%s\n' "$bo_count" >"$bo_desk/$1.new" && mv -f "$bo_desk/$1.new" "$bo_desk/$1"
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

bo_on_follow() {
    bo_claim "$1"
    bo_ask "$1"
    bo_say "F $1" :
    bo_follow "$1" "$2" "$bo_count" </dev/null &
}

# follow ID OFFSET TOKEN: the log from there on, then the end. OFFSET `-` is the end alone.
bo_follow() {
    bo_ident=$1 bo_at=$2 bo_token_mine=$3
    bo_folder=$bo_state_dir/jobs/$1
    bo_memory=$bo_state_dir/ends/$1
    bo_told_waiting=
    if [ ! -e "$bo_folder/exit" ]; then
        bo_send_waiting || return
        bo_send_log || return
        bo_from=0
        [ "$bo_at" = - ] || bo_from=+$((bo_at + 1))
        {
            # Only a bell: what it prints is thrown away, the log is read from the file.
            tail -c "$bo_from" -f "$bo_folder/log" &
            bo_bell=$!
            bo_ring_waiting &
            bo_wait_end
            kill "$bo_bell" "$!"
        } | bo_listen
        return
    fi
    bo_send_end
}

bo_listen() {
    while [ "$(dd bs=65536 count=1 2>/dev/null | wc -c)" -gt 0 ]; do
        bo_send_waiting || return
        bo_send_log || return
    done
    bo_send_end
}

# Rings when what a job waits for is another; one without locks hardly ever waits.
bo_ring_waiting() {
    bo_tick=100
    [ ! -e "$bo_folder/locks" ] || bo_tick=30
    while :; do
        bo_read_waiting
        if [ "$bo_value" != "$bo_told_waiting" ]; then
            bo_told_waiting=$bo_value
            echo
        fi
        # Not into the bell: who listens waits until everybody has let go of it.
        bo_sleep "$bo_tick" >/dev/null
    done
}

# Sets bo_value to what a job waits for.
bo_read_waiting() {
    bo_value=
    [ ! -s "$bo_folder/waiting" ] || bo_value=$(cat "$bo_folder/waiting" 2>/dev/null)
}

# Says what a job waits for, where that is not what we have said.
bo_send_waiting() {
    [ ! -e "$bo_folder/exit" ] || return 0
    bo_read_waiting
    [ "$bo_value" != "$bo_told_waiting" ] || return 0
    bo_told_waiting=$bo_value
    bo_read_now
    bo_value=$(printf '%s' "$bo_value" | LC_ALL=C awk -v now="$bo_now" '
        $1 == "since" { printf "seconds %.2f\n", (now - $2 > 0 ? now - $2 : 0) / 100; next }
        { print }')
    bo_say_of "$bo_ident" "$bo_token_mine" "W $bo_ident $(bo_bytes "$bo_value")" bo_text "$bo_value"
}

bo_wait_end() {
    if [ -n "$bo_flock" ] && [ -e "$bo_folder/alive" ]; then
        flock -s "$bo_folder/alive" true </dev/null
        return
    fi
    while [ ! -e "$bo_folder/exit" ] && bo_supervised "$bo_folder"; do bo_sleep 20; done
}

# Sends what the log holds, as far as the end says that it belongs to the job.
bo_send_log() {
    [ "$bo_at" != - ] || return 0
    bo_size=$(($(wc -c 2>/dev/null <"$bo_folder/log") + 0))
    if bo_field "$bo_folder/exit" log_bytes && [ "$bo_size" -gt "$bo_value" ]; then bo_size=$bo_value; fi
    while [ "$bo_at" -lt "$bo_size" ]; do
        bo_n=$((bo_size - bo_at))
        [ "$bo_n" -le 262144 ] || bo_n=262144
        bo_say_of "$bo_ident" "$bo_token_mine" "L $bo_ident $bo_at $bo_n" bo_piece || return 1
        bo_at=$((bo_at + bo_n))
    done
}

bo_piece() {
    tail -c "+$((bo_at + 1))" "$bo_folder/log" | head -c "$bo_n"
}

# Sends the end: the recorded one, or what the disk tells where nobody recorded one.
bo_send_end() {
    while [ ! -e "$bo_folder/exit" ]; do
        if bo_find_out; then
            bo_say_of "$bo_ident" "$bo_token_mine" "E $bo_ident $(bo_bytes "$bo_end")" bo_text "$bo_end"
            return
        fi
    done
    bo_send_log || return
    bo_end=$(sed '/^end$/q' "$bo_folder/exit")
    bo_say_of "$bo_ident" "$bo_token_mine" "E $bo_ident $(bo_bytes "$bo_end")" bo_text "$bo_end"
}

# Sets bo_end where the job is lost; else waits a little, or ends what a dead supervisor left.
bo_find_out() {
    if [ ! -e "$bo_folder/alive" ]; then
        bo_find_out_gone
        return
    fi
    if bo_supervised "$bo_folder"; then
        bo_sleep 10
        return 1
    fi
    [ ! -e "$bo_folder/exit" ] || return 1
    if [ ! -e "$bo_folder/id" ] && ! bo_field "$bo_memory" marker; then
        bo_end=$(bo_lost 'never started' 'the launch was cut short before the job ran')
        return
    fi
    ${bo_setsid:+setsid} sh "$bo_script" sweep "$bo_folder" "$bo_memory" "$bo_flock" "$bo_nap" "$bo_setsid" </dev/null >/dev/null 2>&1
    return 1
}

bo_find_out_gone() {
    if [ ! -e "$bo_memory" ]; then
        bo_end=$(bo_lost 'never started' 'this server knows no such job')
    elif bo_field "$bo_memory" kind; then
        bo_end=$(sed '/^end$/q' "$bo_memory")
    elif bo_field "$bo_memory" boot && [ "$bo_value" = "$bo_boot" ] && bo_field_lives "$bo_memory" supervisor; then
        # Nobody can watch over this job any more: its supervisor ends it.
        bo_field_lives "$bo_memory" orders && kill -s USR1 "${bo_value%% *}"
        bo_sleep 10
        return 1
    elif bo_field "$bo_memory" boot && [ "$bo_value" = "$bo_boot" ] && [ "${bo_swept:-}" != "$bo_folder" ]; then
        # Its supervisor was killed as well, and with the folder its lock is gone.
        bo_swept=$bo_folder
        ${bo_setsid:+setsid} sh "$bo_script" sweep "$bo_folder" "$bo_memory" "$bo_flock" "$bo_nap" "$bo_setsid" </dev/null >/dev/null 2>&1
        return 1
    else
        bo_end=$(bo_lost 'folder removed' "the job's folder $bo_folder is gone")
    fi
}

bo_on_cancel() {
    bo_claim "$1"
    bo_folder=$bo_state_dir/jobs/$1
    bo_ident=$1
    bo_locked "$bo_state_dir/runs/${1%%.*}" bo_entomb
    if [ ! -e "$bo_folder/exit" ] && printf '%s %s\n' "$2" "$3" >"$bo_folder/cancel.new" &&
        mv -f "$bo_folder/cancel.new" "$bo_folder/cancel" && bo_field "$bo_folder/id" boot &&
        [ "$bo_value" = "$bo_boot" ] && bo_field_lives "$bo_folder/id" orders; then
        kill -s USR1 "${bo_value%% *}"
    fi
    [ -e "$bo_desk/$1" ] && return
    bo_ask "$1"
    bo_follow "$1" - "$bo_count" </dev/null &
}

bo_on_release() {
    bo_give_back "$bo_state_dir/jobs/$1"
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

bo_on_sum() {
    bo_sum "$1" </dev/null &
}

bo_sum() {
    bo_digest=$(sha256sum 2>/dev/null <"$bo_state_dir/jobs/$1/log")
    bo_size=$(wc -c 2>/dev/null <"$bo_state_dir/jobs/$1/log" | tr -dc 0-9)
    if [ -z "$bo_digest" ]; then bo_size=-1 bo_digest=-; fi
    bo_say "K $1 $bo_size ${bo_digest%% *}" :
}

# Removes the folders of jobs that ended more than that many seconds ago.
bo_on_clean() {
    bo_age=$((${1%.*} / 60))
    find "$bo_state_dir/jobs" -mindepth 1 -maxdepth 1 -type d -mmin "+$bo_age" >"$bo_desk/old"
    [ "$bo_age" -gt 0 ] || find "$bo_state_dir/jobs" -mindepth 1 -maxdepth 1 -type d >"$bo_desk/old"
    bo_jobs=0 bo_freed=0
    while read -r bo_folder; do
        if bo_supervised "$bo_folder"; then continue; fi
        bo_freed=$((bo_freed + $(du -s -k "$bo_folder" | tr -dc '0-9\n\t ' | awk '{ print $1 }') * 1024))
        bo_jobs=$((bo_jobs + 1))
        rm -rf "$bo_folder" "$bo_state_dir/ends/${bo_folder##*/}"
    done <"$bo_desk/old"
    bo_say "C $bo_jobs $bo_freed" :
}

bo_leave() {
    trap '' TERM
    rm -rf "$bo_desk"
    # The followers; supervisors have sessions of their own.
    [ "$bo_leader" = yes ] && kill -s TERM 0
    exit 0
}

# Ends us when the client has shown no sign of life for two minutes.
bo_wait_for_silence() {
    while sleep 30 && bo_lives "$$" "$bo_mine"; do
        bo_read_now
        read -r bo_last <"$bo_desk/heard" || exit 0
        [ "$((bo_now - bo_last))" -lt 12000 ] || kill -s TERM "$$"
    done
}

bo_is_job() {
    case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9.-]*) return 1 ;; esac
    [ "${#1}" -le 240 ]
}

bo_is_whole() {
    case $1 in '' | 0?* | *[!0-9]*) return 1 ;; esac
    [ "${#1}" -le 18 ]
}

# Whether every word is a number such as `12` and `1.250`, or `-` for none.
bo_are_numbers() {
    for bo_value in "$@"; do
        case $bo_value in *. | *.*[!0-9]*) return 1 ;; esac
        [ "$bo_value" = - ] || bo_is_whole "${bo_value%%.*}" || return 1
    done
}

# Whether every word is `NAME:SIZE`, with a name that leads nowhere else.
bo_are_files() {
    for bo_value in "$@"; do
        case ${bo_value%%:*} in '' | .* | *[!a-z.]*) return 1 ;; esac
        case $bo_value in *:*) ;; *) return 1 ;; esac
        bo_is_whole "${bo_value#*:}" && [ "${bo_value#*:}" -le 16777216 ] || return 1
    done
}

# Whether these words are a message of a client: any other is obeyed in nothing.
bo_is_message() {
    case $1/$# in
    ping/2) ;;
    ping/3) bo_is_whole "$3" ;;
    sum/2 | release/2) bo_is_job "$2" ;;
    clean/2) bo_is_whole "${2%.*}" && bo_are_numbers "$2" ;;
    follow/3) bo_is_job "$2" && bo_is_whole "$3" ;;
    cancel/4) bo_is_job "$2" && bo_is_job "$3" && bo_is_whole "${4%.*}" && bo_are_numbers "$4" ;;
    start/9 | start/1?) bo_is_job "$2" && bo_is_job "$3" && bo_is_whole "$4" &&
        bo_are_numbers "$5" "$6" "$7" "$8" "$9" && shift 9 && bo_are_files "$@" ;;
    *) return 1 ;;
    esac
}

# Renews the leases of the jobs that are followed over this link.
bo_renew() {
    for bo_file in "$bo_state_dir"/jobs/*/lease; do
        bo_folder=${bo_file%/lease}
        if [ ! -e "$bo_file" ] || [ ! -e "$bo_desk/${bo_folder##*/}" ]; then continue; fi
        printf '%s\n' "$1" >"$bo_folder/renewed.new" && mv -f "$bo_folder/renewed.new" "$bo_folder/renewed"
    done
}

bo_hear() {
    while IFS= read -r bo_line; do
        set -f
        # shellcheck disable=SC2086
        set -- $bo_line
        set +f
        if ! bo_is_message "$@"; then
            bo_bye 'no message of a client came here'
            return
        fi
        bo_word=$1
        shift
        case $bo_word in
        start | follow | cancel)
            if bo_is_elsewhere "$1"; then
                bo_bye "the job $1 is on another machine, which keeps it in $bo_other: the address of this server leads to several machines; give each a name of its own"
                return
            fi
            ;;
        esac
        case $bo_word in
        ping)
            bo_read_now
            printf '%s\n' "$bo_now" >"$bo_desk/heard"
            [ -z "${2:-}" ] || bo_renew "$2"
            bo_say "PONG $1${2:+ $bo_now}" :
            ;;
        start) bo_on_start "$@" ;;
        follow) bo_on_follow "$@" ;;
        cancel) bo_on_cancel "$@" ;;
        release) bo_on_release "$@" ;;
        sum) bo_on_sum "$@" ;;
        clean) bo_on_clean "$@" ;;
        esac
    done
}

# An old dd takes what a pipe happens to hold for a whole block.
bo_whole=no
if printf x | dd bs=1 count=1 iflag=fullblock >/dev/null 2>&1; then bo_whole=yes; fi
[ "$buildorch_skip" -eq 0 ] || {
    # The agent's text, which nobody here can read.
    IFS= read -r bo_line
    bo_take "$buildorch_skip" /dev/null
}
bo_look
bo_prepare
exec 2>/dev/null
bo_leader=no
bo_stat "$$"
bo_mine=$bo_start
[ "$bo_session" = "$$" ] && [ -n "$bo_setsid" ] && bo_leader=yes
bo_read_now
printf '%s\n' "$bo_now" >"$bo_desk/heard"
trap 'bo_bye "another connection of the same run has taken over"; bo_leave' TERM
bo_wait_for_silence </dev/null >/dev/null &
bo_facts="agent sh
boot_id $bo_boot
clock $bo_now
home $HOME
state_dir $bo_state_dir
shell ${SHELL:-}
$bo_missing"
bo_say "
READY $buildorch_nonce $(bo_bytes "$bo_facts")" bo_text "$bo_facts"
bo_hear
bo_leave
