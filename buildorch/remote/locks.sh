# shellcheck shell=sh
# The sh part's locks: the same line as the python part's, which says what it means
# (agent/line.py, agent/locks.py). Descriptor 6 is the lock of the line, 7 that of our ticket: no
# process that outlives a look may have them.

# Whether the command must not run any more.
bo_is_stopped() {
    bo_heed_lease
    [ -e "$bo_folder/cancel" ] || [ ! -e "$bo_folder/alive" ]
}

# Waits for a child of ours; ends it and fails where the command must not run any more.
bo_wait_child() {
    while kill -0 "$1" 2>/dev/null; do
        if bo_is_stopped; then
            kill "$1" 2>/dev/null
            return 1
        fi
        wait "$1"
    done 2>/dev/null
}

bo_rest_in_line() {
    bo_write_seconds "$1"
    sleep "$bo_seconds" 6<&- 7<&- 9<&- &
    bo_wait_child "$!"
}

# Tells the job's followers what it waits for, where that has changed.
bo_tell_line() {
    [ "$1" != "$bo_told_line" ] || return 0
    bo_told_line=$1
    printf 'kind lock\n%s\nend\n' "$1" >"$bo_folder/waiting.new" &&
        mv -f "$bo_folder/waiting.new" "$bo_folder/waiting"
}

# Waits for the lock of the line, as descriptor 6.
bo_enter_line() {
    exec 6<"$bo_queue"
    flock -n 6 </dev/null && return
    # The lock that a child takes is ours: the descriptor is the same.
    flock 6 </dev/null 7<&- 9<&- &
    bo_wait_child "$!" && flock -n 6 </dev/null
}

# Makes our ticket under the lock of the line.
bo_join_line() {
    bo_ticket=$(mktemp "$bo_queue/buildorch-lock-$1-XXXXXXXX") || return 1
    exec 7<>"$bo_ticket"
    bo_entry=${bo_ticket##*/}
    # First the lock, then the bytes, then everybody may look.
    flock -n 7 </dev/null && bo_write_ticket W "$bo_now" >&7 && chmod 644 "$bo_ticket" && return
    bo_leave_line
    return 1
}

bo_leave_line() {
    [ -z "$bo_entry" ] || rm -f "$bo_ticket"
    bo_entry=
    exec 7<&-
}

# Looks once whether it is our turn; sets bo_answer to the judgement.
bo_look_at_line() {
    bo_enter_line || return 1
    bo_read_now
    bo_entry_number=${bo_entry#buildorch-lock-}
    bo_entry_number=${bo_entry_number%%-*}
    bo_answer=$({
        printf 'ticket %s %s -1 1\n' "${bo_entry_number:-0}" "${bo_entry:-none}"
        bo_write_ticket W "$bo_now" | sed 's/^/ /'
        bo_list_tickets 7<&- 9<&-
    } | bo_judge)
    bo_value=${bo_answer%%"
"*}
    if [ -z "$bo_entry" ] && ! bo_join_line "${bo_value#number }"; then
        bo_answer="wait none -1 1
+name a ticket cannot be made in $bo_queue"
    fi
    case $bo_answer in
    *go) printf 'H\nsince %15s\n' "$bo_now" 1<>"$bo_ticket" ;;
    esac
    exec 6<&-
}

# Waits in the line until our claims are ours; fails where the command must not run any more.
bo_await_turn() {
    bo_uid=$(id -u)
    bo_namespace=$(readlink /proc/self/ns/pid 2>/dev/null)
    bo_run_name=${bo_marker#*=}
    bo_run_name=${bo_run_name%%.*}
    bo_entry='' bo_told_line=''
    bo_find_queue
    bo_read_claims
    while ! bo_is_stopped; do
        bo_look_at_line || continue
        case $bo_answer in
        *go)
            bo_take_over
            rm -f "$bo_folder/waiting"
            return 0
            ;;
        esac
        bo_wait_in_line
    done
    exec 6<&-
    bo_leave_line
    return 1
}

# Lets go what our owner keeps after other jobs, and we have now.
bo_take_over() {
    printf '%s\n' "$bo_answer" | sed -n 's/^take //p' | while IFS= read -r bo_other; do
        bo_give_back "$bo_other"
    done
}

# Whether `flock` can wait for so long and no longer; a small one cannot.
bo_flock_waits() {
    flock -w 1 "$bo_folder/locks" true 2>/dev/null </dev/null
}

# Tells what we wait for, and waits until that may have changed.
bo_wait_in_line() {
    # shellcheck disable=SC2046
    set -- $(printf '%s\n' "$bo_answer" | sed -n 's/^wait //p')
    bo_user=$(id -un "$2" 2>/dev/null) || bo_user="uid $2"
    bo_tell_line "$(printf '%s\n' "$bo_answer" | sed -n "s/^+uid .*/+user $bo_user/; s/^+//p")"
    if [ "$1" = none ] || { [ "$3" = 1 ] && ! bo_flock_waits; }; then
        bo_rest_in_line 50
    elif [ "$3" = 1 ]; then
        # Now and then by itself: our place may be another, and a signal may have been lost.
        BUILDORCH_JOB=${bo_marker#*=} flock -s -w 2 5 5<"$bo_queue/$1" 6<&- 7<&- 9<&- </dev/null 2>/dev/null &
        bo_wait_child "$!"
    else
        bo_other=$(printf '%s\n' "$bo_answer" | sed -n 's/^job //p')
        if [ "$2" = "$bo_uid" ] && [ -d "$bo_other" ]; then
            bo_root=${bo_other%/*/*}
            sh "$0" sweep "$bo_other" "$bo_root/ends/${bo_other##*/}" "$bo_flock" "$bo_nap" "$bo_setsid" \
                </dev/null >/dev/null 2>&1 6<&- 7<&- 9<&-
        fi
        bo_rest_in_line 50
    fi
}

# Whether a run has an agent on this machine that has heard its client lately; see
# agent/claims.py.
bo_is_served() {
    for bo_file in "${bo_folder%/*/*}/agents/$bo_run_name."*; do
        read -r bo_pid bo_began bo_value 2>/dev/null <"$bo_file" || continue
        if [ "$bo_value" != "$bo_boot" ] || ! bo_lives "$bo_pid" "$bo_began"; then continue; fi
        # Only the sh part's agent has such a file; a python one says so in its claim.
        read -r bo_value bo_rest 2>/dev/null <"${bo_file%/*}/sh-$bo_pid/heard" || return 0
        [ "$bo_rest" = "$bo_began" ] || return 0
        bo_read_now
        [ "$((bo_now - bo_value))" -ge 1500 ] || return 0
    done
    return 1
}

# Keeps our locks after the end, as long as somebody may want to take them over.
bo_keep_locks() {
    exec 9<&-
    bo_read_now
    bo_until=$((bo_now + bo_hold)) bo_told=
    [ "$bo_hold" -eq 0 ] || printf K 1<>"$bo_ticket"
    while [ "$bo_now" -lt "$bo_until" ] && [ -z "$bo_told" ] && [ -e "$bo_folder/alive" ] &&
        [ ! -e "$bo_folder/release" ] && bo_is_served; do
        bo_left=$((bo_until - bo_now))
        [ "$bo_left" -le 50 ] || bo_left=50
        bo_write_seconds "$bo_left"
        sleep "$bo_seconds" 7<&- &
        wait "$!"
        bo_read_now
    done
    bo_leave_line
}
