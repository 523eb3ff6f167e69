"""A job that a link takes care of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs

from buildorch.job import Job, JobEnd, Wait
from buildorch.scheduler.facts import LogReport


class WatchedLog(Protocol):
    """Where the log of a watched job goes; see `collector.JobLog`."""

    @property
    def offset(self) -> int:
        """How many bytes of the job's log are here for good."""

    @property
    def path(self) -> str:
        """Where it is, for messages."""

    def write(self, offset: int, data: bytes) -> bool:
        """Take the bytes at *offset*; False where bytes before them are missing."""

    def rewind(self) -> None:
        """Forget what is not here for good."""

    def flush(self) -> None:
        """Keep what was held back."""

    def restart(self) -> None:
        """Drop all that is here."""

    def matches(self, size: int, digest: str) -> bool:
        """Tell whether what is here equals the log on the server."""

    def report(self, *, sha256: str | None, complete: bool) -> LogReport:
        """Return what is known of the log now that the job has ended."""


#: Behind the end of any log: what is followed from here on is the end alone.
BEHIND_THE_END = 10**17


class Unheard:
    """The log of an orphan: its attempt is over, so nobody collects it any more."""

    offset = BEHIND_THE_END
    path = ""

    def write(self, offset: int, data: bytes) -> bool:
        """Drop them."""
        del offset, data
        return True

    def rewind(self) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""

    def restart(self) -> None:
        """Do nothing."""

    def matches(self, size: int, digest: str) -> bool:
        """Compare nothing."""
        del size, digest
        return True

    def report(self, *, sha256: str | None, complete: bool) -> LogReport:
        """Return that nothing is here."""
        del sha256, complete
        return LogReport(complete=False)


@attrs.define(eq=False)
class Watch:
    """A job that the link takes care of.

    Attributes:
        job_id: Its id on the server.
        log: Where its log is collected.
        begun: Called when the server has it.
        waits: Called with what it waits for, None when it goes on.
        ended: Called once with its end, what its log says, or that it is not here.
        job: What is launched; None where it was launched before.
        started: Whether the server is known to have it.
        kill: Reason and grace (seconds) once it is to be killed.
        ending: Whether its end is known and the log is being compared.
        refetches: How often its log was fetched again.
    """

    job_id: str
    log: WatchedLog
    begun: Callable[[], None]
    waits: Callable[[Wait | None], None]
    ended: Callable[[JobEnd, LogReport], None]
    job: Job | None = None
    started: bool = False
    kill: tuple[str, float] | None = None
    ending: bool = False
    refetches: int = 0
