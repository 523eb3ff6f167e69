"""stdout belongs to what was asked for: whatever user code prints goes to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def prints_aside() -> Iterator[TextIO]:
    """Let prints of user code, and of the programs it runs, go to stderr.

    Yields:
        The true stdout, for data.
    """
    data = sys.stdout
    if data is None or sys.stderr is None or not _is_descriptor(data, 1):
        sys.stdout = sys.stderr
        try:
            yield data
        finally:
            sys.stdout = data
        return
    data.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    true = os.fdopen(os.dup(kept), "w", encoding=data.encoding, errors=data.errors)
    try:
        yield true
    finally:
        _close(true)
        sys.stdout = data
        os.dup2(kept, 1)
        os.close(kept)


def _is_descriptor(stream: TextIO, number: int) -> bool:
    try:
        return stream.fileno() == number
    except (OSError, ValueError):
        return False  # a stream in memory, as tests have


def _close(stream: TextIO) -> None:
    try:
        stream.close()
    except OSError:
        return  # nobody reads it any more
