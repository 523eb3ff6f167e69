# shellcheck shell=sh
# The sh part's locks: the same line and the same tickets as the python part's, which says what
# they mean (agent/line.py, agent/tickets.py). Descriptor 6 is the lock of the line, 7 that of our
# ticket: no process that outlives a look may have them.

# Prints the real path of a folder, which need not be there yet.
bo_real() {
    # The client sends it as it was written: nobody has expanded its tilde.
    # shellcheck disable=SC2088
    case $1 in
    /*) bo_path=$1 ;;
    '~') bo_path=$HOME ;;
    '~/'*) bo_path=$HOME/${1#??} ;;
    *) bo_path=$HOME/$1 ;;
    esac
    bo_tail='' bo_up=0 bo_hops=40
    while ! bo_value=$(cd -P -- "$bo_path" 2>/dev/null && pwd -P); do
        while [ "${bo_path%/}" != "$bo_path" ]; do bo_path=${bo_path%/}; done
        bo_name=${bo_path##*/} bo_path=${bo_path%/*}
        if [ -h "$bo_path/$bo_name" ] && [ "$bo_hops" -gt 0 ]; then
            bo_hops=$((bo_hops - 1))
            bo_value=$(readlink "$bo_path/$bo_name")
            case $bo_value in
            /*) bo_path=$bo_value ;;
            *) bo_path=$bo_path/$bo_value ;;
            esac
            continue
        fi
        case $bo_name in
        .) ;;
        ..) bo_up=$((bo_up + 1)) ;;
        *) if [ "$bo_up" -gt 0 ]; then bo_up=$((bo_up - 1)); else bo_tail=/$bo_name$bo_tail; fi ;;
        esac
        bo_path=${bo_path:-/}
    done
    while [ "$bo_up" -gt 0 ]; do
        bo_value=${bo_value%/*}
        bo_up=$((bo_up - 1))
    done
    bo_value=${bo_value%/}$bo_tail
    printf '%s\n' "${bo_value:-/}" | tr '\n' '?' | sed 's/?$//'
}

# Sets bo_claims to what the job wants, one claim a line, folders as they really are.
bo_read_claims() {
    bo_claims='' bo_hold=0 bo_title='' bo_by=''
    while read -r bo_kind bo_owner bo_text; do
        case $bo_kind in
        hold) bo_hundredths "$bo_owner" && bo_hold=$bo_value ;;
        stage) bo_title=$bo_owner${bo_text:+ $bo_text} ;;
        by) bo_by=$bo_owner${bo_text:+ $bo_text} ;;
        esac
    done <"$bo_folder/locks"
    while IFS= read -r bo_text; do
        bo_kind=${bo_text%% *}
        bo_text=${bo_text#* }
        bo_owner=${bo_text%% *}
        bo_text=${bo_text#* }
        case $bo_kind in
        folder) bo_text=$(bo_real "$bo_text") ;;
        name) ;;
        *) continue ;;
        esac
        bo_claims="$bo_claims$bo_kind $bo_owner $bo_text
"
    done <"$bo_folder/locks"
}

# Prints our ticket: state, since when. The session is written over later, in place.
bo_write_ticket() {
    printf '%s\nsince %15s\nsession %15s\nboot %s\njob %s\nrun %s\nstage %s\nby %s\nsupervisor %s\n%send\n' \
        "$1" "$2" -1 "$bo_boot" "$bo_folder" "$bo_run_name" "$bo_title" "$bo_by" "$bo_supervisor" "$bo_claims"
}

# Notes in our ticket which session the command's processes are in.
bo_note_session() {
    [ -z "$bo_ticket" ] ||
        printf '%15s' "$bo_session" | dd of="$bo_ticket" bs=1 seek=32 conv=notrunc 2>/dev/null
}

# Whether a ticket counts whose supervisor is dead: while its job lives, if it had begun.
bo_orphaned() {
    [ "$(head -c 1 "$1")" = H ] && head -c 65536 "$1" | grep -q -x -F -e "boot $bo_boot" || return 1
    bo_other=$(head -c 65536 "$1" | sed -n 's/^job //p' | head -n 1)
    if [ "$2" = "$bo_uid" ] && [ -d "$bo_other" ]; then
        [ ! -e "$bo_other/exit" ]
        return
    fi
    bo_value=$(head -c 65536 "$1" | sed -n 's/^session *\([0-9][0-9]*\)$/\1/p' | head -n 1)
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v session="${bo_value:-none}" '
        { sub(/^.*\) /, ""); if ($1 !~ /[ZX]/ && $4 == session) { found = 1; exit } }
        END { exit !found }'
}

# Prints every ticket that counts but ours: `ticket NUMBER NAME UID HELD`, and its lines indented;
# removes those of ours that count no more.
bo_list_tickets() {
    for bo_file in "$bo_queue"/buildorch-lock-[1-9]*; do
        bo_name=${bo_file##*/}
        bo_number=${bo_name#buildorch-lock-}
        bo_number=${bo_number%%-*}
        case $bo_number in *[!0-9]* | ????????????????*) continue ;; esac
        case ${bo_name#"buildorch-lock-$bo_number-"} in ?????? | ??????*) ;; *) continue ;; esac
        case $bo_name in *[!A-Za-z0-9-]*) continue ;; esac
        [ "$bo_name" != "$bo_entry" ] || continue
        if [ ! -f "$bo_file" ] || [ -h "$bo_file" ] || [ ! -r "$bo_file" ]; then continue; fi
        # A name of ours: no space, no glob.
        # shellcheck disable=SC2046,SC2012
        set -- $(LC_ALL=C ls -ldn "$bo_file" 2>/dev/null)
        bo_held=1
        if flock -s -n 5 5<"$bo_file"; then
            bo_held=0
            if ! bo_orphaned "$bo_file" "$3"; then
                [ "$3" != "$bo_uid" ] || rm -f "$bo_file"
                continue
            fi
        fi
        printf 'ticket %s %s %s %s\n' "$bo_number" "$bo_name" "$3" "$bo_held"
        head -c 65536 "$bo_file" | sed 's/^/ /'
        printf '\n'
    done 2>/dev/null
}

# Reads tickets, ours first, and prints what follows from them for ours: `number N` for a new
# ticket, `take JOB` for what it takes over, and `go`, or `wait NAME UID HELD`, `job JOB` and what
# is told.
bo_judge() {
    LC_ALL=C awk -v now="$bo_now" -v boot="$bo_boot" -v me="$bo_uid" '
    function inside(a, b) { sub(/\/*$/, "/", a); sub(/\/*$/, "/", b); return index(a, b) == 1 }
    function against(a, i, b, j) {
        if (kind[a, i] "" != kind[b, j] "" || owner[a, i] "" == owner[b, j] "") return 0
        if (kind[a, i] == "name") return text[a, i] "" == text[b, j] ""
        return inside(text[a, i], text[b, j]) || inside(text[b, j], text[a, i])
    }
    function conflict(a, b, i, j) {
        for (i = 1; i <= claims[a]; i++)
            for (j = 1; j <= claims[b]; j++) if (against(a, i, b, j)) return i
        return 0
    }
    # Whether our owner already has what a ticket waits for.
    function ours(b, c, i, j, k) {
        for (c = 2; c <= n; c++) if (good[c] && state[c] != "W") for (i = 1; i <= claims[c]; i++)
            for (k = 1; k <= claims[1]; k++) if (owner[c, i] "" == owner[1, k] "")
                for (j = 1; j <= claims[b]; j++) if (against(c, i, b, j)) return 1
        return 0
    }
    function covered(b, i, k, found) {
        for (i = 1; i <= claims[b]; i++) {
            found = 0
            for (k = 1; k <= claims[1]; k++)
                if (whole[b, i] "" == whole[1, k] "") found = 1
            if (!found) return 0
        }
        return 1
    }
    function earlier(a, b) {
        if (number[a] + 0 != number[b] + 0) return number[a] + 0 < number[b] + 0
        return name[a] "" < name[b] ""
    }
    function told(b, key) {
        if (about[b, key] == "") return
        gsub(/[[:cntrl:]]/, "?", about[b, key])
        print "+" key " " substr(about[b, key], 1, 200)
    }
    /^ticket / { n++; number[n] = $2; name[n] = $3; uid[n] = $4; held[n] = $5; row = 0; next }
    {
        row++
        line = substr($0, 2)
        if (row == 1) { state[n] = line; next }
        if (row == 2) { since[n] = line ~ /^since *[0-9]+$/ ? $2 : ""; next }
        if (line == "end") { good[n] = state[n] ~ /^[WHK]$/ && since[n] != "" && (n == 1 || about[n, "boot"] == boot); next }
        if (line ~ /^(folder|name) [A-Za-z0-9][A-Za-z0-9.-]* ./) {
            i = ++claims[n]
            whole[n, i] = line
            kind[n, i] = line; sub(/ .*/, "", kind[n, i])
            owner[n, i] = substr(line, length(kind[n, i]) + 2); sub(/ .*/, "", owner[n, i])
            text[n, i] = substr(line, length(kind[n, i]) + length(owner[n, i]) + 3)
            next
        }
        key = line; sub(/ .*/, "", key)
        about[n, key] = substr(line, length(key) + 2)
    }
    END {
        last = now
        for (b = 2; b <= n; b++) if (number[b] + 0 >= last && number[b] + 0 < now + 1000) last = number[b] + 1
        if (number[1] == 0) { number[1] = last; print "number " last }
        place = 1
        for (b = 2; b <= n; b++) {
            if (!good[b] || !conflict(1, b)) continue
            if (state[b] != "W") { if (!first || state[first] == "W" || earlier(b, first)) first = b }
            else if (earlier(b, 1) && !ours(b)) {
                place++
                if (!first || (state[first] == "W" && earlier(b, first))) first = b
            }
        }
        if (!first) {
            for (b = 2; b <= n; b++)
                if (good[b] && state[b] == "K" && uid[b] == me && covered(b)) print "take " about[b, "job"]
            print "go"
            exit
        }
        print "wait " name[first] " " uid[first] " " held[first]
        print "job " about[first, "job"]
        print "+name " text[1, conflict(1, first)]
        print "+place " place
        print "+uid " uid[first]
        sub(/ .*/, "", about[first, "supervisor"])
        about[first, "pid"] = about[first, "supervisor"]
        told(first, "pid"); told(first, "by"); told(first, "run"); told(first, "stage")
        if (state[first] != "W") print "+since " since[first]
    }'
}

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

# Whether a run has an agent on this machine.
bo_is_served() {
    for bo_file in "${bo_folder%/*/*}/agents/$bo_run_name."*; do
        read -r bo_pid bo_began bo_value 2>/dev/null <"$bo_file" || continue
        [ "$bo_value" = "$bo_boot" ] && bo_lives "$bo_pid" "$bo_began" && return 0
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
