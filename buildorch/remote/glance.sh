# shellcheck shell=sh
# Tells how a server stands: its load, room, the jobs of this account's state folder, and builds of
# others. It writes nothing, so a full disk is told like any other. After boot.sh, common.sh and
# bitbake.sh. A record is a line of fields between tabs; what may hang on a dead mount comes last.

bo_tell_machine() {
    read -r bo_load bo_rest 2>/dev/null </proc/loadavg &&
        printf 'load\t%s\t%s\n' "$bo_load" "$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null || echo 0)"
    LC_ALL=C awk '
        { kib[$1] = $2 }
        END {
            free = ("MemAvailable:" in kib) ? kib["MemAvailable:"] : kib["MemFree:"]
            if ("MemTotal:" in kib) printf "memory\t%s\t%s\n", free, kib["MemTotal:"]
        }' /proc/meminfo 2>/dev/null
}

# Sets bo_ours to the processes of a live job, bo_start to when it began; fails where it is over.
bo_read_job() {
    [ ! -e "$1/exit" ] && bo_field_lives "$1/id" supervisor || return 1
    bo_ours="$bo_ours ${bo_value%% *}"
    bo_began=$bo_start
    bo_field "$1/id" boot && [ "$bo_value" = "$bo_boot" ] || return 1
    bo_field "$1/id" keeper && bo_ours="$bo_ours ${bo_value%% *}"
    bo_field "$1/id" session && bo_ours="$bo_ours $bo_value"
    # A supervisor may have had other jobs before. A job that waits may have no process yet.
    if bo_field_lives "$1/id" job; then
        bo_ours="$bo_ours ${bo_value%% *}"
        bo_began=$bo_start
    fi
}

bo_tell_jobs() {
    for bo_job in "$buildorch_state"/jobs/*; do
        case ${bo_job##*/} in doctor*) continue ;; esac
        bo_read_job "$bo_job" || continue
        bo_title='' bo_by='' bo_wait=runs
        { read -r bo_title && read -r bo_title; } 2>/dev/null <"$bo_job/enter"
        bo_field "$bo_job/locks" by && bo_by=$bo_value
        [ ! -s "$bo_job/waiting" ] || bo_wait=waits
        printf 'job\t%s\t%s\t%s\t%s\t%s\n' "${bo_job##*/}" "$(((bo_now - bo_began) / 100))" \
            "$bo_wait" "${bo_title#'# '}" "$bo_by"
    done
}

# Prints tool, number and start time of every build that is below no job of ours and no other build.
bo_all_builds() {
    {
        cat /proc/[0-9]*/stat
        printf '\n'
        # A line of each: what a command line holds is never taken for the name of the next one.
        head -n 1 /proc/[0-9]*/cmdline | tr '\0' '\001'
    } 2>/dev/null | LC_ALL=C awk -v ours="$bo_ours" '
        function last(path) { sub(/^.*\//, "", path); return path }
        # What a process runs, past interpreters and their options.
        function program(line, count, word, i) {
            count = split(line, word, "\001")
            for (i = 1; i <= count; i++) {
                if (word[i] ~ /^-[A-Za-z]*m$/) return last(word[i + 1])
                if (word[i] ~ /^-[A-Za-z]*c/) return ""
                if (word[i] ~ /^-[WX]$/) i++
                else if (word[i] !~ /^-/ && last(word[i]) !~ interpreter) return last(word[i])
            }
            return ""
        }
        function counts(pid, above, steps) {
            for (above = pid; (above in parent) && steps++ < 1000; above = parent[above]) {
                if ((above in our) || (session[above] in our)) return 0
                if (above != pid && (above in tool)) return 0
            }
            return 1
        }
        BEGIN {
            interpreter = "^(python[0-9.]*|pypy[0-9.]*|busybox|sh|ash|bash|dash|ksh|zsh|env)$"
            known["bitbake"] = "bitbake"; known["build.py"] = "build.py"
            known["pytest"] = known["py.test"] = "pytest"
            count = split(ours, list, " ")
            for (i = 1; i <= count; i++) our[list[i]] = 1
        }
        /^$/ && !commands { commands = 1; next }
        !commands && /^[0-9]+ \(.*\) [A-Y] [0-9]+ / {
            pid = $1; sub(/^.*\) /, "")
            parent[pid] = $2; session[pid] = $4; start[pid] = $20
            next
        }
        taken { taken = 0; name = program($0); if (name in known) tool[pid] = known[name]; next }
        /^==> \/proc\/[0-9]+\/cmdline <==$/ { split($2, part, "/"); pid = part[3]; taken = 1 }
        END { for (pid in tool) if (counts(pid)) print tool[pid], pid, start[pid] }'
}

# Whether a process carries the mark of a job in this state folder; only our own can be looked at.
bo_is_marked() {
    bo_mark=$(tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" | sed -n 's/^BUILDORCH_JOB=\([A-Za-z0-9.-]*\)@.*/\1/p')
    [ -n "$bo_mark" ] && [ -d "$buildorch_state/jobs/$bo_mark" ]
}

# Whether it is the server of a bitbake, which is there when nobody builds as well.
bo_is_server() {
    bo_read_lock "$1"
    [ -n "$bo_lock" ] && bo_read_server "$bo_lock" && [ "$bo_server" = "$1" ]
}

bo_tell_builds() {
    bo_all_builds | while read -r bo_tool bo_pid bo_start; do
        if bo_is_marked "$bo_pid" || { [ "$bo_tool" = bitbake ] && bo_is_server "$bo_pid"; }; then
            continue
        fi
        # shellcheck disable=SC2012
        printf 'build\t%s\t%s\t%s\t%s\t%s\n' "$bo_tool" "$bo_pid" \
            "$(((bo_now - ${bo_start:-$bo_now}) / 100))" \
            "$(ls -ld "/proc/$bo_pid" 2>/dev/null | awk '{ print $3 }')" \
            "$(readlink "/proc/$bo_pid/cwd" 2>/dev/null)"
    done
}

# Of the workdir, or of the nearest folder above it that is there.
bo_tell_disk() {
    bo_place=$(buildorch_absolute "${buildorch_workdir:-${HOME:-/}}")
    while [ ! -d "$bo_place" ] && [ -n "$bo_place" ]; do bo_place=${bo_place%/*}; done
    df -P -k "${bo_place:-/}" 2>/dev/null | LC_ALL=C awk -v place="${bo_place:-/}" '
        NR == 2 { printf "disk\t%s\t%s\t%s\n", $4, $2, place }'
}

bo_flock=flock bo_ours=''
command -v flock >/dev/null || bo_flock=
bo_read_now
bo_read_boot
printf '\nGLANCE %s\n' "$buildorch_nonce"
bo_tell_machine
bo_tell_jobs
bo_tell_builds
bo_tell_disk
printf 'end\n'
