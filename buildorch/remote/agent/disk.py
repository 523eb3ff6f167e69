"""The disks that a job uses: how much room there is, and whether that is none."""

import os

from buildorch.remote.agent import folder

#: Bytes of free space under which a disk is full.
FULL = 1 << 20


class Disk:
    """The disk of a folder, as it is now.

    Attributes:
        path: The folder.
        free: Bytes that this account may still use.
        size: All its bytes.
    """

    def __init__(self, path: str, free: int, size: int) -> None:
        self.path = path
        self.free = free
        self.size = size

    @property
    def room(self) -> str:
        """How much is free, in words."""
        return _gigabytes(self.free) + " of " + _gigabytes(self.size) + " are free"


def _gigabytes(count: int) -> str:
    return "%.1f GB" % (count / 1e9)


def disk_of(path: str) -> "Disk | None":
    """Return the disk of a folder; None where there is no folder, or no disk that can be full."""
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    if not found.f_blocks:
        return None
    return Disk(path, found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


def full_disk(path: str) -> "str | None":
    """Return the numbers of the disk of a folder where it is full, or None."""
    disk = disk_of(path)
    if disk is None or disk.free >= FULL:
        return None
    return "the disk of " + path + " is full: " + disk.room


def workdir(place: folder.Folder) -> str:
    """Return the folder in which the job's command began, or the job's own."""
    return os.fsdecode((place.read("cwd") or b"").rstrip(b"\n")) or place.path
