# shellcheck shell=sh
# What both halves of the sh part use: processes by number and start time, records, locks.
# All names begin with bo_, so that no variable of the account is touched.
# bo_flock is `flock` where that is, bo_nap whether `sleep` takes fractions.

# Sets bo_boot to the kernel's boot id.
bo_read_boot() {
    bo_boot=-
    read -r bo_boot 2>/dev/null </proc/sys/kernel/random/boot_id
}

# Sets bo_now to hundredths of a second since the boot; no clock that somebody sets.
bo_read_now() {
    read -r bo_up bo_rest </proc/uptime
    bo_now=${bo_up%.*}${bo_up#*.}
}

# Sets bo_value to the hundredths of a decimal number of seconds.
bo_hundredths() {
    bo_value=${1#*.}00
    case $1 in
    *.*) bo_value=${bo_value%"${bo_value#??}"} ;;
    *) bo_value=00 ;;
    esac
    bo_value=$((${1%.*} * 100 + 1$bo_value - 100))
}

# Sets bo_seconds to what `sleep` takes for that many hundredths of a second.
bo_write_seconds() {
    if [ "$bo_nap" = yes ]; then
        bo_seconds=$(($1 / 100)).$(($1 % 100 / 10))$(($1 % 10))
    else
        bo_seconds=$((($1 + 99) / 100))
    fi
}

bo_sleep() {
    bo_write_seconds "$1"
    sleep "$bo_seconds"
}

# Sets bo_state, bo_session and bo_start of a process; fails where there is none.
bo_stat() {
    bo_line=
    read -r bo_line 2>/dev/null <"/proc/$1/stat" || return 1
    # The name in parentheses may hold spaces and parentheses itself.
    # shellcheck disable=SC2086
    set -- ${bo_line##*) }
    bo_state=$1 bo_session=$4 bo_start=${20:-}
}

# Whether the process of that number and start time still runs.
bo_lives() {
    bo_stat "$1" && [ "$bo_start" = "$2" ] && [ "$bo_state" != Z ] && [ "$bo_state" != X ]
}

# Sets bo_value to what a record says under a name; fails where it says nothing.
bo_field() {
    bo_value=
    while read -r bo_name bo_rest; do
        [ "$bo_name" = "$2" ] || continue
        bo_value=$bo_rest
        return 0
    done 2>/dev/null <"$1"
    return 1
}

# Whether the process that a record names under a name (as number and start time) still runs.
bo_field_lives() {
    bo_field "$1" "$2" || return 1
    # shellcheck disable=SC2086
    bo_lives $bo_value
}

# Sets bo_queue to the folder of the tickets for locks; fails where none is fit.
bo_find_queue() {
    for bo_queue in /run/lock /var/tmp /tmp; do
        # shellcheck disable=SC2012,SC2046
        set -- $(LC_ALL=C ls -ldn "$bo_queue" 2>/dev/null)
        case ${1:-}/${3:-} in d??????rwt*/0) return 0 ;; esac
    done
    return 1
}

# Lets a job keep no locks after its end.
bo_give_back() {
    # Not by `:`, with which a redirection that fails ends sh.
    printf '' 2>/dev/null >"$1/release" && bo_field "$1/id" boot && [ "$bo_value" = "$bo_boot" ] &&
        bo_field_lives "$1/id" supervisor && kill -s USR1 "${bo_value%% *}"
}

# Whether the supervisor of the job in a folder lives.
bo_supervised() {
    [ -e "$1/alive" ] || return 1
    if [ -n "$bo_flock" ]; then
        ! flock -s -n "$1/alive" true 2>/dev/null </dev/null
    else
        bo_field_lives "$1/id" supervisor
    fi
}

# Writes the end of a job into the reserved bytes, in both places: also on a full disk.
bo_finish() {
    printf '%s\nend\n' "$3" | dd of="$1/exit.new" conv=notrunc 2>/dev/null &&
        mv -f "$1/exit.new" "$1/exit" 2>/dev/null
    printf '%s\nend\n' "$3" | dd of="$2" conv=notrunc 2>/dev/null
    if [ -d "$1" ] && [ ! -e "$1/exit" ]; then
        printf '%s\nend\n' "$3" >"$1/exit.again" && mv -f "$1/exit.again" "$1/exit"
    fi
}

# The record of a job whose end nobody knows: reason, detail.
bo_lost() {
    printf 'kind lost\ncode 0\nreason %s\ndetail %s' "$1" "$2"
}

# Runs a command while it holds the lock on a file.
bo_locked() {
    bo_file=$1
    shift
    if [ -n "$bo_flock" ]; then
        (flock 8 </dev/null && "$@") 8>>"$bo_file"
        return
    fi
    until mkdir "$bo_file.lock" 2>/dev/null; do bo_sleep 5; done
    ("$@")
    bo_value=$?
    rmdir "$bo_file.lock"
    return "$bo_value"
}
