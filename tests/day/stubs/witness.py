"""What all stand-ins share: the knobs in a `stub.conf`, and witness files of what they did."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def knobs(folder: str | Path = ".") -> dict[str, str]:
    """Return the `key=value` lines of the `stub.conf` in *folder*, if there is one."""
    conf = Path(folder, "stub.conf")
    lines = conf.read_text(encoding="utf-8").splitlines() if conf.exists() else []
    pairs = (line.strip().partition("=") for line in lines)
    return {key: value for key, _, value in pairs}


def note(file: str, line: str) -> None:
    """Append a line to a witness file of the account."""
    folder = Path(os.environ["HOME"], "witness")
    folder.mkdir(exist_ok=True)
    with (folder / file).open("a", encoding="utf-8") as witness:
        witness.write(f"{line}\n")


def started(what: str) -> None:
    """Note that a command begins."""
    note("runs.log", f"{time.time():f} {what} start {os.getpid()}")


def ended(what: str, code: int) -> int:
    """Note that a command ends; returns its code."""
    note("runs.log", f"{time.time():f} {what} end {os.getpid()} rc={code}")
    return code


def say(text: str, *, flush: bool = True) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
    if flush:
        sys.stdout.flush()
