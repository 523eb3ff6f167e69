"""Text for chat services: cut to their limits, and unable to ping anybody."""

from __future__ import annotations

import re

#: Words that ping everybody, wherever they stand.
_CROWD = re.compile(r"@(?=(?:everyone|here|channel|all)\b)", re.IGNORECASE)

#: `@name` as chat services read it; not the one in `git@host`, `mail@example.org`, `pkg@1.0`.
_PERSON = re.compile(r"(?<![\w.@/-])@(?=\w)")

#: How Discord and Slack write a user, a role, a channel or a crowd: `<@1>`, `<@&1>`, `<!here>`.
_CODED = re.compile(r"<(?=[@#!])")

#: The middle of a link whose text may say something else: `[text](address)`.
_LINK = re.compile(r"\](?=\()")

#: A space of no width: the word looks the same and means nothing to the service.
_NOTHING = "\u200b"


def disarm(text: str) -> str:
    r"""Return *text* looking the same, but pinging nobody and hiding no link.

    Example:
        >>> disarm("@everyone git@host") == "@\u200beveryone git@host"
        True
    """
    for pattern in (_CODED, _CROWD, _PERSON, _LINK):
        text = pattern.sub(lambda found: found.group() + _NOTHING, text)
    return text


def units(text: str) -> int:
    """Return how long *text* is in UTF-16 code units, as Telegram counts.

    Discord says "characters" and is never stricter than this.

    Example:
        >>> units("a"), units("한"), units("🚀")
        (1, 1, 2)
    """
    return len(text) + sum(character > "\uffff" for character in text)


def split(text: str, limit: int) -> list[str]:
    r"""Cut *text* into parts of at most *limit* UTF-16 units, at ends of lines where possible.

    Nothing is lost but white space where two parts meet and at both ends.

    Args:
        text: Any text.
        limit: Units that a part may have, at least 2.

    Returns:
        The parts in order; none of them is blank, so a blank text has none.

    Example:
        >>> split("one two\nthree four", 12)
        ['one two', 'three four']
    """
    parts = []
    rest = text.strip()
    while rest:
        end = _border(rest, _reach(rest, limit))
        parts.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return parts


def _reach(text: str, limit: int) -> int:
    """Return how many characters of *text* fit into *limit* units."""
    if units(text) <= limit:
        return len(text)
    used = 0
    for index, character in enumerate(text):
        used += 2 if character > "\uffff" else 1
        if used > limit:
            return index
    return len(text)


def _border(text: str, reach: int) -> int:
    """Return where to cut: the last end of line up to *reach*, else space, else *reach*."""
    if reach == len(text):
        return reach
    line = text.rfind("\n", 0, reach + 1)
    space = text.rfind(" ", 0, reach + 1)
    return next((found for found in (line, space) if found > 0), reach)
