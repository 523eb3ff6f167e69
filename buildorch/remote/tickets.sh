# shellcheck shell=sh
# Tickets for locks: what a job wants, what the tickets of all jobs say, and who goes next. They
# mean the same as the python part's (agent/tickets.py).

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
    printf '%s\nsince %15s\nsession %15s\nboot %s\njob %s\nnamespace %s\nrun %s\nstage %s\nby %s\nsupervisor %s\n%send\n' \
        "$1" "$2" -1 "$bo_boot" "$bo_folder" "$bo_namespace" "$bo_run_name" "$bo_title" "$bo_by" "$bo_supervisor" "$bo_claims"
}

# Notes in our ticket which session the command's processes are in.
bo_note_session() {
    [ -z "$bo_ticket" ] ||
        printf '%15s' "$bo_session" | dd of="$bo_ticket" bs=1 seek=32 conv=notrunc 2>/dev/null
}

# Whether a ticket's supervisor is known to be dead, whoever has the ticket's lock: anybody can lock
# what anybody may read. A server can hide other accounts' processes (hidepid).
bo_is_bereaved() {
    head -c 65536 "$1" | grep -q -x -F -e "namespace $bo_namespace" && bo_stat 1 || return 1
    bo_value=$(head -c 65536 "$1" | sed -n 's/^supervisor \([0-9][0-9]* [0-9][0-9]*\)$/\1/p' | head -n 1)
    # shellcheck disable=SC2086
    ! bo_lives ${bo_value:-0 0}
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
        if flock -s -n 5 5<"$bo_file" || bo_is_bereaved "$bo_file"; then
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
