# shellcheck shell=sh
# Following one job: its log from an offset on, then its end, as far as the disk tells.

# A new question about a job: what is still said to an older one is not sent any more.
bo_ask() {
    bo_count=$((${bo_count:-0} + 1))
    printf '%s\n' "$bo_count" >"$bo_desk/$1.new" && mv -f "$bo_desk/$1.new" "$bo_desk/$1"
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
    if [ "$bo_n" -eq 262144 ] && [ $((bo_at % bo_n)) -eq 0 ]; then
        # A large log that is followed from its beginning has only such pieces.
        dd if="$bo_folder/log" bs="$bo_n" skip=$((bo_at / bo_n)) count=1 2>/dev/null
        return
    fi
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
