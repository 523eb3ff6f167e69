# shellcheck shell=sh
# Who is who in bitbake builds: clients by their command line, servers by the lock that they
# hold, and what a server runs.

# Sets bo_program to the name of what a process runs, past the interpreter of a script.
bo_read_program() {
    set -f
    # shellcheck disable=SC2046
    set -- $(tr '\0' '\n' 2>/dev/null <"/proc/$1/cmdline" | head -n 5)
    set +f
    bo_program=
    while [ $# -gt 0 ]; do
        case ${1##*/} in
        --*) ;;
        -*c*) return ;;
        -* | python* | pypy* | busybox | sh | ash | bash | dash) ;;
        *)
            bo_program=${1##*/}
            return
            ;;
        esac
        shift
    done
}

# Sets bo_lock to the lock of the folder that a client builds in; empty where nobody may know.
bo_read_lock() {
    bo_lock=
    bo_cwd=$(readlink "/proc/$1/cwd" 2>/dev/null) || return
    bo_build=$(tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" | sed -n 's/^BUILDDIR=//p')
    for bo_file in "$bo_build" "$bo_cwd/$bo_build" "$bo_cwd"; do
        bo_lock=$(cd -P -- "$bo_file" 2>/dev/null && pwd)/bitbake.lock
        [ ! -e "$bo_lock" ] || return
    done
}

# Sets bo_server and bo_since to the server that holds a lock: a number may be anybody's by now.
bo_read_server() {
    bo_server=
    read -r bo_server bo_rest 2>/dev/null <"$1"
    case $bo_server in '' | *[!0-9]*) return 1 ;; esac
    bo_read_program "$bo_server"
    case $bo_program in bitbake | bitbake[-_]server | bitbake[-_]server.py) ;; *) return 1 ;; esac
    bo_stat "$bo_server" && [ "$bo_state" != Z ] && [ "$bo_state" != X ] || return 1
    bo_since=$bo_start
    if [ -r "/proc/$bo_server/fd" ]; then
        # shellcheck disable=SC2012
        ls -l "/proc/$bo_server/fd" 2>/dev/null | sed 's/^.* -> //' | grep -q -x -F -e "$1"
    elif [ -n "$bo_flock" ]; then
        ! flock -s -n "$1" true 2>/dev/null </dev/null
    fi
}

# Prints number, start time and lock of every bitbake client; forks of a server are none.
bo_all_clients() {
    grep -l bitbake /proc/[0-9]*/cmdline 2>/dev/null | tr -dc '0-9\n' | while read -r bo_pid; do
        bo_read_program "$bo_pid"
        if [ "$bo_program" != bitbake ] || ! bo_stat "$bo_pid" || [ "$bo_state" = Z ]; then continue; fi
        # shellcheck disable=SC2086
        set -- ${bo_line##*) }
        bo_words="$bo_pid $bo_start" bo_above=$2
        bo_read_lock "$bo_pid"
        if [ -n "$bo_lock" ] && bo_read_server "$bo_lock"; then
            case $bo_server in "$bo_pid" | "$bo_above") continue ;; esac
        fi
        printf '%s %s\n' "$bo_words" "$bo_lock"
    done
}

# Prints number, start time, and start time of its task, of all that a server runs. Forks that
# keep the command line of the server are parts of it, and stay when it is idle.
bo_work() {
    bo_itself=$(tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline")
    bo_parts=$(cat /proc/[0-9]*/stat 2>/dev/null | awk -v server="$1" '
        { pid = $1; sub(/^.*\) /, ""); if ($2 == server) print pid }' | while read -r bo_pid; do
        [ "$(tr '\0' ' ' 2>/dev/null <"/proc/$bo_pid/cmdline")" != "$bo_itself" ] || printf '%s ' "$bo_pid"
    done)
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v server="$1" -v parts="$bo_parts" '
        BEGIN { n = split(parts, list, " "); for (i = 1; i <= n; i++) part[list[i]] = 1 }
        { pid = $1; sub(/^.*\) /, ""); if ($1 ~ /[ZX]/) next
          parent[pid] = $2; start[pid] = $20; if ($2 == server && !(pid in part)) task[pid] = $20 }
        END {
          do { more = 0
               for (pid in parent) if (!(pid in task) && (parent[pid] in task)) { task[pid] = task[parent[pid]]; more = 1 }
          } while (more)
          for (pid in task) print pid, start[pid], task[pid] }'
}
