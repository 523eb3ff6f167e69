"""Writes text to a stream that may go away: a closed pipe or terminal never stops a run."""

from __future__ import annotations

from buildorch.observers.look import Stream


class Output:
    """A stream whose loss is noticed once and then ignored.

    Args:
        stream: Where the text goes.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream: Stream | None = stream

    def write(self, text: str) -> None:
        """Write *text* and hand it over at once."""
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # a closed file raises ValueError
            self._stream = None
