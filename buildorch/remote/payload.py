"""From a `Job` to the bytes of its launch: a header line, and the files of its folder.

The server parses none of it: `enter` is a POSIX sh script that goes to the folder, sets the
environment and becomes the shell; `run` is what that shell reads; `setup` and `cmd` are the
user's texts, untouched. Only `locks` is read by the server part itself: lines of ours.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath

from buildorch.errors import UsageError
from buildorch.job import Job
from buildorch.remote.quoting import assignment, path, quote

#: Shells that can source a setup themselves.
SH_FAMILY = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "busybox"})

#: The most bytes that a launch may carry; the server parts refuse more.
MAX_BYTES = 1 << 24

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*\Z")

#: The python part starts it before the job may run, with `wait`, mask and home: it awaits a word.
_ENTER = """\
if [ "$1" = wait ]; then
    IFS= read -r buildorch_word && [ "$buildorch_word" = go ] || exit 127
    unset buildorch_word
    exec </dev/null
    umask "$2"
    cd -- "$3" 2>/dev/null || cd /
    shift 3
fi
go() {{
    cd -- "$1" || {{
        {why_workdir}
    }}
}}
{go}
if [ "$1" = space ]; then
    df -P -k . | LC_ALL=C awk -v least="$2" '
        function gb(kib) {{ return sprintf("%.1f GB", kib * 1024 / 1e9) }}
        NR == 2 && $4 + 0 < least + 0 {{ found = 1
            printf "%s are free, and %s are required (min_free) in ", gb($4), gb(least) }}
        END {{ exit !found }}' || exit 0
    pwd
    exit 3
fi
pwd -P >"${{0%/*}}/cwd"
. "${{0%/*}}/env.sh"
{become}
"""

_SHELL = """\
command -v {word} >/dev/null || {{
    {why}
}}
exec {words} "${{0%/*}}/{script}"
"""

_DEFAULT_SHELL = """\
case ${BASH_VERSION+:$SHELLOPTS:} in
'' | *:posix:*) ;;
*)
    unset -f go
    set --
    . "${0%/*}/run"
    exit
    ;;
esac
"""

_OTHER_SHELL = """\
if command -v bash >/dev/null; then exec bash {login}"${{0%/*}}/run"; fi
exec sh {login}"${{0%/*}}/run"
"""


def launch(job: Job, clock: int = 0) -> bytes:
    """Return the message that launches *job*; *clock* is the server's, as it was last told.

    Raises:
        UsageError: The job's id, environment or texts cannot be sent.
    """
    if not _ID.match(job.id):
        raise UsageError(f"{job.id!r} cannot be a job's id: letters, digits, `-` and `.` only")
    files = {name: os.fsencode(text) for name, text in _files(job).items()}
    if job.lease is not None:
        files["lease"] = f"{job.lease * 100:.0f} {clock}\n".encode()
    if sum(map(len, files.values())) > MAX_BYTES:
        raise UsageError(
            f"command, setup and environment of {job.title} have more than {MAX_BYTES >> 20} MiB; "
            "write what is so large into a file and send that with `c.put`"
        )
    words = ["start", job.id, job.nonce, str(job.epoch)]
    words += [_number(job.timeout), _number(job.idle_timeout), f"{job.kill_grace:.3f}"]
    words += [_number(job.log_limit), _number(job.min_free)]
    words += [f"{name}:{len(data)}" for name, data in files.items()]
    return " ".join(words).encode("ascii") + b"\n" + b"".join(files.values())


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _files(job: Job) -> dict[str, str]:
    exports = "".join(assignment(name, value) + "\n" for name, value in job.env.items())
    files = {"enter": _enter(job), "env.sh": exports, "title": job.title + "\n"}
    # There before the job writes it: so it is nobody else's to read, whatever the account's mask.
    files["cwd"] = ""
    if not _is_direct(job):
        files["run"] = _run(job)
    if job.setup is not None:
        files["setup"] = job.setup + "\n"
    if isinstance(job.command, str):
        files["cmd"] = job.command + "\n"
    if job.locks:
        files["locks"] = _locks(job)
    for name, text in files.items():
        if "\0" in text:
            raise UsageError(f"the {name} of {job.id} holds a NUL byte, which no shell can take")
    return files


def _locks(job: Job) -> str:
    """Return what the job waits for, a line each: `KIND OWNER` and the text to the line's end."""
    lines = [f"hold {job.hold:.3f}", f"stage {job.title.split(', attempt ')[0]}"]
    lines += [f"by {' '.join(job.by.split())}"] if job.by.strip() else []
    for lock in job.locks:
        kind, text = ("folder", lock.folder) if lock.folder is not None else ("name", lock.name)
        if not _ID.match(lock.owner) or not text or "\n" in text:
            raise UsageError(
                f"{text!r} of the owner {lock.owner!r} cannot be locked: it has to be a text of "
                "one line, and the owner letters, digits, `-` and `.` only"
            )
        lines.append(f"{kind} {lock.owner} {text}")
    return "\n".join(lines) + "\n"


def _is_direct(job: Job) -> bool:
    """Whether the command needs no shell of its own: arguments, and nothing to source before."""
    bare = job.setup is None and job.env_file is None and not job.login
    return bare and (not isinstance(job.command, str) or not _can_source(job))


def _can_source(job: Job) -> bool:
    return job.shell is None or PurePosixPath(job.shell[0]).name in SH_FAMILY


def _enter(job: Job) -> str:
    # The home folder first: a relative folder must not be taken from wherever we are.
    folder = f"go {path(job.workdir or '~')}"
    why = _why("workdir", '"the folder $1 cannot be entered on this server"')
    return _ENTER.format(why_workdir=why, go=folder, become=_become(job))


def _become(job: Job) -> str:
    """Return the lines with which `enter` becomes the shell or the command."""
    if _is_direct(job):
        return _exec(job)
    login = "-l " if job.login else ""
    if job.shell is None or not isinstance(job.command, str) or not _can_source(job):
        # Already it: to start it once more would take longer than many a command.
        begin = "" if login else _DEFAULT_SHELL
        return begin + _OTHER_SHELL.format(login=login)
    return _shell(job.shell, "run", login)


def _shell(words: tuple[str, ...], script: str, login: str = "") -> str:
    why = _why("shell", quote(f"the shell {words[0]} is not on this server"))
    first, *rest = (quote(word) for word in words)
    line = " ".join([first, *([login.strip()] if login else []), *rest])
    return _SHELL.format(word=first, why=why, words=line, script=script)


def _exec(job: Job) -> str:
    """Return the lines with which the last shell of ours is left."""
    if isinstance(job.command, str):
        return _shell(job.shell or ("sh",), "cmd").rstrip()
    return "exec " + " ".join(quote(word) for word in job.command)


def _run(job: Job) -> str:
    """Return what the command's own shell reads: the setup, then the command."""
    lines = [] if job.shell is not None and _can_source(job) else ["set -e"]
    if job.env_file is not None:
        lines += [_env_file(job.env_file)]
    if job.env_file is not None or job.login:
        # Once more: what the stage sets wins over what the server's files set.
        lines += ['. "${0%/*}/env.sh"']
    if job.setup is not None:
        lines += [
            "case $- in",
            '*u*) set +u; . "${0%/*}/setup"; set -u ;;',
            '*) . "${0%/*}/setup" ;;',
            "esac",
            '(umask 077; echo >"${0%/*}/ready")',
        ]
    if isinstance(job.command, str) and _can_source(job):
        lines += ['. "${0%/*}/cmd"']
    else:
        lines += [_exec(job)]
    return "\n".join(lines) + "\n"


def _env_file(text: str) -> str:
    """Return the lines that source a file of variables, and say so where it is missing."""
    why = _why("setup", quote(f"the env_file {text} cannot be read on this server"))
    return f"[ -r {path(text)} ] || {{\n{why}\n}}\nset -a; . {path(text)}; set +a"


def _why(reason: str, sentence: str) -> str:
    """Return the commands that end the job before its command, and say why where it is read."""
    # No function: in zsh `$0` is the function's name there.
    return (
        f"printf '%s\\n' {reason} {sentence} >\"${{0%/*}}/why\"; "
        f"printf 'buildorch: %s\\n' {sentence}; exit 1"
    )
