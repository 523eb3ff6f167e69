# shellcheck shell=sh
# Says which bitbake servers there are in the folder that it is started in, and two levels below:
# `idle` or `busy`, number, account, seconds since the build began, lock.

bo_flock=flock bo_nap=no
command -v flock >/dev/null || bo_flock=
bo_every=$(bo_all_clients)
for bo_found in ./bitbake.lock ./*/bitbake.lock ./*/*/bitbake.lock; do
    [ -e "$bo_found" ] || continue
    bo_here=$(cd -P -- "${bo_found%/*}" && pwd)/bitbake.lock
    bo_read_server "$bo_here" || continue
    bo_began=$({
        bo_work "$bo_server" | awk '{ print $3 }'
        printf '%s\n' "$bo_every" | awk -v lock="$bo_here" '
            { start = $2; sub(/^[0-9]+ [0-9]+ /, ""); if ($0 == lock) print start }'
    } | sort -n | head -n 1)
    bo_how=idle
    [ -z "$bo_began" ] || bo_how=busy
    bo_read_now
    # shellcheck disable=SC2012
    printf '%s %s %s %s %s\n' "$bo_how" "$bo_server" \
        "$(ls -ld "/proc/$bo_server" 2>/dev/null | awk '{ print $3 }')" \
        "$(((bo_now - ${bo_began:-$bo_now}) / 100))" "$bo_here"
done
