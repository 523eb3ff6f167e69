"""The log that goes with an alert: the end of it, fit to be read on a phone."""

from __future__ import annotations

from pathlib import PurePath

from buildorch.analysis.tail import tail
from buildorch.errors import UsageError

#: Bytes of a log's end that are sent: far below what any service takes, and hours of reading.
LARGEST = 1 << 20

#: Lines of it.
_LINES = 20_000


def end_of(path: str) -> str:
    """Return the readable end of a log; nothing of one that cannot be read."""
    try:
        return tail(path, lines=_LINES, limit=LARGEST)
    except UsageError:
        return ""


def file_name(path: str) -> str:
    """Return what the file is called: the stage, then the attempt.

    Example:
        >>> file_name("/results/0714-2/host-build/attempt-1.log")
        'host-build-attempt-1.txt'
    """
    given = PurePath(path)
    return f"{given.parent.name}-{given.stem}.txt"
