"""How a terminal shows text: which characters it can draw, its time zone, what is safe to print.

Everything that comes from a log, a name or a server passes `Look.clean` exactly once, before
it is measured; nothing else reaches the terminal.
"""

from __future__ import annotations

import datetime as dt
import os
import unicodedata
from collections.abc import Mapping
from typing import Protocol

import attrs

from buildorch.messages.words import Words
from buildorch.messages.words import clean as one_line

#: Longest text that is looked at; a screen shows less, and a log line can have a megabyte.
_LONGEST = 2000


class Stream(Protocol):
    """A text stream that people look at."""

    def write(self, text: str, /) -> object:
        """Write *text*."""

    def flush(self) -> object:
        """Hand over what was written."""


@attrs.frozen(kw_only=True)
class Look:
    """What a terminal can show.

    Attributes:
        full: Draws a done part of a bar.
        empty: Draws an open part of a bar.
        rule: Draws a line.
        more: Stands for text that was cut off.
        encoding: What the stream can write.
        zone: Time zone of clock times; None is this machine's.
        language: Language of durations: `en` or `ko`.
    """

    full: str = "█"
    empty: str = "░"
    rule: str = "─"
    more: str = "…"
    encoding: str = "utf-8"
    zone: dt.tzinfo | None = None
    language: str = "en"

    @classmethod
    def ascii(cls, encoding: str = "ascii", language: str = "en") -> Look:
        """Return the look of terminals that cannot draw, or draw some characters two columns wide.

        Example:
            >>> Look.ascii().full
            '#'
        """
        return cls(full="#", empty="-", rule="-", more="..", encoding=encoding, language=language)

    @classmethod
    def of(
        cls,
        stream: Stream,
        environ: Mapping[str, str] | None = None,
        language: str = "en",
    ) -> Look:
        """Return the look that suits *stream*.

        Args:
            stream: Where the text goes.
            environ: The environment; None is this process's.
            language: Language of durations.
        """
        known = os.environ if environ is None else environ
        encoding = getattr(stream, "encoding", None) or "ascii"
        if known.get("BUILDORCH_ASCII") or _plain_locale(known) or not _draws(encoding):
            return cls.ascii(encoding, language)
        return cls(encoding=encoding, language=language)

    def clean(self, text: str | None) -> str:
        r"""Return *text* as one line without anything that a terminal could obey.

        Args:
            text: Text of any origin.

        Example:
            >>> Look().clean("10%\r20% \x1b[31m[red]\x07\u202e")
            '20% [red]'
        """
        if not text:
            return ""
        last = text[-_LONGEST:] if "\r" in text else text[:_LONGEST]
        shown = next((part for part in reversed(last.split("\r")) if part.strip()), "")
        line = unicodedata.normalize("NFC", one_line(shown))
        line = "".join(char for char in line if char.isprintable() and char not in _SELECTORS)
        return " ".join(line.split()).encode(self.encoding, "replace").decode(self.encoding)

    def clock(self, at: float, now: float | None = None) -> str:
        """Return the local time of *at* (Unix time); with its date where *now* is another day.

        Example:
            >>> Look(zone=dt.UTC).clock(1783987200.0)
            '00:00:00'
        """
        moment = dt.datetime.fromtimestamp(at, self.zone)
        if now is None:
            return f"{moment:%H:%M:%S}"
        today = dt.datetime.fromtimestamp(now, self.zone).date() == moment.date()
        return f"{moment:%H:%M}" if today else f"{moment:%Y-%m-%d %H:%M}"

    def time(self, seconds: float | None) -> str:
        """Return a duration as people say it; nothing where it is unknown.

        Example:
            >>> Look().time(8100)
            '2h 15min'
        """
        if seconds is None:
            return ""
        return self.clean(Words.of(self.language).time(max(0.0, seconds)))

    def fit(self, text: str, width: int) -> str:
        """Return *text* in exactly *width* columns: padded, or cut with a mark.

        Example:
            >>> Look().fit("한글입니다", 6), Look().fit("ab", 4)
            ('한글 …', 'ab  ')
        """
        from rich.cells import cell_len, set_cell_size  # noqa: PLC0415 - rich is heavy

        if cell_len(text) <= width:
            return text + " " * (width - cell_len(text))
        room = width - cell_len(self.more)
        return set_cell_size(text, room) + self.more if room > 0 else set_cell_size(text, width)


#: Variation selectors: terminals disagree on the width of what they follow.
_SELECTORS = "\ufe0e\ufe0f"


def width_of(text: str) -> int:
    """Return how many columns *text* takes.

    Example:
        >>> width_of("한글 ab")
        7
    """
    from rich.cells import cell_len  # noqa: PLC0415 - rich is heavy

    return cell_len(text)


def wants_board(stream: Stream, environ: Mapping[str, str] | None = None) -> bool:
    """Return whether *stream* is a terminal on which lines can be redrawn.

    Args:
        stream: Where the board would go.
        environ: The environment; None is this process's.
    """
    known = os.environ if environ is None else environ
    isatty = getattr(stream, "isatty", None)
    return bool(isatty is not None and isatty()) and known.get("TERM", "dumb") != "dumb"


def _draws(encoding: str) -> bool:
    """Tell whether *encoding* has the drawing characters, and a terminal shows them narrow."""
    try:
        "█░─…".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return encoding.lower().replace("-", "").startswith("utf")


def _plain_locale(environ: Mapping[str, str]) -> bool:
    """Tell whether the user's locale is C: its terminal may show no more than ASCII.

    Python itself sets LC_CTYPE to C.UTF-8 where only a C locale is set, so that one counts only
    beside a LANG that agrees.
    """
    everything = environ.get("LC_ALL")
    if everything:
        return everything in ("C", "POSIX")
    language = environ.get("LANG") or "C"
    characters = environ.get("LC_CTYPE") or language
    coerced = characters in ("C.UTF-8", "C.utf8", "UTF-8")
    return characters in ("C", "POSIX") or (coerced and language in ("C", "POSIX"))
