#!/bin/sh
# The command of every job: writes down on another disk than the job's that it began, says lines
# that are a pure function of its arguments, and writes down how it is about to end.
# Called as: program.sh BATCHES SIZE PAUSE CODES END CHILD ARTIFACT

batches=$1 size=$2 pause=$3 codes=$4 ending=$5 child=$6 artifact=$7
witness=/workspace/witness
nonce=$(cat /proc/sys/kernel/random/uuid)
job=${BUILDORCH_JOB%@*}
step=${job##*.}
tag=$BUILDORCH_STAGE/$BUILDORCH_ATTEMPT/$step
# What it leaves behind can be told from what others leave by how long it sleeps.
mark=$(printf '%03d%02d%02d' "${BUILDORCH_STAGE#s}" "$BUILDORCH_ATTEMPT" "$step")

printf 'start %s %s %s %s %s\n' "$nonce" "$job" "$BUILDORCH_STAGE" "$$" "$(date +%s.%N)" >>"$witness"

code=$(printf '%s' "$codes" | cut -d, -f"$BUILDORCH_ATTEMPT")
[ -n "$code" ] || code=${codes##*,}

# The end that is written down first is the true one, should we be killed right behind it.
leave() {
    printf 'end %s %s %s\n' "$nonce" "$1" "$(date +%s.%N)" >>"$witness"
    exit "$1"
}

case $child in
plain) sleep "3600.$mark" & ;;
setsid) setsid sleep "3600.$mark" </dev/null >/dev/null 2>&1 & ;;
hidden) (setsid env -i /bin/sleep "3600.$mark" </dev/null >/dev/null 2>&1 &) ;;
esac

number=0
while [ "$number" -lt "$batches" ]; do
    first=$((number * size + 1))
    seq -f "$tag %.0f" "$first" $((first + size - 1)) || leave 74
    number=$((number + 1))
    sleep "$pause"
done

if [ "$artifact" -gt 0 ]; then
    mkdir -p "out/$BUILDORCH_STAGE" && seq "$artifact" >"out/$BUILDORCH_STAGE/made" || leave 74
fi

case $ending in
hang) while :; do sleep "3500.$mark"; done ;;
kill)
    printf 'end %s kill %s\n' "$nonce" "$(date +%s.%N)" >>"$witness"
    kill -KILL $$
    ;;
esac
leave "$code"
