"""What stages, pipelines and parameters may be called, and the nearest known name to a wrong one.

A name becomes a folder, a part of a job's id and a word in messages, so it holds no separator,
no space and nothing that a shell reads; letters of any script are welcome.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

#: A name's longest form, in characters and in bytes of UTF-8: file systems count the latter.
MAX_CHARACTERS = 100
MAX_BYTES = 200

#: Names shown where none is near.
_FEW = 12
#: Longer texts are no misspelt names, and comparing them takes long.
_LONGEST_COMPARED = 2 * MAX_CHARACTERS
_QUOTED = 60

#: What most names look like; the others are looked at letter by letter.
_PLAIN = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{MAX_CHARACTERS - 1}}}")


def check_name(name: str, *, spaces: bool = False) -> str:
    """Return *name* in its normal form (NFC).

    Args:
        name: Letters, digits and marks of any script, `-`, `_` and `.`; at most 100 characters
            and 200 bytes of UTF-8; does not begin with `.` or `-`.
        spaces: Whether single spaces between words are taken too, as in a pipeline's name.

    Raises:
        ValueError: It is no such name; says why.

    Example:
        >>> check_name("호스트-빌드.vam")
        '호스트-빌드.vam'
        >>> check_name("../etc")
        Traceback (most recent call last):
        ValueError: the name '../etc' begins with '.'; begin it with a letter, a digit or _
    """
    normal = unicodedata.normalize("NFC", name)
    if _PLAIN.fullmatch(normal):
        return normal
    if reason := _reason(normal, spaces=spaces):
        raise ValueError(f"the name {quoted(name)} {reason}")
    return normal


def same_name(name: str) -> str:
    """Return the form in which two names are the same name, letter case aside.

    Example:
        >>> same_name("Host-Build") == same_name("host-build")
        True
    """
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def shown_name(identifier: str) -> str:
    """Return how a Python name is shown: `yocto_image` is the stage `yocto-image`.

    Example:
        >>> shown_name("yocto_image")
        'yocto-image'
    """
    return unicodedata.normalize("NFC", identifier.strip("_").replace("_", "-"))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the one of the *known* names that *name* may be a slip of, or None.

    Example:
        >>> nearest("host_bild", ["host-build", "image"])
        'host-build'
        >>> nearest("xyz", ["host-build", "image"])
    """
    if len(name) > _LONGEST_COMPARED:
        return None
    by_form = {same_name(one).replace("_", "-"): one for one in known}
    found = difflib.get_close_matches(same_name(name).replace("_", "-"), by_form, n=1)
    return by_form[found[0]] if found else None


def hint(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown *name*: the nearest, else all of a few.

    Example:
        >>> hint("imgae", ["image"]), hint("xyz", ["image"]), hint("xyz", [])
        ("; did you mean 'image'?", '; known: image', '')
    """
    names = list(known)
    near = nearest(name, names)
    if near is not None:
        return f"; did you mean {near!r}?"
    more = ", …" if len(names) > _FEW else ""
    return f"; known: {', '.join(names[:_FEW])}{more}" if names else ""


def quoted(text: str) -> str:
    """Return *text* in quotes, cut where it is long, for a message.

    Example:
        >>> quoted("a" * 100)[-4:]
        "aa…'"
    """
    return repr(text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…")


def _reason(name: str, *, spaces: bool) -> str | None:
    if not name:
        return "is empty; write at least one letter or digit"
    if len(name) > MAX_CHARACTERS:
        return f"has {len(name)} characters; {MAX_CHARACTERS} are the most"
    if name[0] in ".-":
        return f"begins with {name[0]!r}; begin it with a letter, a digit or _"
    words = name.split(" ") if spaces else [name]
    bad = [char for word in words for char in word if not _is_allowed(char)]
    if bad or not all(words):
        return _not_allowed(bad, spaces=spaces)
    if unicodedata.category(name[0]).startswith("M"):
        return "begins with a mark that belongs to a letter before it"
    size = len(name.encode())
    return f"has {size} bytes in UTF-8; {MAX_BYTES} are the most" if size > MAX_BYTES else None


def _not_allowed(bad: list[str], *, spaces: bool) -> str:
    shown = ", ".join(sorted({_shown(char) for char in bad})) or "a space too many"
    allowed = "letters, digits, '-', '_' and '.'" + (" and single spaces" if spaces else "")
    return f"has {shown}; only {allowed} are allowed"


def _shown(char: str) -> str:
    if char == " ":
        return "a space"
    return repr(char) if char.isprintable() else f"U+{ord(char):04X}"


def _is_allowed(char: str) -> bool:
    category = unicodedata.category(char)
    return char in "-_." or category[0] in "LM" or category == "Nd"
