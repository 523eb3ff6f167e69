# shellcheck shell=sh
# The end of a job: what is recorded of it, and why its command failed where it was not the
# command's own doing.

# Logs up to this size have their checksum in the record of the end.
bo_small=1048576

# Prints the lines of `df` for folders: mount, free and all KiB, and words for both.
bo_disks() {
    df -P -k "$@" 2>/dev/null | LC_ALL=C awk 'NR > 1 && $2 > 0 {
        printf "%s %d %.1f GB of %.1f GB are free\n", $6, $4, $4 * 1024 / 1e9, $2 * 1024 / 1e9 }'
}

# Sets bo_detail to the numbers of the first full disk among those of some folders.
bo_full_disk() {
    bo_detail=$(bo_disks "$@" | awk '$2 < 1024 {
        mount = $1; $1 = $2 = ""; sub(/^ +/, ""); print "the disk of " mount " is full: " $0; exit }')
}

# Sets bo_room to how much is free where the command began.
bo_find_room() {
    bo_room=$(bo_disks "${bo_cwd:-$bo_folder}" | awk '{
        mount = $1; $1 = $2 = ""; sub(/^ +/, ""); print $0 " on the disk of " mount; exit }')
}

# Says why the command failed, where it was not the command's own doing.
bo_explain() {
    if [ -e "$bo_folder/why" ]; then
        { read -r bo_reason && read -r bo_detail; } <"$bo_folder/why"
        return
    fi
    bo_read_now
    if [ -n "$bo_told" ] && [ "$((bo_now - bo_told))" -lt 12000 ]; then
        # Before it is called lost: it may be launched again somewhere.
        bo_hundredths "$bo_grace"
        bo_kill "$bo_value"
        bo_kind=lost bo_code=0 bo_reason='supervisor killed'
        bo_detail='the server told its processes to end (SIGTERM), as it does at a shutdown; what could be found of the job was ended'
        return
    fi
    bo_full_disk "$bo_folder" "${bo_cwd:-$bo_folder}"
    if [ -n "$bo_detail" ]; then
        bo_reason=no_space
    elif [ -e "$bo_folder/setup" ] && [ ! -e "$bo_folder/ready" ]; then
        bo_reason=setup bo_detail='the setup of the command failed; the command did not run'
    fi
}

# Sets bo_record to the end of the job.
bo_describe_end() {
    bo_reason='' bo_detail='' bo_room='' bo_cwd=''
    read -r bo_cwd 2>/dev/null <"$bo_folder/cwd"
    if (set -C && : >"$bo_over") 2>/dev/null; then
        kill "$bo_watchdog" 2>/dev/null
        wait "$bo_watchdog" 2>/dev/null
        if [ ! -e "$bo_folder/alive" ]; then
            bo_reason='folder removed'
        elif [ -e "$bo_folder/dropped" ]; then
            read -r bo_reason bo_value <"$bo_folder/cancel"
            bo_kind=lost bo_code=0 bo_detail="$bo_reason before it began"
        elif [ "$bo_kind $bo_code" != 'exit 0' ]; then
            bo_explain
        else
            bo_full_disk "$bo_folder"
            bo_detail=${bo_detail:+$bo_detail: the log may be cut short}
        fi
    else
        # The watchdog was first: it kills, and is done when nothing is left.
        wait "$bo_watchdog" 2>/dev/null
        read -r bo_reason <"$bo_over.reason"
    fi
    [ "$bo_reason" != 'folder removed' ] || bo_kind=lost bo_code=0
    [ "$bo_reason$bo_kind $bo_code" = 'exit 0' ] || bo_find_room
    bo_read_now
    bo_size=$(($(wc -c 2>/dev/null <"$bo_folder/log") + 0))
    bo_record="kind $bo_kind
code $bo_code${bo_reason:+
reason $bo_reason}${bo_detail:+
detail $bo_detail}${bo_room:+
room $bo_room}
seconds $(((bo_now - bo_launched) / 100)).$(((bo_now - bo_launched) % 100 / 10))$(((bo_now - bo_launched) % 10))
log_bytes $bo_size"
    if [ "$bo_size" -le "$bo_small" ] && command -v sha256sum >/dev/null; then
        bo_sum=$(sha256sum 2>/dev/null <"$bo_folder/log")
        bo_record="$bo_record
log_sha256 ${bo_sum%% *}"
    fi
    bo_record=$bo_record$(bo_leftovers)
}

# Records the end of a job that was stopped before its command began.
bo_end_unstarted() {
    bo_reason='folder removed'
    [ ! -e "$bo_folder/alive" ] || read -r bo_reason bo_value <"$bo_folder/cancel"
    bo_finish "$bo_folder" "$bo_memory" "kind lost
code 0
reason $bo_reason
detail $bo_reason before it began
seconds 0.00
log_bytes 0"
    rm -f "$bo_folder/env.sh"
}
