"""From a `Job` to the bytes of its launch: a header line, and the files of its folder.

The server parses none of it: `enter` is a POSIX sh script that goes to the folder, sets the
environment, becomes the command's own shell and is read by that once more; `setup` and `cmd` are
the user's texts, untouched. Only `locks` is read by the server part itself: lines of ours.
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

#: What a job's first shell reads; the python part starts it early, to wait for a word on its input.
_ENTER = """\
{reader}
# {title}
if [ "$1" != in ]; then
if [ "$1" = wait ]; then
    IFS= read -r buildorch_word && [ "$buildorch_word" = go ] || exit 127
    unset buildorch_word
    exec </dev/null
    [ "$3" = space ] || exec 2>&1
    cd -- "$2" 2>/dev/null || cd /
    shift 2
fi
buildorch_go() {{
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
umask "$2"
. "${{0%/*}}/env.sh"
{become}
fi
"""

_SHELL = """\
command -v {word} >/dev/null || {{
    {why}
}}
exec {words} {script}
"""

_OTHER_SHELL = """\
if command -v bash >/dev/null; then exec bash {login}"$0" in; fi
exec sh {login}"$0" in"""

#: The first line of a script that bash may read at once; for the others that is a comment.
_BASH = "#!/usr/bin/env bash"

#: Variables that a bash which runs already takes otherwise than one that finds them at its start.
_BASH_OWN = re.compile(
    r"(BASH.*|SHELLOPTS|POSIXLY_CORRECT|ENV|IFS|PATH|PWD|OLDPWD|SHLVL|UID|EUID|PPID|GROUPS|OPTIND"
    r"|RANDOM|SRANDOM|SECONDS|LINENO|EPOCH.*|DIRSTACK|FUNCNAME|FUNCNEST|HISTCMD|COMP_.*|LC_.*|LANG)\Z"
)

#: Where it is bash already, to start it once more would take longer than many a command.
_DEFAULT_SHELL = (
    """\
case ${BASH_VERSION+:$SHELLOPTS:} in
'' | *:posix:*)
"""
    + _OTHER_SHELL.format(login="")
    + """
    ;;
esac
unset -f buildorch_go"""
)


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
    files = {"enter": _enter(job), "env.sh": exports}
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
    folder = f"buildorch_go {path(job.workdir or '~')}"
    why = _why("workdir", '"the folder $1 cannot be entered on this server"')
    become = _become(job)
    text = _ENTER.format(
        reader=_BASH if become == _DEFAULT_SHELL else "#!/bin/sh",
        title=" ".join(job.title.split()),
        why_workdir=why,
        go=folder,
        become=become,
    )
    return text if _is_direct(job) else text + _run(job)


def _become(job: Job) -> str:
    """Return the lines with which `enter` becomes the shell or the command."""
    if _is_direct(job):
        return _exec(job)
    if job.shell is None or not isinstance(job.command, str) or not _can_source(job):
        if job.login or any(map(_BASH_OWN.match, job.env)):
            return _OTHER_SHELL.format(login="-l " if job.login else "")
        return _DEFAULT_SHELL
    return _shell(job.shell, '"$0" in', "-l" if job.login else "")


def _shell(words: tuple[str, ...], script: str, login: str = "") -> str:
    why = _why("shell", quote(f"the shell {words[0]} is not on this server"))
    first, *rest = (quote(word) for word in words)
    line = " ".join([first, *([login] if login else []), *rest])
    return _SHELL.format(word=first, why=why, words=line, script=script)


def _exec(job: Job) -> str:
    """Return the lines with which the last shell of ours is left."""
    if isinstance(job.command, str):
        return _shell(job.shell or ("sh",), '"${0%/*}/cmd"').rstrip()
    return "exec " + " ".join(quote(word) for word in job.command)


def _run(job: Job) -> str:
    """Return what the command's own shell reads: the setup, then the command."""
    lines = ["set --"]
    lines += [] if job.shell is not None and _can_source(job) else ["set -e"]
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
