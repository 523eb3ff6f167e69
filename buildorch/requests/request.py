"""A request as a value, and the text that says it."""

from __future__ import annotations

import re
import shlex
from typing import Literal, TypeAlias

import attrs

from buildorch.errors import Problem
from buildorch.model import tuple_of

#: How the items of a request follow each other: as they say, at once, one after the other.
Kind: TypeAlias = Literal["pipeline", "parallel", "sequential"]

KINDS: tuple[Kind, ...] = ("pipeline", "parallel", "sequential")

_LONGEST_SHOWN = 200


@attrs.frozen(kw_only=True)
class Item:
    """One line of a request: who shall do what.

    Attributes:
        alias: What the line calls the server.
        verb: What is to be done; None: what the server's build type usually does.
        targets: What it is to be done with.
        number: Its number in a `pipeline:`.
        after: Numbers of the items that come directly before it.
        file: Where the line stands, for messages.
        line: Its number there, from 1.
        column: Where in the line it begins, from 1.
        text: The line as it was written.
    """

    alias: str
    verb: str | None = None
    targets: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    number: int | None = None
    after: tuple[int, ...] = attrs.field(default=(), converter=tuple_of)
    file: str | None = attrs.field(default=None, eq=False)
    line: int | None = attrs.field(default=None, eq=False)
    column: int | None = attrs.field(default=None, eq=False)
    text: str = attrs.field(default="", eq=False)

    def problem(self, message: str) -> Problem:
        """Return the problem that *message* is, with the line that has it."""
        return Problem(quoting(message, self.text), self.file, self.line, self.column)


@attrs.frozen(kw_only=True)
class Request:
    """What somebody asks for.

    Attributes:
        kind: How its items follow each other.
        items: Its items as they were written.
    """

    kind: Kind
    items: tuple[Item, ...] = attrs.field(converter=tuple_of)


def quoting(message: str, line: str) -> str:
    r"""Return *message* with the *line* that it is about.

    Example:
        >>> quoting("no such verb", "  - yocto: bild x ")
        'no such verb\n    - yocto: bild x'
    """
    text = line.strip()
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return f"{message}\n    {shown}" if shown else message


def written(request: Request) -> str:
    """Return the text of *request*; reading it gives an equal one.

    Example:
        >>> items = [Item(alias="yocto", verb="build", targets=["linux-s32"])]
        >>> print(written(Request(kind="parallel", items=items)))
        parallel:
          - yocto: build linux-s32
    """
    return "\n".join([f"{request.kind}:", *(f"  {_line(one)}" for one in request.items)])


def _line(item: Item) -> str:
    mark = "-" if item.number is None else f"{item.number}."
    words = " ".join(_word(one) for one in (item.verb, *item.targets) if one is not None)
    after = ", ".join(str(number) for number in item.after)
    return f"{mark} {item.alias}: {words}" + (f" (after {after})" if after else "")


def _word(word: str) -> str:
    """Return *word* in quotes where it needs them; letters of any script do not."""
    return word if re.fullmatch(r"[\w@%+=:,./-]+", word) else shlex.quote(word)
