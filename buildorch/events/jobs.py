"""The facts of the jobs of an attempt, and of those that its end leaves behind."""

from __future__ import annotations

from typing import ClassVar

import attrs

from buildorch.job import JobEnd, Wait
from buildorch.model import JSON


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
