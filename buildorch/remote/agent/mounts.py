"""On which file systems folders are, as far as that takes something away."""

import errno
import fcntl
import os

from buildorch.remote.agent import kernel

#: File systems on which other machines may work as well.
SHARED = frozenset(
    ["9p", "afs", "beegfs", "ceph", "cifs", "gpfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"]
    + ["fuse.glusterfs", "fuse.sshfs"]
)


def file_system(path: str, mounts: bytes) -> str:
    """Return the kind of file system that a path is on, by the text of /proc/self/mountinfo.

    The disk is not asked: one that is gone answers never.
    """
    place, kind = "", ""
    for line in mounts.decode("utf-8", "surrogateescape").split("\n"):
        words = line.split(" ")
        if "-" not in words[6:-1]:
            continue
        point = _unescaped(words[4]).rstrip("/")
        if (path + "/").startswith(point + "/") and len(point) >= len(place):
            place, kind = point, words[words.index("-", 6) + 1]
    return kind


def _unescaped(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def unguarded(workdir: str, home: str) -> "list[str]":
    """Say so where other machines may build in a folder: locks are each machine's own."""
    path = os.path.join(home, workdir[2:] if workdir[:2] == "~/" else workdir)
    kind = file_system(path, kernel.read_file("/proc/self/mountinfo") or b"")
    if kind not in SHARED:
        return []
    return [
        "the workdir " + workdir + " is on " + kind + ": builds that other machines run in it are "
        "not kept out, since locks are each machine's own; give each machine a workdir of its own"
    ]


def unlockable(folder: str) -> "list[str]":
    """Say so where no locks can be taken in the state folder, as on some network disks."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return []
        return [
            "locks do not work in the state folder (" + (error.strerror or str(error)) + "), so no "
            "job can be launched; set state_dir of this server to a folder on a disk of its own"
        ]
    finally:
        os.close(fd)
    return []
