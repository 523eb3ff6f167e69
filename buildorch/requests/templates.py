"""Commands with a place for targets: checked, and filled in so that no shell reads a target."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from buildorch.names import nearest, quoted

ONE, ALL = "{target}", "{targets}"

_PLACES = re.compile(r"\{targets?\}")
#: What may be a slip of a place; `${name}` is the shell's own.
_WORD = re.compile(r"(?<!\$)\{([a-z]+)\}")
_LONGEST_TARGET = 1000


def check_template(template: str) -> None:
    """Look whether targets can be filled into *template*.

    Raises:
        ValueError: They cannot; says why, and what to write instead.

    Example:
        >>> check_template('make "{target}"')
        Traceback (most recent call last):
        ValueError: {target} stands in quotes; write it without: it is quoted when it is filled in
    """
    if not template.strip():
        raise ValueError("an empty command; write what to run")
    for word in _WORD.findall(template):
        if word not in ("target", "targets") and nearest(word, ["target", "targets"]):
            raise ValueError(f"{{{word}}} is no place for targets; write {ONE} or {ALL}")
    found = list(_PLACES.finditer(template))
    if len({place[0] for place in found}) > 1:
        raise ValueError(f"{ONE} and {ALL} are both there; keep one of them")
    for place in found:
        _check_place(template, place)


def _check_place(template: str, place: re.Match[str]) -> None:
    before = template[: place.start()]
    if _open_quote(before):
        raise ValueError(
            f"{place[0]} stands in quotes; write it without: it is quoted when it is filled in"
        )
    if "<<" in before:
        raise ValueError(f"{place[0]} stands after <<, where nothing can be quoted; move it before")
    if before.endswith("$"):
        raise ValueError(f"${place[0]} is a variable of the shell; write {place[0]}")


def _open_quote(text: str) -> bool:
    """Tell whether a quote, or a backslash, reaches beyond the end of *text*."""
    quote, escaped = "", False
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "\"'`":
            quote = char
    return bool(quote) or escaped


def takes(template: str) -> str | None:
    """Return `{target}` or `{targets}`, whichever *template* has, or None.

    Example:
        >>> takes("make {targets}"), takes("make")
        ('{targets}', None)
    """
    found = _PLACES.search(template)
    return found[0] if found else None


def filled(template: str, targets: Sequence[str]) -> str:
    """Return *template* with *targets* in their place, each quoted for the shell.

    Raises:
        ValueError: The template takes no targets so.

    Example:
        >>> filled("./build.py --module {target}", ["vam; rm -rf /"])
        "./build.py --module 'vam; rm -rf /'"
    """
    check_template(template)
    text = " ".join(shlex.quote(target) for target in targets)
    return _PLACES.sub(lambda _: text, template)


def check_target(target: str) -> None:
    """Look whether *target* may be one: a word that no program takes for an option.

    Raises:
        ValueError: It may not.

    Example:
        >>> check_target("--help")
        Traceback (most recent call last):
        ValueError: the target '--help' begins with '-', as options do; options belong in the verb
    """
    if target.startswith("-"):
        raise ValueError(
            f"the target {quoted(target)} begins with '-', as options do; options belong in the "
            "verb"
        )
    if not target.strip() or len(target) > _LONGEST_TARGET:
        raise ValueError(f"a target has 1 to {_LONGEST_TARGET} characters")
    if not target.isprintable():
        raise ValueError(f"the target {quoted(target)} has a character that cannot be printed")
