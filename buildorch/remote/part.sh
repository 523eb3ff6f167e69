# shellcheck shell=sh
# The sh part's dispatcher: one per link; hears messages, starts supervisors, and for each job
# that is followed a process of its own.

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

# One agent per run: ends the older one that a lost link has left here.
bo_claim() {
    bo_run=${1%%.*}
    case $bo_claimed in *" $bo_run "*) return ;; esac
    bo_claimed="$bo_claimed$bo_run "
    bo_file=$bo_state_dir/agents/$bo_run.$buildorch_link@${bo_boot%"${bo_boot#????????}"}
    if read -r bo_pid bo_began bo_old bo_rest 2>/dev/null <"$bo_file" && [ "$bo_old" = "$bo_boot" ] &&
        [ "$bo_pid" != "$$" ] && bo_lives "$bo_pid" "$bo_began"; then
        kill -s TERM "$bo_pid"
    fi
    bo_stat "$$"
    printf '%s %s %s\n' "$$" "$bo_start" "$bo_boot" >"$bo_desk/claim" && mv -f "$bo_desk/claim" "$bo_file"
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
        read -r bo_last bo_rest <"$bo_desk/heard" || exit 0
        [ "$((bo_now - bo_last))" -lt 12000 ] || kill -s TERM "$$"
    done
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
        bo_read_now
        printf '%s %s\n' "$bo_now" "$bo_mine" >"$bo_desk/heard"
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
printf '%s %s\n' "$bo_now" "$bo_mine" >"$bo_desk/heard"
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
