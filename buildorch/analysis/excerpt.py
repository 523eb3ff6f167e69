"""The neighbourhood of a line of a log, read back from the file: a few lines for a message."""

from __future__ import annotations

import os
from pathlib import Path

from buildorch.analysis.lines import shorten
from buildorch.analysis.tail import readable

#: Bytes that are read on each side of the line: enough for a few lines, little of a long one.
_SIDE = 4096

#: Characters of a line.
_LONGEST = 300


def excerpt(path: str | os.PathLike[str], offset: int, *, before: int = 1, after: int = 3) -> str:
    """Return the line of a log that begins at *offset*, with some before and after it.

    Args:
        path: The log.
        offset: Where the line begins, in bytes.
        before: How many lines before it, at most; empty ones are left out.
        after: How many after it.

    Returns:
        Readable lines; empty where the file cannot be read.
    """
    begin = max(0, offset - _SIDE)
    try:
        with Path(path).open("rb") as log:
            log.seek(begin)
            data = log.read(offset - begin + _SIDE)
    except OSError:
        return ""
    ahead, rest = data[: offset - begin], data[offset - begin :]
    if begin:
        ahead = ahead.partition(b"\n")[2]  # its first line is cut
    earlier = [line for line in readable(ahead).splitlines() if line.strip()]
    later = [line for line in readable(rest).splitlines() if line.strip()]
    shown = (earlier[-before:] if before else []) + later[: 1 + after]
    return "\n".join(shorten(line, _LONGEST) for line in shown)
