"""A job that a link takes care of."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from buildorch.job import Job, JobEnd
from buildorch.runner.collector import JobLog
from buildorch.scheduler.facts import LogReport


@attrs.define(eq=False)
class Watch:
    """A job that the link takes care of.

    Attributes:
        job_id: Its id on the server.
        log: Where its log is collected.
        begun: Called when the server has it.
        ended: Called once with its end, what its log says, or that it is not here.
        job: What is launched; None where it was launched before.
        started: Whether the server is known to have it.
        kill: Reason and grace (seconds) once it is to be killed.
        ending: Whether its end is known and the log is being compared.
        refetches: How often its log was fetched again.
    """

    job_id: str
    log: JobLog
    begun: Callable[[], None]
    ended: Callable[[JobEnd, LogReport], None]
    job: Job | None = None
    started: bool = False
    kill: tuple[str, float] | None = None
    ending: bool = False
    refetches: int = 0
