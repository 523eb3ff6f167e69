# shellcheck shell=sh
# What a server runs first, in whatever POSIX sh it has: finds the account's world and the state
# folder, then starts the agent in python, or goes on as the sh part. The client puts before it:
# buildorch_nonce, buildorch_link, buildorch_wanted (state folder, or empty), buildorch_prefer, buildorch_loader,
# buildorch_workdir (where builds are, or empty).
# All names begin with buildorch_, so that no variable of the account is touched.

buildorch_unusable() {
    printf '\nUNUSABLE %s %s\n' "$buildorch_nonce" "$1"
    # What the client still sends: while it cannot write it does not read why.
    cat >/dev/null 2>&1
    exit 0
}

# Prints the absolute path of a folder that was written relative to the home folder.
buildorch_absolute() {
    # The client sends it as it was written: nobody has expanded its tilde.
    # shellcheck disable=SC2088
    case $1 in
    /*) printf '%s\n' "$1" ;;
    '~/'*) printf '%s\n' "$HOME/${1#??}" ;;
    *) printf '%s\n' "$HOME/$1" ;;
    esac
}

buildorch_mine() {
    # -O is in every sh that we know, if not in POSIX.
    # shellcheck disable=SC3067
    [ -d "$1" ] && [ ! -h "$1" ] && [ -O "$1" ]
}

# Refuses a state folder in which another account may put jobs of its own. Root may use anybody's.
buildorch_refuse_shared() {
    buildorch_what=
    # shellcheck disable=SC2012
    case $(LC_ALL=C ls -ldL "$buildorch_state" 2>/dev/null) in
    d????w* | d???????w*) buildorch_what='may be written by other accounts' ;;
    d*) ;;
    *) buildorch_what='cannot be looked at' ;;
    esac
    # shellcheck disable=SC3067
    if [ ! -O "$buildorch_state" ] && [ "$(id -u)" != 0 ]; then
        buildorch_what='belongs to another account'
    fi
    [ -z "$buildorch_what" ] || buildorch_unusable "the state folder $buildorch_state $buildorch_what, so that others could read and end jobs, and run commands as this account; set state_dir of this server to a folder of its own, or mend it with: chmod go-w $buildorch_state"
}

buildorch_find_state() {
    if [ -n "$buildorch_wanted" ]; then
        buildorch_state=$(buildorch_absolute "$buildorch_wanted")
        buildorch_error=$(mkdir -p "$buildorch_state" 2>&1) ||
            buildorch_unusable "the state folder $buildorch_state cannot be made: $buildorch_error"
        return
    fi
    buildorch_state=${XDG_STATE_HOME:-${HOME:-/nonexistent}/.local/state}/buildorch
    [ -d "$buildorch_state" ] && return
    buildorch_other=/var/tmp/buildorch-$(id -u)
    # Once jobs are there they stay there, or nobody would find them again.
    if buildorch_mine "$buildorch_other"; then
        buildorch_state=$buildorch_other
        return
    fi
    [ -d "${HOME:-/nonexistent}" ] && buildorch_error=$(mkdir -p "$buildorch_state" 2>&1) && return
    if mkdir "$buildorch_other" 2>/dev/null; then
        buildorch_state=$buildorch_other
        return
    fi
    if [ -e "$buildorch_other" ] || [ -h "$buildorch_other" ]; then
        buildorch_unusable "$buildorch_state cannot be made, and $buildorch_other was made by another account or is no folder: jobs are not trusted to it; remove it, or set state_dir of this server to a folder that the account can write"
    fi
    buildorch_unusable "neither $buildorch_state nor $buildorch_other can be made (${buildorch_error:-the home folder $HOME is missing}); set state_dir of this server to a folder that the account can write"
}

# The first machine that uses a state folder has it, others that share the home have one each in
# it: no machine may judge what another's processes do.
buildorch_find_own_state() {
    buildorch_machine=
    read -r buildorch_machine 2>/dev/null </etc/machine-id || buildorch_machine=$(uname -n)
    buildorch_first=
    if ! read -r buildorch_first 2>/dev/null <"$buildorch_state/machine"; then
        # A link is made by one of two that come at once, and the file is never half of one.
        printf '%s\n' "$buildorch_machine" 2>/dev/null >"$buildorch_state/machine.$$" &&
            ln "$buildorch_state/machine.$$" "$buildorch_state/machine" 2>/dev/null
        rm -f "$buildorch_state/machine.$$"
        read -r buildorch_first 2>/dev/null <"$buildorch_state/machine"
    fi
    case $buildorch_first in '' | "$buildorch_machine") return ;; esac
    buildorch_state=$buildorch_state/at-$buildorch_machine
    buildorch_error=$(mkdir -p "$buildorch_state" 2>&1) ||
        buildorch_unusable "the state folder $buildorch_state cannot be made: $buildorch_error"
}

# A UTF-8 locale where the account's is none: bitbake and python refuse or garble without.
buildorch_fix_locale() {
    case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
    *[Uu][Tt][Ff]8* | *[Uu][Tt][Ff]-8*) return ;;
    esac
    buildorch_locale=
    if [ -d /usr/lib/locale/C.utf8 ] || [ -d /usr/lib/locale/C.UTF-8 ]; then
        buildorch_locale=C.UTF-8
    else
        for buildorch_name in $(locale -a 2>/dev/null); do
            case $buildorch_name in
            C.[Uu][Tt][Ff]* | en_US.[Uu][Tt][Ff]*)
                buildorch_locale=$buildorch_name
                break
                ;;
            esac
        done
    fi
    if [ -n "${LC_ALL:-}" ]; then
        LC_ALL=${buildorch_locale:-C.UTF-8}
        export LC_ALL
    elif [ -n "$buildorch_locale" ]; then
        # The encoding alone: the rest stays the account's, and each program reads one file, not ten.
        LC_CTYPE=$buildorch_locale
        export LC_CTYPE
    else
        # Nothing is known to be there: a wrong LC_CTYPE makes bash complain in each log.
        unset LC_CTYPE
        LANG=C.UTF-8
        export LANG
    fi
}

# What belongs to this connection dies with it, so no job may find it.
buildorch_drop_connection() {
    if [ -n "${SSH_CONNECTION:-}" ]; then
        unset SSH_AUTH_SOCK
    fi
    unset SSH_CONNECTION SSH_CLIENT SSH_TTY SSH_ORIGINAL_COMMAND
    buildorch_python=${BUILDORCH_PYTHON:-python3}
    unset BUILDORCH_PYTHON
}

buildorch_umask=$(umask)
umask 077
buildorch_drop_connection
buildorch_fix_locale
PYTHONUNBUFFERED=${PYTHONUNBUFFERED-1}
export PYTHONUNBUFFERED
buildorch_find_state
buildorch_refuse_shared
buildorch_find_own_state

if [ "$buildorch_prefer" != sh ]; then
    "$buildorch_python" -S -E -c "$buildorch_loader" \
        "$buildorch_nonce" "$buildorch_link" "$buildorch_umask" "$buildorch_state" "${LC_CTYPE-}" "$buildorch_workdir" 2>/dev/null
    # The loader ends with 0 once it has begun; these mean that there is no python to use.
    case $? in
    1 | 96 | 126 | 127) ;;
    *) exit 0 ;;
    esac
fi
