"""Finding the processes of a host from outside of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def namespace(pid: int | str, kind: str) -> int | None:
    """Return the inode of a process's namespace, or None where the process is gone."""
    try:
        return Path(f"/proc/{pid}/ns/{kind}").stat().st_ino
    except OSError:
        return None


def in_namespace(kind: str, inode: int) -> Iterator[int]:
    """Yield the pids of all processes in a namespace."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and namespace(entry.name, kind) == inode:
            yield int(entry.name)


def name_of(pid: int) -> str:
    """Return the short name of a process, empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def command_of(pid: int) -> str:
    """Return the command line of a process, empty where it is gone or has none."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return line.replace(b"\0", b" ").decode(errors="replace").strip()


def owner_of(pid: int) -> int | None:
    """Return the uid of a process, or None where it is gone."""
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return None


def signal_each(pids: Iterator[int] | list[int], number: int) -> None:
    """Send a signal to each process that still exists."""
    for pid in list(pids):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
