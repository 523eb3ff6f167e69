"""A memory limit that the kernel enforces on processes of a host, as its OOM killer does."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import attrs
from hosts.commands import wait_for

_ROOT = Path("/sys/fs/cgroup")

#: Files of the limit, of the members and of the count of kills, in both versions of cgroups.
_FORMS = (
    (_ROOT / "memory", "memory.limit_in_bytes", "cgroup.procs", "memory.oom_control"),
    (_ROOT, "memory.max", "cgroup.procs", "memory.events"),
)


@attrs.frozen
class MemoryLimit:
    """A group of processes that may use only so much memory."""

    _group: Path
    _members: str
    _counts: str

    def add(self, pid: int) -> None:
        """Put a process, and what it starts from now on, under the limit."""
        (self._group / self._members).write_text(str(pid))

    @property
    def kills(self) -> int:
        """How many processes the kernel has killed for it."""
        lines = (self._group / self._counts).read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


@contextlib.contextmanager
def memory_limit(size: int) -> Iterator[MemoryLimit]:
    """Give a memory limit of *size* bytes."""
    root, limit, members, counts = next(form for form in _FORMS if (form[0] / form[2]).exists())
    group = root / f"buildorch-{secrets.token_hex(4)}"
    group.mkdir()
    try:
        (group / limit).write_text(str(size))
        yield MemoryLimit(group, members, counts)
    finally:
        wait_for(lambda: _remove(group), f"{group} is removed")


def _remove(group: Path) -> bool:
    with contextlib.suppress(OSError):
        group.rmdir()
    return not group.exists()
