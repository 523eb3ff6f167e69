# shellcheck shell=sh
# What is a message of a client: any other is obeyed in nothing.

bo_is_job() {
    case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9.-]*) return 1 ;; esac
    [ "${#1}" -le 240 ]
}

bo_is_whole() {
    case $1 in '' | 0?* | *[!0-9]*) return 1 ;; esac
    [ "${#1}" -le 18 ]
}

# Whether every word is a number such as `12` and `1.250`, or `-` for none.
bo_are_numbers() {
    for bo_value in "$@"; do
        case $bo_value in *. | *.*[!0-9]*) return 1 ;; esac
        [ "$bo_value" = - ] || bo_is_whole "${bo_value%%.*}" || return 1
    done
}

# Whether every word is `NAME:SIZE`, with a name that leads nowhere else.
bo_are_files() {
    for bo_value in "$@"; do
        case ${bo_value%%:*} in '' | .* | *[!a-z.]*) return 1 ;; esac
        case $bo_value in *:*) ;; *) return 1 ;; esac
        bo_is_whole "${bo_value#*:}" && [ "${bo_value#*:}" -le 16777216 ] || return 1
    done
}

# Whether these words are a message of a client: any other is obeyed in nothing.
bo_is_message() {
    case $1/$# in
    ping/2) ;;
    ping/3) bo_is_whole "$3" ;;
    sum/2 | release/2) bo_is_job "$2" ;;
    clean/2) bo_is_whole "${2%.*}" && bo_are_numbers "$2" ;;
    follow/3) bo_is_job "$2" && bo_is_whole "$3" ;;
    cancel/4) bo_is_job "$2" && bo_is_job "$3" && bo_is_whole "${4%.*}" && bo_are_numbers "$4" ;;
    start/9 | start/1?) bo_is_job "$2" && bo_is_job "$3" && bo_is_whole "$4" &&
        bo_are_numbers "$5" "$6" "$7" "$8" "$9" && shift 9 && bo_are_files "$@" ;;
    *) return 1 ;;
    esac
}
