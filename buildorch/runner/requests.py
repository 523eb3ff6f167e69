"""What a stage function asks the controller for, and gets as an answer."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import attrs

from buildorch.job import JobEnd
from buildorch.model import JSON, Server
from buildorch.runner.jobs import StepSpec
from buildorch.scheduler import facts


@attrs.frozen(eq=False)
class StepRequest:
    """A function wants the result of its next command.

    Attributes:
        stage: Its stage.
        attempt: Its attempt.
        step: Number of the command in the attempt, from 1.
        spec: The command.
        timeout: Seconds that it may take.
        reply: Resolves to the recorded end and the place of the log.
    """

    stage: str
    attempt: int
    step: int
    spec: StepSpec
    timeout: float | None
    reply: Future[StepEnd] = attrs.field(factory=Future)


@attrs.frozen
class StepEnd:
    """The end of a command, and where its output is in the attempt's log.

    `deadline` is the monotonic time at which the attempt's time is over, where it has a limit:
    later than before by what the command waited for locks.
    """

    end: JobEnd
    log: Path
    base: int
    size: int
    deadline: float | None = None


@attrs.frozen(eq=False)
class ValueRequest:
    """A function wants a recorded value, or to record the one that `make` returns.

    Attributes:
        stage: Its stage.
        attempt: Its attempt.
        step: Number of commands before it.
        key: What it is called in the record.
        reply: Resolves to (True, value) where it is recorded, else to (False, None).
    """

    stage: str
    attempt: int
    step: int
    key: str
    reply: Future[tuple[bool, JSON]] = attrs.field(factory=Future)


@attrs.frozen(eq=False)
class ValueMade:
    """A function has made a value; `reply` resolves when it is stored."""

    fact: facts.ValueGiven
    reply: Future[None] = attrs.field(factory=Future)


#: Anything that a function asks for.
Request: TypeAlias = StepRequest | ValueRequest | ValueMade


def answer(reply: Future[Any], value: object) -> None:
    """Resolve *reply*, unless its function was stopped meanwhile."""
    if not reply.done():
        reply.set_result(value)


def refuse(reply: Future[Any], error: BaseException) -> None:
    """Let *reply* raise *error*, unless its function was stopped meanwhile."""
    if not reply.done():
        reply.set_exception(error)


class Host(Protocol):
    """What the controller does for its stage functions; called from their threads."""

    def ask(self, request: Request) -> None:
        """Hand a request to the controller's thread."""

    def note(self, stage: str, attempt: int, text: str) -> None:
        """Append lines to the log of the attempt, unless it is over."""

    def transfer(self, server: Server, kind: str, source: str, target: str) -> None:
        """Copy a file to (`put`) or from (`get`) the server."""

    def connection(self, server: Server) -> Any:  # noqa: ANN401 - a fabric.Connection; fabric has no types
        """Return a plain connection to the server."""

    def inputs(self, stage: str) -> Mapping[str, Mapping[str, JSON]]:
        """Return the outputs of the stage's ancestors by name."""
