"""Our own quoting for POSIX shells: the only place where a user's text becomes shell text."""

from __future__ import annotations

import re

from buildorch.errors import UsageError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def quote(text: str) -> str:
    r"""Return *text* as one word of any POSIX shell, byte for byte.

    Example:
        >>> print(quote("it's"))
        'it'\''s'
    """
    if "\0" in text:
        raise UsageError(f"no shell can take a text with a NUL byte: {text[:40]!r}")
    return "'" + text.replace("'", "'\\''") + "'"


def assignment(name: str, value: str) -> str:
    """Return a line that exports a variable.

    Raises:
        UsageError: The name is none.

    Example:
        >>> assignment("A", "x y!")
        "export A='x y!'"
    """
    if not _NAME.match(name):
        raise UsageError(
            f"{name!r} cannot be the name of an environment variable; "
            "use letters, digits and _, not beginning with a digit"
        )
    return f"export {name}={quote(value)}"


def path(text: str) -> str:
    """Return a path on the server as one word; relative ones and `~/` begin at the home folder.

    Example:
        >>> print(path("~/poky"), path("/srv"), path("src"))
        "$HOME"/'poky' '/srv' "$HOME"/'src'
    """
    if text.startswith("/"):
        return quote(text)
    if text in ("~", "~/", "."):
        return '"$HOME"'
    return '"$HOME"/' + quote(text.removeprefix("~/"))
