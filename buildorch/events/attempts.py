"""The facts of a stage and its attempts, from a server that is tried to the stage's end."""

from __future__ import annotations

from typing import ClassVar

import attrs

from buildorch.model import JSON, StageStatus


@attrs.frozen(kw_only=True)
class AttemptStarted:
    """The stage has its slots and a server; connecting begins."""

    kind: ClassVar[str] = "attempt_started"
    stage: str
    attempt: int
    server: str


@attrs.frozen(kw_only=True)
class ConnectFailed:
    """One try to connect failed.

    `retry_in` seconds later comes the next; None: no more here, and `fallback` is the server
    that is used instead, if there is one.
    """

    kind: ClassVar[str] = "connect_failed"
    stage: str
    attempt: int
    server: str
    reason: str
    message: str
    tries: int
    retry_in: float | None = None
    fallback: str | None = None


@attrs.frozen(kw_only=True)
class LinkLost:
    """The connection of a running stage is gone; its job goes on.

    A second one of the same loss has `barred`, as in `facts.LinkDown`.
    """

    kind: ClassVar[str] = "link_lost"
    stage: str
    attempt: int
    server: str
    reason: str
    barred: str | None = None


@attrs.frozen(kw_only=True)
class LinkRestored:
    """The connection of a running stage is back."""

    kind: ClassVar[str] = "link_restored"
    stage: str
    attempt: int
    server: str


@attrs.frozen(kw_only=True)
class MoveRequested:
    """Somebody wants the stage to go on on another server, in place of this attempt."""

    kind: ClassVar[str] = "move_requested"
    stage: str
    attempt: int
    server: str
    by: str


@attrs.frozen(kw_only=True)
class KillRequested:
    """Intent: the tree of the running step is to be killed."""

    kind: ClassVar[str] = "kill_requested"
    stage: str
    attempt: int
    step: int
    reason: str


@attrs.frozen(kw_only=True)
class AttemptFinished:
    """An attempt is over; `status` is what the stage would be if this was its last.

    From `errors` on it is what its log says; `cause` and the fields after `warning` as in
    `analysis.Analysis`, `excerpt` the neighbourhood of the first error.
    """

    kind: ClassVar[str] = "attempt_finished"
    stage: str
    attempt: int
    status: StageStatus
    reason: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    errors: int = 0
    warnings: int = 0
    first_error: str | None = None
    alert: str | None = None
    warning: str | None = None
    cause: str | None = None
    tests_passed: int | None = None
    tests_total: int | None = None
    sstate: int | None = None
    excerpt: str | None = None


@attrs.frozen(kw_only=True)
class RetryScheduled:
    """Another attempt follows after `delay` seconds, on `server` where that is another one.

    `cause` is `failures`, `infrastructure`, `free` (it never started) or `moved`.
    """

    kind: ClassVar[str] = "retry_scheduled"
    stage: str
    attempt: int
    delay: float
    cause: str
    server: str | None = None


@attrs.frozen(kw_only=True)
class StageFinished:
    """A stage will not run again; everything that reports say of it."""

    kind: ClassVar[str] = "stage_finished"
    stage: str
    status: StageStatus
    reason: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    attempts: int = 0
    server: str | None = None
    seconds: float | None = None
    errors: int = 0
    warnings: int = 0
    first_error: str | None = None
    alert: str | None = None
    warning: str | None = None
    allowed: bool = False
    log: str | None = None
    log_complete: bool = True
    output: JSON = None
