"""A file's bytes as text that is safe to parse, and places in it that count from 1.

UTF-8 with or without a byte order mark, whatever the locale; line ends of Windows are taken
as ends of line.
"""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from buildorch.errors import DefinitionError, Problem

#: More than any file that a person wrote; keeps the time that parsing takes bounded.
MAX_BYTES = 1 << 20

#: Characters that YAML refuses, and those that it, but no editor, takes as an end of line.
_UNREADABLE = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


@attrs.frozen
class Source:
    """Text that is about to be parsed.

    Attributes:
        text: The text; lines end with a line feed.
        file: The file's name in messages, or None.
    """

    text: str
    file: str | None = None

    def problem(self, message: str, line: int, column: int) -> DefinitionError:
        """Return the error that *message* makes at 1-based *line* and *column*."""
        return DefinitionError([Problem(message, self.file, line, column)])

    def problem_at(self, message: str, offset: int) -> DefinitionError:
        """Return the error that *message* makes at the character number *offset*, from 0."""
        return self.problem(message, *_place(self.text[:offset]))


def read_source(path: Path) -> Source:
    """Return the text of the file *path*.

    Raises:
        DefinitionError: The file cannot be read, is too long, or is no UTF-8 text.
    """
    file = str(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DefinitionError([Problem(f"cannot be read: {reason}", file)]) from None
    return as_source(data, file)


def as_source(text: str | bytes, file: str | None = None) -> Source:
    r"""Return *text* as a `Source`: decoded, without byte order mark, with plain line ends.

    Args:
        text: Text, or the bytes of a file.
        file: The file's name in messages.

    Raises:
        DefinitionError: It is too long, no UTF-8, or holds characters that nobody can see.

    Example:
        >>> as_source(b"\xef\xbb\xbfname: a\r\n").text
        'name: a\n'
    """
    if len(text) > MAX_BYTES:
        message = f"longer than {MAX_BYTES >> 20} MiB; a definition is never that long"
        raise DefinitionError([Problem(message, file, 1, 1)])
    decoded = _decode(text, file) if isinstance(text, bytes) else text
    plain = decoded.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    source = Source(plain, file)
    if found := _UNREADABLE.search(plain):
        code = f"U+{ord(found.group()):04X}"
        message = f"a character that cannot be seen ({code}); delete it and type the text anew"
        raise source.problem_at(message, found.start())
    return source


def _decode(data: bytes, file: str | None) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(data[: error.start].decode("utf-8"))
        message = f"byte 0x{data[error.start]:02x} is no UTF-8; save the file as UTF-8"
        raise DefinitionError([Problem(message, file, line, column)]) from None


def _place(before: str) -> tuple[int, int]:
    """Return 1-based line and column of the character that follows *before*."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")
