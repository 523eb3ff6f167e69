"""What the record of a job's end says besides the end: of its log, and of its disks."""

import os

from buildorch.remote.agent import disk, folder

#: Logs up to this size have their checksum in the record of the end.
SMALL_LOG = 1 << 20


def cut_short(place: folder.Folder) -> "str | None":
    """Say that a log may not be whole whose command did not mind that it could not write."""
    full = disk.full_disk(place.path)
    return None if full is None else full + ": the log may be cut short"


def room(place: folder.Folder) -> str:
    """Return how much is free where the command worked."""
    where = disk.disk_of(disk.workdir(place))
    return "" if where is None else where.room + " on the disk of " + where.path


def log_fields(place: folder.Folder) -> "list[tuple[str, str]]":
    """Return the size of the log, and of a small one the checksum."""
    try:
        with open(place.at("log"), "rb") as log:
            size = os.fstat(log.fileno()).st_size
            if size > SMALL_LOG:
                return [("log_bytes", str(size))]
            data = log.read(size)
    except OSError:
        return []
    from hashlib import sha256  # noqa: PLC0415 - slow to load: the agent does it when idle

    return [("log_bytes", str(len(data))), ("log_sha256", sha256(data).hexdigest())]
