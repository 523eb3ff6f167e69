#!/usr/bin/env python3
"""Stands in for docker: the work belongs to a daemon, and outlives the client that is killed.

`-t` without a terminal is refused. Knows `run`, `ps`, and `kill`, `stop` and `rm` by name.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from witness import say

_CONTAINERS = Path(os.environ["HOME"], "docker")


def _alive() -> Iterator[tuple[str, int]]:
    """Yield name and pid of each container; forget those that ended."""
    for file in sorted(_CONTAINERS.iterdir()):
        pid = int(file.read_text(encoding="utf-8"))
        if Path(f"/proc/{pid}").exists():
            yield file.name, pid
        else:
            file.unlink()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docker run")
    parser.add_argument("--name", default=f"c{os.getpid()}")
    parser.add_argument("-t", "--tty", action="store_true")
    parser.add_argument("-i", "--interactive", action="store_true")
    parser.add_argument("--rm", action="store_true")
    parser.add_argument("-e", "--env", action="append", default=[])
    for ignored in (("-v", "--volume"), ("-w", "--workdir"), ("-l", "--label")):
        parser.add_argument(*ignored, action="append")
    parser.add_argument("image")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser


def _environment(given: list[str]) -> dict[str, str]:
    env = {name: os.environ[name] for name in ("PATH", "HOME")}
    for one in given:
        name, _, value = one.partition("=")
        env[name] = value or os.environ.get(name, "")
    return env


def _run(words: list[str]) -> int:
    """Let the daemon run a command, and wait for its end."""
    asked = _parser().parse_args(words)
    if asked.tty and not sys.stdin.isatty():
        sys.exit("the input device is not a TTY")
    ended, tell = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _be_daemon(asked, tell)
        os._exit(0)
    os.wait()
    os.close(tell)
    return int(os.read(ended, 16) or b"137")


def _be_daemon(asked: argparse.Namespace, tell: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    env = _environment(asked.env)
    work = subprocess.Popen(
        asked.command, env=env, start_new_session=True, stdin=subprocess.DEVNULL
    )
    (_CONTAINERS / asked.name).write_text(f"{work.pid}\n", encoding="utf-8")
    code = work.wait() % 256
    try:
        os.write(tell, str(code).encode())
    finally:
        os._exit(0)


def main() -> int:
    """Do what is asked."""
    _CONTAINERS.mkdir(exist_ok=True)
    match sys.argv[1:]:
        case ["run", *words]:
            return _run(words)
        case ["ps", *_]:
            for name, _pid in _alive():
                say(name)
        case ["kill" | "stop" | "rm", *names]:
            for name, pid in _alive():
                if name in names:
                    os.killpg(pid, signal.SIGKILL)
                    say(name)
    return 0


sys.exit(main())
