"""The commands as Invoke tasks."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from invoke import Collection, Context, Task

from buildorch.cli.command import Command, Commands


def collection(commands: Commands) -> Collection:
    """Return *commands* as a collection, to be mounted in another one."""
    found = Collection()
    for name in commands.summaries:
        found.add_task(_task(commands.load(name)), name=name)
    return found


def _task(command: Command) -> Task[Any]:
    @functools.wraps(command.body)
    def body(c: Context, **arguments: Any) -> Any:  # noqa: ANN401 - as the command takes and returns them
        del c
        return command.body(**arguments)

    # Invoke reads the options from the signature, and leaves the first parameter out.
    own = inspect.signature(command.body)
    first = inspect.Parameter("c", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    body.__signature__ = own.replace(parameters=[first, *own.parameters.values()])  # type: ignore[attr-defined] # as `inspect` documents it
    return Task(
        body,
        help=dict(command.help),
        positional=command.positional,
        iterable=command.iterable,
    )
