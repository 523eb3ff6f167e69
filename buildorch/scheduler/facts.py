"""What the runner tells the scheduler: things that were seen to happen, stored or not.

The scheduler turns a fact into events, or into none where it comes too late to matter.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from buildorch.job import JobEnd, Wait
from buildorch.model import JSON


@attrs.frozen(kw_only=True)
class SlotTaken:
    """The stage may use a slot of the server."""

    stage: str
    server: str


@attrs.frozen(kw_only=True)
class SlotBusy:
    """Other runs use all slots of the server; `holder` says who."""

    stage: str
    server: str
    holder: str


@attrs.frozen(kw_only=True)
class Connected:
    """The server is linked."""

    server: str


@attrs.frozen(kw_only=True)
class NotConnected:
    """One try to link the server failed; `transient`: trying again can help."""

    server: str
    reason: str
    message: str
    transient: bool


@attrs.frozen(kw_only=True)
class LinkDown:
    """The link of a server that runs jobs is gone, or could not be brought back.

    Attributes:
        server: The server.
        reason: Why, as a sentence.
        barred: One word for why only a person can bring it back (`login refused`, `host key
            changed`); None where trying again can help.
    """

    server: str
    reason: str
    barred: str | None = None


@attrs.frozen(kw_only=True)
class LinkUp:
    """The link of a server that runs jobs is back."""

    server: str


@attrs.frozen(kw_only=True)
class JobStarted:
    """The server has the job."""

    stage: str
    attempt: int
    step: int


@attrs.frozen(kw_only=True)
class JobWaiting:
    """The job waits on its server for *wait*; None: it goes on."""

    stage: str
    attempt: int
    step: int
    wait: Wait | None


@attrs.frozen(kw_only=True)
class LogReport:
    """What the collected log of an ended job says.

    Attributes:
        size: Bytes collected for this job.
        sha256: Of the server's log, where it was compared.
        complete: Whether all of the server's log is here.
        masked: Bytes of secrets that were masked.
        errors: Distinct errors that its tool reported.
        warnings: Likewise.
        first_error: The first real error, as one line.
        alert: What people are told of it: what failed, and where, in at most two lines.
        last_line: Its last readable line.
        no_space: Whether it says that a disk is full.
        cause: Why it failed, as `Analysis.cause` says.
        tool: The main tool.
        tests_passed: Tests that passed, where a test runner says so.
        tests_total: Tests that ran.
        sstate: Percent of bitbake's shared state that was found.
        excerpt: The neighbourhood of the first error, a few lines.
    """

    size: int = 0
    sha256: str | None = None
    complete: bool = True
    masked: int = 0
    errors: int = 0
    warnings: int = 0
    first_error: str | None = None
    alert: str | None = None
    last_line: str = ""
    no_space: bool = False
    cause: str | None = None
    tool: str | None = None
    tests_passed: int | None = None
    tests_total: int | None = None
    sstate: int | None = None
    excerpt: str | None = None


#: Of a log that says nothing.
NO_REPORT = LogReport()


@attrs.frozen(kw_only=True)
class JobEnded:
    """The job ended and its log is collected."""

    stage: str
    attempt: int
    step: int
    end: JobEnd
    log: LogReport = NO_REPORT


@attrs.frozen(kw_only=True)
class OrphanEnded:
    """The server said that the job of an attempt that is over is dead, or never lived."""

    job: str


@attrs.frozen(kw_only=True)
class StepWanted:
    """A stage function wants to run its next command."""

    stage: str
    attempt: int
    step: int
    digest: str
    name: str | None = None
    log_base: int = 0


@attrs.frozen(kw_only=True)
class ValueGiven:
    """A stage function has a value to keep: a `c.once`, a `c.sleep`, an output."""

    stage: str
    attempt: int
    step: int
    key: str
    value: JSON


@attrs.frozen(kw_only=True)
class FunctionEnded:
    """A stage function returned, raised, or was stopped.

    Attributes:
        stage: Its stage.
        attempt: Its attempt.
        error: None where it returned; else the exception as one line.
        stopped: Why it was stopped (`cancelled`, `timeout`), where it was.
        output: What it returned.
        end: End of the command that failed it, where one did.
        log: What the attempt's log says.
    """

    stage: str
    attempt: int
    error: str | None = None
    stopped: str | None = None
    output: JSON = None
    end: JobEnd | None = None
    log: LogReport = NO_REPORT


@attrs.frozen(kw_only=True)
class CollectedFile:
    """A file that is in the results folder now; `size` in bytes, `sha256` in hex."""

    path: str
    size: int
    sha256: str


@attrs.frozen(kw_only=True)
class Collected:
    """The artifacts of an attempt are here, or `warning` says why they are not."""

    stage: str
    attempt: int
    files: tuple[CollectedFile, ...] = ()
    warning: str | None = None


@attrs.frozen(kw_only=True)
class CancelOrdered:
    """Somebody wants the run to end."""

    by: str


@attrs.frozen(kw_only=True)
class AbandonOrdered:
    """Somebody wants the run to end without servers that do not answer."""

    by: str


@attrs.frozen(kw_only=True)
class MoveOrdered:
    """Somebody wants a stage to go on on another server; None: on its next fallback."""

    stage: str
    server: str | None
    by: str


@attrs.frozen(kw_only=True)
class Archived:
    """The archive was written, or why not.

    Attributes:
        path: The archive.
        size: Its size in bytes.
        sha256: Its SHA-256 in hex.
        error: Why there is none.
    """

    path: str = ""
    size: int = 0
    sha256: str = ""
    error: str | None = None


@attrs.frozen(kw_only=True)
class Superseded:
    """A server refused a launch because another controller owns the run by now."""

    detail: str


@attrs.frozen(kw_only=True)
class DiskTrouble:
    """A log cannot be written here; the job goes on without us."""

    path: str
    error: str


@attrs.frozen(kw_only=True)
class Defect:
    """Something of ours went wrong in another thread; the controller leaves and says so."""

    text: str


Fact: TypeAlias = (
    SlotTaken
    | SlotBusy
    | Connected
    | NotConnected
    | LinkDown
    | LinkUp
    | JobStarted
    | JobWaiting
    | JobEnded
    | OrphanEnded
    | StepWanted
    | ValueGiven
    | FunctionEnded
    | Collected
    | CancelOrdered
    | AbandonOrdered
    | MoveOrdered
    | Archived
    | Superseded
    | DiskTrouble
    | Defect
)
