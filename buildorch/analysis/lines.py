r"""From the bytes of a log to readable lines.

Lines end at a line feed and nowhere else. A carriage return overwrites: what is kept of a line
is the text after its last one, and one at the very end overwrites nothing. Escape sequences go.
A line is known by its first 64 KiB; what follows is never looked at.
"""

from __future__ import annotations

import re

#: Bytes of a line that are looked at.
LIMIT = 64 * 1024

#: What `plain` leaves of a jump to the first column; nothing else leaves an escape character.
JUMP = b"\x1b"

_ESCAPE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-FH-~]"  # CSI: colours, cursor; nearly all there are
    rb"|(?!\[[01]?G)(?:\[[0-?]*[ -/]*G"
    rb"|[\]PX^_][^\x07\x1b\r\n]*(?:\x07|\x1b\\)?"  # OSC (links, titles) and other strings
    rb"|[ -/]*[0-~]|))"  # all others
)
_TO_FIRST_COLUMN = re.compile(rb"\x1b\[[01]?G")

#: What programs that pass a log on put before each line: times, as of a container build.
PREFIX = (
    r"(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?:? "
    r"|\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]? "
    r"|\[ *\d+\.\d+\] "
    r"|#\d+ \d+\.\d+ "
    r"| *\[(?:ant:)?javac\] )"
)
_PREFIX = re.compile(PREFIX)

#: Control characters, line and paragraph separators, marks that reorder text, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def plain(data: bytes) -> bytes:
    r"""Remove escape sequences; of a jump to the first column a `JUMP` is left.

    Example:
        >>> plain(b"\x1b[31mFAILED:\x1b[0m x")
        b'FAILED: x'
    """
    if b"\x1b" not in data:
        return data
    left = _ESCAPE.sub(b"", data)
    return _TO_FIRST_COLUMN.sub(JUMP, left) if JUMP in left else left


def without_last_returns(data: bytes) -> bytes:
    r"""Remove the carriage returns at the ends of lines: those overwrite nothing.

    Example:
        >>> without_last_returns(b"1%\r2%\r\r\n")
        b'1%\r2%\n'
    """
    if b"\r" not in data:  # much quicker to find out than that there is no pair
        return data
    while b"\r\r" in data:
        data = data.replace(b"\r\r", b"\r")
    return data.replace(b"\r\n", b"\n")


def visible(line: bytes) -> bytes:
    r"""Return what a line without its line feed shows in the end.

    Example:
        >>> visible(b"[1/2] a\r[2/2] b\r")
        b'[2/2] b'
    """
    shown = line.rstrip(b"\r").rpartition(b"\r")[2][:LIMIT]
    return plain(shown).rpartition(JUMP)[2]


def cut_long(data: bytes) -> bytes:
    """Keep the first 64 KiB of each piece between line feeds and carriage returns."""
    at = _first_long(data)
    if at == len(data):
        return data
    kept = [data[:at]]
    while at < len(data):
        window = at + LIMIT + 1
        end = _last_end(data, at, window)
        if end:
            kept.append(data[at:end])
            at = end
        elif window >= len(data):
            kept.append(data[at : at + LIMIT])
            break
        else:
            kept.append(data[at : at + LIMIT])
            at = _next_end(data, window - 1)
    return b"".join(kept)


def _first_long(data: bytes) -> int:
    """Return where the first piece begins that may be too long; the size where there is none."""
    at = 0
    while len(data) - at > LIMIT:
        end = _last_end(data, at, at + LIMIT + 1)
        if not end:
            return at
        at = end
    return len(data)


def _last_end(data: bytes, begin: int, end: int) -> int:
    """Return what follows the last line feed or carriage return between two places, or 0."""
    return max(data.rfind(b"\n", begin, end), data.rfind(b"\r", begin, end)) + 1


def _next_end(data: bytes, begin: int) -> int:
    """Return the index of the first line feed or carriage return from *begin* on."""
    feed = data.find(b"\n", begin)
    feed = len(data) if feed < 0 else feed
    carriage = data.find(b"\r", begin, feed)
    return feed if carriage < 0 else carriage


def decode(line: bytes) -> str:
    """Decode a visible line; bytes that are no UTF-8 become U+FFFD."""
    return line.decode("utf-8", "replace")


def without_prefix(text: str) -> str:
    """Return *text* without a time that another program put before it.

    Example:
        >>> without_prefix("[12:00:01] ninja: error: x")
        'ninja: error: x'
    """
    found = _PREFIX.match(text)
    return text[found.end() :] if found else text


def harmless(text: str) -> str:
    r"""Return *text* without anything that could move a cursor or reorder what is shown.

    Example:
        >>> harmless("a\tb\x07c\u202ed")
        'a       bcd'
    """
    return text if text.isprintable() else _UNSAFE.sub("", text.expandtabs())


def shorten(text: str, limit: int = 500) -> str:
    """Return at most *limit* characters of *text*, made harmless.

    Example:
        >>> shorten("abcdef", 4)
        'abc…'
    """
    shown = harmless(text[: 4 * limit]).rstrip()
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
