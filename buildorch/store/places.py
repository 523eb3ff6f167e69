"""Where this user's state is on this machine: database, locks, slots, sockets, logs.

Owns the names and the modes below the state folder, and refuses folders on a network, where
neither the database nor the locks are safe.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path

import attrs
import platformdirs

from buildorch.errors import StoreUnwritable

#: Names the state folder instead of the platform's.
VARIABLE = "BUILDORCH_HOME"

#: File systems whose other machines see neither our locks nor our shared memory.
NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.sshfs",
        "gpfs",
        "lustre",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
        "vboxsf",
    }
)


@attrs.frozen
class Places:
    """The state folder and what is in it.

    Attributes:
        home: The absolute folder; exists, mode 0700 where we made it.

    Example:
        >>> Places(Path("/state")).database.name
        'runs.db'
    """

    home: Path

    @property
    def database(self) -> Path:
        """The database of all runs."""
        return self.home / "runs.db"

    @property
    def locks(self) -> Path:
        """The folder of the lock files of runs and pipelines."""
        return self.home / "locks"

    @property
    def slots(self) -> Path:
        """The folder with a folder of slot files for each server."""
        return self.home / "slots"

    @property
    def sockets(self) -> Path:
        """The folder of the controllers' control sockets."""
        return self.home / "sockets"

    def controller_log(self, run: str) -> Path:
        """Return the file into which a detached controller of *run* writes what it says."""
        return self.home / "controllers" / f"{run}.log"


def state_places(environment: Mapping[str, str] | None = None) -> Places:
    """Return the places of this user, made where they are not there yet.

    Args:
        environment: Where `BUILDORCH_HOME` is looked up; None is this process's environment.

    Returns:
        The places.

    Raises:
        StoreUnwritable: The folder cannot be made, others may write in it, or it is on a network
            file system.
    """
    named = (os.environ if environment is None else environment).get(VARIABLE)
    folder = Path(named).expanduser() if named else platformdirs.user_state_path("buildorch")
    places = Places(folder.absolute())
    try:
        _make(places)
    except OSError as error:
        raise StoreUnwritable(
            f"the state folder {places.home} cannot be made: {error.strerror}; free or repair it, "
            f"or set {VARIABLE} to a folder on a local disk that you can write"
        ) from error
    _refuse_shared(places.home)
    refuse_network(places.home, Path("/proc/self/mountinfo").read_text(errors="surrogateescape"))
    return places


def _refuse_shared(folder: Path) -> None:
    """Refuse a folder in which another account may put links and databases of its own.

    Root may use anybody's: so do containers, whose folders belong to an account outside.
    """
    found = folder.stat()
    group_is_ours = found.st_gid == os.getegid()  # of us alone on most systems
    writable = found.st_mode & (stat.S_IWOTH if group_is_ours else stat.S_IWOTH | stat.S_IWGRP)
    if os.geteuid() not in (0, found.st_uid):
        what = "belongs to another account"
    elif writable:
        what = f"may be written by others (mode {stat.S_IMODE(found.st_mode):04o})"
    else:
        return
    raise StoreUnwritable(
        f"the state folder {folder} {what}, who could then start and cancel builds as you; set "
        f"{VARIABLE} to a folder of your own, or mend it with: chmod 700 {shlex.quote(str(folder))}"
    )


def refuse_network(folder: Path, mounts: str) -> None:
    """Return quietly where *folder* is on a local disk.

    Args:
        folder: An absolute folder.
        mounts: Text of `/proc/self/mountinfo`.

    Raises:
        StoreUnwritable: The folder is on a network file system.
    """
    kind = file_system(folder, mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreUnwritable(
            f"the state folder {folder} is on {kind}, a network file system, where two machines "
            f"would not see each other's locks and could damage the run history; set {VARIABLE} "
            "to a folder on a local disk, for example /var/tmp/buildorch-$USER"
        )


def file_system(folder: Path, mounts: str) -> str:
    """Return the type of the file system that *folder* is on; empty where *mounts* does not say.

    Args:
        folder: An absolute folder; symbolic links in it are followed.
        mounts: Text of `/proc/self/mountinfo`.

    Example:
        >>> file_system(Path("/mnt"), "22 1 0:21 / /mnt rw shared:1 - nfs4 host:/x rw")
        'nfs4'
    """
    real = folder.resolve()
    kinds = {point: kind for point, kind in map(_mount, mounts.splitlines()) if point}
    around = (str(parent) for parent in (real, *real.parents))
    return next((kinds[point] for point in around if point in kinds), "")


def _make(places: Places) -> None:
    # Never chmod a folder that was there before: somebody may have named a shared one.
    places.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (
        places.locks,
        places.slots,
        places.sockets,
        places.controller_log("any").parent,
    ):
        folder.mkdir(mode=0o700, exist_ok=True)


def _mount(row: str) -> tuple[str, str]:
    """Return mount point and type of a row of mountinfo; a later mount hides an earlier one."""
    before, separator, after = row.partition(" - ")
    words = before.split()
    if not separator or len(words) < 5:  # noqa: PLR2004 - proc(5): the fifth word is the mount point
        return "", ""
    # proc(5): space, tab, newline and backslash are written in octal.
    point = words[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
    return os.fsdecode(point.encode("latin-1")), after.split()[0]
