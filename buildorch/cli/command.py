"""What a command of the program is: a plain function, and what the words after its name mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

#: Help of a word that names a run.
RUN = "id of the run, the beginning of one, its short name, or `last`"

#: Help of a word that names a pipeline.
PLACE = "FILE.yaml, FILE.py[:NAME] or module:NAME"

#: Help of an option that gives a parameter.
PARAM = "a parameter of the pipeline (may be repeated)"

#: Help of an option that every command has.
CONFIG = "configuration file"

#: Takes a command's arguments by their names, and returns its exit code.
Body: TypeAlias = Callable[..., Any]


@attrs.frozen(kw_only=True)
class Command:
    """One command.

    Attributes:
        body: What it does; its signature says which arguments there are, its docstring is its help.
        help: What each argument is for.
        positional: Arguments that are words without dashes.
        iterable: Arguments that may be given several times.
    """

    body: Body
    help: Mapping[str, str] = attrs.field(factory=dict)
    positional: tuple[str, ...] = ()
    iterable: tuple[str, ...] = ()


@attrs.frozen
class Commands:
    """All commands; the code of one is imported when it is used.

    Attributes:
        summaries: A line for each, by name.
        load: Returns the command of a name.
    """

    summaries: Mapping[str, str]
    load: Callable[[str], Command]


def command(
    *,
    help: Mapping[str, str],  # noqa: A002 - as Invoke calls it
    positional: Sequence[str] = (),
    iterable: Sequence[str] = (),
) -> Callable[[Body], Command]:
    """Return a decorator that makes a function a command.

    Args:
        help: What each argument is for.
        positional: Arguments that are words without dashes.
        iterable: Arguments that may be given several times.

    Example:
        >>> @command(help={"name": "who is greeted"}, positional=["name"])
        ... def greet(name):
        ...     return 0
        >>> greet.positional
        ('name',)
    """

    def made(body: Body) -> Command:
        return Command(body=body, help=help, positional=tuple(positional), iterable=tuple(iterable))

    return made
