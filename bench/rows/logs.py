"""A large log, streamed to a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import attrs

from bench.bench import Bench
from bench.peers import openssh
from bench.peers.libraries import ASYNCSSH, FABRIC, PARALLEL_SSH, PARAMIKO, Library
from bench.row import OURS, Contender, Row, Sample, own_version
from bench.targets import all_of, at_least, at_most, no_slower, none_lost
from bench.watch import Ended, GaveUp

_SIZE = 500 << 20
_SMALL = 8 << 20
_ANALYSED = f"{OURS}, analysed"
_CAT = "ssh cat"
_MEGABYTE = 1e6

#: What a contender does with a log on the host: it comes to be in a file here.
_Fetch = Callable[[Bench, str], Sample]


def _compiler_output(size: int) -> bytes:
    """Return what a build with make and gcc prints, with a warning now and then."""
    lines: list[str] = []
    written = number = 0
    while written < size:
        number += 1
        lines.append(_line(number))
        written += len(lines[-1])
    return "".join(lines).encode()[:size]


def _line(number: int) -> str:
    module, name = f"src/module{number % 97}", f"file{number}"
    if number % 40 == 0:
        place = f"{module}/{name}.c:{number % 900}:{number % 80}"
        return f"{place}: warning: unused variable 'x{number}' [-Wunused-variable]\n"
    if number % 3 == 0:
        return f"[{number % 100:3d}%] Building C object {module}/CMakeFiles/mod.dir/{name}.c.o\n"
    return (
        f"gcc -DHAVE_CONFIG_H -I. -I../include -I../lib -Wall -Wextra -Werror=format -O2 -g -fPIC "
        f"-MT {name}.lo -MD -MP -MF .deps/{name}.Tpo -c ../{module}/{name}.c -o .libs/{name}.o\n"
    )


def _log(bench: Bench, size: int) -> tuple[str, str]:
    """Return the path of a log on the host, made when it is first asked for, and its SHA-256."""
    path = f"/workspace/{size}.log"
    here = bench.hosts(1).hosts[0].folder / path.lstrip("/")
    if not here.exists() or here.stat().st_size != size:
        block = _compiler_output(1 << 22)
        with here.open("wb") as log:
            for begin in range(0, size, len(block)):
                log.write(block[: size - begin])
            log.seek(-1, os.SEEK_END)
            log.write(b"\n")
    return path, _digest(here)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetched(fetch: _Fetch, size: int) -> Callable[[Bench], Sample]:
    """Return a run that counts the bytes only where they are those of the log."""

    def run(bench: Bench) -> Sample:
        path, digest = _log(bench, size)
        sample = fetch(bench, path)
        found = [one for one in bench.folder.rglob("*.log") if one.is_file()]
        same = [_digest(one) for one in found if not one.is_symlink()] == [digest]
        speed = {"mb_s": size / _MEGABYTE / sample.seconds}
        return attrs.evolve(
            sample, asked=size, done=size * same, figures={**sample.figures, **speed}
        )

    return run


def _ours(how: str) -> Contender:
    def fetch(bench: Bench, path: str) -> Sample:
        return bench.program("logs_ours", bench.hosts(1).told, path, how)

    name = _ANALYSED if how == "analysed" else OURS
    command = f"python bench/programs/logs_ours.py HOSTS.json LOG {how}"
    return Contender(name, command, _fetched(fetch, _SIZE), own_version)


def _library(library: Library, size: int = _SIZE, called: str = "") -> Contender:
    program = library.program.replace("peer", "logs")
    peer = library.peer
    if peer is None:
        raise ValueError(library.name)

    def fetch(bench: Bench, path: str) -> Sample:
        return bench.program(program, bench.hosts(1).told, path, python=peer.python)

    command = f"python bench/programs/{program}.py HOSTS.json LOG"
    return Contender(called or library.name, command, _fetched(fetch, size), peer.version)


def _openssh(name: str, command: str) -> Contender:
    """Return a command of OpenSSH, which finds the options in `$OPTIONS` and the log in `$LOG`."""

    def fetch(bench: Bench, path: str) -> Sample:
        world = {"OPTIONS": f"-F {bench.hosts(1).ssh_config}", "LOG": path}
        return _sample(bench.run("sh", "-c", command, environment=world))

    return Contender(name, command, _fetched(fetch, _SIZE), openssh.version)


def _sample(ended: Ended) -> Sample:
    if ended.code:
        raise GaveUp(ended.complaints[-1000:])
    return Sample(ended.seconds, 1, 1, ended.figures)


ROW = Row(
    name="logs",
    title="A log of 500 MB, streamed to a file",
    contenders=(
        _ours("plain"),
        _ours("analysed"),
        _library(ASYNCSSH),
        _openssh(_CAT, "ssh $OPTIONS h1 cat $LOG >here.log"),
        _library(PARAMIKO),
        _openssh("scp", "scp -q $OPTIONS h1:$LOG here.log"),
        _library(PARALLEL_SSH),
        _library(FABRIC, _SMALL, "Fabric, 8 MB"),
    ),
    target=all_of(
        none_lost(),
        none_lost(_ANALYSED),
        no_slower(_CAT, 1 / 0.7, "seconds", "at least 0.7 of the throughput of"),
        at_least("mb_s", 100, "MB/s analysed", _ANALYSED),
        at_most("peak_mb", 80, "MB"),
        at_most("peak_mb", 80, "MB analysed", _ANALYSED),
    ),
    columns={"mb_s": "MB/s", "peak_mb": "peak MB", "cpu_s": "processor seconds here"},
    bar="mb_s",
    more_is_better=True,
    note=(
        "All print the same file, which is in the host's memory. Only buildorch keeps the log on "
        "the host as well, so that a lost connection loses nothing: the command's output is "
        "written there, read from there, and compared by SHA-256 in the end. The log is what a "
        "build with make and gcc prints. Fabric's `out_stream` takes time that grows with the "
        "square of the log's size."
    ),
)
