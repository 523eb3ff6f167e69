# shellcheck shell=sh
# The sh part's ends of the link: frames are whole because each is written under a lock, and
# exactly as many bytes are read as a message has.

# Writes one frame whole: header words, then what a command prints (`:` for nothing).
bo_say() {
    bo_locked "$bo_desk/out" bo_write "$@"
}

bo_write() {
    printf '%s\n' "$1"
    shift
    "$@"
}

# A frame of a job, unless a newer question about the job has been asked meanwhile.
bo_say_of() {
    bo_locked "$bo_desk/out" bo_write_of "$@"
}

bo_write_of() {
    read -r bo_token <"$bo_desk/$1" || return 1
    [ "$bo_token" = "$2" ] || return 1
    shift 2
    bo_write "$@"
}

bo_text() {
    printf '%s' "$1"
}

# Prints the number of bytes of a text.
bo_bytes() {
    printf '%s' "$1" | wc -c | tr -dc 0-9
}

bo_bye() {
    bo_say "BYE $(bo_bytes "$1")" bo_text "$1"
}

bo_refuse() {
    bo_say "R $1 $2 $(bo_bytes "$3")" bo_text "$3"
}

# Reads exactly that many bytes of our input into a file; fails where they cannot be written.
bo_take() {
    if [ "$1" -eq 0 ]; then
        : >"$2"
    elif [ "$bo_whole" = yes ]; then
        dd bs="$1" count=1 iflag=fullblock of="$2" 2>/dev/null
    else
        dd bs=1 count="$1" of="$2" 2>/dev/null
    fi
}

# Whether a file has as many bytes.
bo_arrived() {
    [ "$1" -eq 0 ] || [ "$(($(wc -c <"$2") + 0))" -eq "$1" ]
}
