#!/bin/bash
# OpenSSH: `ssh.sh master|alone KIND SSH_CONFIG COUNT WIDTH HOST...`, with WIDTH loops per host.
# Prints the seconds, how many ended well, and for KIND notice what the commands printed.
how=$1 kind=$2 config=$3 count=$4 width=$5
shift 5
case $kind in
    sleep) command='sleep 5' ;;
    notice) command='date +%s.%N; sleep 0.1; exec date +%s.%N' ;;
    *) command=true ;;
esac
slots=$((width * $#))

remote() { ssh -F "$config" -o ControlPath="$PWD/%n" "$@"; }

loop() { # HOST COUNT: one command after the other; prints a line for each that ended well
    for ((number = 0; number < $2; number++)); do
        remote "$1" "$command" && echo "known $EPOCHREALTIME"
    done
}

begun=$EPOCHREALTIME
if [ "$how" = master ]; then
    for host; do remote -o ControlMaster=yes -o ControlPersist=300 -fN "$host" & done
    wait
fi
for host; do
    for ((slot = 0; slot < width; slot++)); do
        loop "$host" $(((count - slot + slots - 1) / slots)) >"$host-$slot" 2>/dev/null &
    done
done
wait
ended=$EPOCHREALTIME
if [ "$how" = master ]; then
    for host; do remote -O exit "$host" 2>/dev/null; done
fi
cat ./*-[0-9]*
echo "seconds $begun $ended"
