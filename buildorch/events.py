"""The facts of a run: frozen, append-only, and the only thing that is ever stored.

State, JSON lines, board, report and messages are all derived from these. Progress, log
lines and ETA are no events: they are read from the collected log whenever somebody looks.

Four events are *intents* (`StepLaunching`, `KillRequested`, `NotificationDue` and
`AttemptStarted` for a stage function): they are stored before their effect, and the effect is
done again, under the same id, when a controller finds one without an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import attrs

from buildorch.job import JobEnd, Wait
from buildorch.model import JSON, RunStatus, StageStatus

#: Version of the events' fields; readers upgrade older ones, and refuse newer ones.
VERSION = 1


@attrs.frozen(kw_only=True)
class RunCreated:
    """A run exists; holds all that resume needs, so that no user code is imported for it."""

    kind: ClassVar[str] = "run_created"
    pipeline: str
    plan: Mapping[str, Any]
    nonce: str
    results: str
    by: str
    params: Mapping[str, JSON] = attrs.field(factory=dict)
    parent: str | None = None
    source: str | None = None
    allow_parallel: bool = False


@attrs.frozen(kw_only=True)
class ControllerAttached:
    """A controller drives the run from now on; its epoch is the number in the envelope."""

    kind: ClassVar[str] = "controller_attached"
    pid: int
    host: str
    boot_id: str = ""


@attrs.frozen(kw_only=True)
class ControllerDetached:
    """The controller left on purpose; jobs go on."""

    kind: ClassVar[str] = "controller_detached"
    reason: str


@attrs.frozen(kw_only=True)
class CancelRequested:
    """Somebody wants the run to end; never undone."""

    kind: ClassVar[str] = "cancel_requested"
    by: str


@attrs.frozen(kw_only=True)
class AbandonRequested:
    """Nobody is to wait any more for servers that do not answer; never undone."""

    kind: ClassVar[str] = "abandon_requested"
    by: str


@attrs.frozen(kw_only=True)
class MoveRequested:
    """Somebody wants the stage to go on on another server, in place of this attempt."""

    kind: ClassVar[str] = "move_requested"
    stage: str
    attempt: int
    server: str
    by: str


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
class StepLaunching:
    """Intent: the job of a step is about to be launched under this id.

    Its log begins at byte `log_base` of the attempt's log.
    """

    kind: ClassVar[str] = "step_launching"
    stage: str
    attempt: int
    step: int
    server: str
    job: str
    digest: str = ""
    name: str | None = None
    log_base: int = 0


@attrs.frozen(kw_only=True)
class StepStarted:
    """The server has the job."""

    kind: ClassVar[str] = "step_started"
    stage: str
    attempt: int
    step: int


@attrs.frozen(kw_only=True)
class StepWaiting:
    """The job waits on its server, `wait` says what for; None: it goes on."""

    kind: ClassVar[str] = "step_waiting"
    stage: str
    attempt: int
    step: int
    wait: Wait | None = None


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
class KillRequested:
    """Intent: the tree of the running step is to be killed."""

    kind: ClassVar[str] = "kill_requested"
    stage: str
    attempt: int
    step: int
    reason: str


@attrs.frozen(kw_only=True)
class ValueRecorded:
    """A stage function's value (a `c.once`, `c.sleep`, or an output), for its replay."""

    kind: ClassVar[str] = "value_recorded"
    stage: str
    attempt: int
    step: int
    key: str
    value: JSON = None


@attrs.frozen(kw_only=True)
class StepFinished:
    """The job of a step ended, as its supervisor recorded; the log is here unless said."""

    kind: ClassVar[str] = "step_finished"
    stage: str
    attempt: int
    step: int
    end: JobEnd
    log_bytes: int = 0
    log_sha256: str | None = None
    log_complete: bool = True
    masked: int = 0


@attrs.frozen(kw_only=True)
class AttemptFinished:
    """An attempt is over; `status` is what the stage would be if this was its last."""

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
class OrphanNoted:
    """A job of an attempt that is over may still be alive on its server.

    It is killed as soon as the server answers; a `spared` one only when it is in the way.
    """

    kind: ClassVar[str] = "orphan_noted"
    stage: str
    attempt: int
    server: str
    job: str
    spared: bool = False


@attrs.frozen(kw_only=True)
class OrphanGone:
    """The server confirmed that the job is dead."""

    kind: ClassVar[str] = "orphan_gone"
    stage: str
    attempt: int
    server: str
    job: str


@attrs.frozen(kw_only=True)
class ArtifactStored:
    """A file was collected into the results folder; the archive of the run has no stage."""

    kind: ClassVar[str] = "artifact_stored"
    path: str
    size: int
    sha256: str
    stage: str | None = None


@attrs.frozen(kw_only=True)
class ArtifactsCollected:
    """All that matched the stage's artifacts is in the results folder, or why some is not."""

    kind: ClassVar[str] = "artifacts_collected"
    stage: str
    attempt: int
    count: int
    warning: str | None = None


@attrs.frozen(kw_only=True)
class NotificationDue:
    """Intent: a channel is to be told; stored together with the fact that it tells."""

    kind: ClassVar[str] = "notification_due"
    key: str
    channel: str
    topic: str
    text: str
    stage: str | None = None


@attrs.frozen(kw_only=True)
class NotificationResult:
    """The channel took the message, or why not."""

    kind: ClassVar[str] = "notification_result"
    key: str
    ok: bool
    message: str | None = None


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


@attrs.frozen(kw_only=True)
class RunFinished:
    """The run is over; stored exactly once."""

    kind: ClassVar[str] = "run_finished"
    status: RunStatus
    seconds: float
    results: str
    reason: str | None = None


Event: TypeAlias = (
    RunCreated
    | ControllerAttached
    | ControllerDetached
    | CancelRequested
    | AbandonRequested
    | MoveRequested
    | AttemptStarted
    | ConnectFailed
    | StepLaunching
    | StepStarted
    | LinkLost
    | LinkRestored
    | KillRequested
    | ValueRecorded
    | StepFinished
    | AttemptFinished
    | RetryScheduled
    | OrphanNoted
    | OrphanGone
    | StepWaiting
    | ArtifactStored
    | ArtifactsCollected
    | NotificationDue
    | NotificationResult
    | StageFinished
    | RunFinished
)

#: Every kind of event by its name in the store.
KINDS: Mapping[str, type[Event]] = {
    cls.kind: cls
    for cls in (
        RunCreated,
        ControllerAttached,
        ControllerDetached,
        CancelRequested,
        AbandonRequested,
        MoveRequested,
        AttemptStarted,
        ConnectFailed,
        StepLaunching,
        StepStarted,
        StepWaiting,
        LinkLost,
        LinkRestored,
        KillRequested,
        ValueRecorded,
        StepFinished,
        AttemptFinished,
        RetryScheduled,
        OrphanNoted,
        OrphanGone,
        ArtifactStored,
        ArtifactsCollected,
        NotificationDue,
        NotificationResult,
        StageFinished,
        RunFinished,
    )
}


@attrs.frozen(kw_only=True)
class Recorded:
    """An event as it is stored and shown: with its place in the run.

    Attributes:
        run: Id of the run.
        seq: Its number in the run, from 1, without gaps.
        at: Unix time in seconds, by the clock of the controller's machine.
        epoch: Number of the controller that recorded it, from 1.
        event: The fact itself.
    """

    run: str
    seq: int
    at: float
    epoch: int
    event: Event
