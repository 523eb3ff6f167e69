"""The interfaces that the run's shell calls, each with just the methods it needs.

A backend reaches servers, a notifier reaches people, an observer is shown what happens.
Implementations live in `backends/`, `notifiers/` and `observers/`; fakes for tests in `testing`.
"""

from __future__ import annotations

from typing import Any, Protocol

from buildorch.job import Job, JobEnd, ServerFacts, Wait
from buildorch.model import Server


class SessionListener(Protocol):
    """Told what a session hears; called from the session's reader thread, so return quickly."""

    def started(self, job_id: str, *, again: bool) -> None:
        """Call when the server has the job: just now, or (`again`) since an earlier launch."""

    def refused(self, job_id: str, reason: str, detail: str) -> None:
        """Call when the server would not launch the job: nothing ran and nothing will.

        `reason` is `epoch`, `nonce`, `tombstone`, `no_space` or `state`.
        """

    def waiting(self, job_id: str, wait: Wait | None) -> None:
        """Call when a started job waits for something on its server; None: it goes on.

        Called again when what it waits for has changed, and after each `follow` while it waits.
        """

    def log(self, job_id: str, offset: int, data: bytes) -> None:
        """Call with the bytes of the job's log that begin at *offset*."""

    def ended(self, job_id: str, end: JobEnd) -> None:
        """Call once after the last byte of the log was handed over."""

    def closed(self, reason: str) -> None:
        """Call once when the link is gone; nothing is heard from this session any more."""


class Session(Protocol):
    """A link to one server, over which any number of jobs are launched and followed.

    No method waits for the server, except `checksum`; answers come to the listener. All raise
    `LinkLost` where the link is known to be gone.
    """

    facts: ServerFacts

    def start(self, job: Job) -> None:
        """Launch *job*, or attach to it where it was launched before; its log is followed from 0.

        Answered by `started` or `refused`.
        """

    def follow(self, job_id: str, offset: int) -> None:
        """Send the log of *job_id* from byte *offset* on, then its end.

        A job of which the server knows nothing ends as `lost` (`never started`, or
        `folder removed` where its launch was recorded).
        """

    def cancel(self, job_id: str, reason: str, grace: float) -> None:
        """Kill the whole tree of *job_id*; its end follows, with *reason*.

        Where the job is not there yet a tombstone is left, so that a late launch is refused.
        The job then ends as `lost`, `never started`.
        """

    def release(self, job_id: str) -> None:
        """Let an ended job give back at once the locks that it still holds; see `Job.hold`."""

    def checksum(self, job_id: str, timeout: float = 60.0) -> tuple[int, str]:
        """Return size in bytes and SHA-256 (hex) of the job's log on the server."""

    def close(self) -> None:
        """End the link; jobs go on."""


class Clock(Protocol):
    """Time, in seconds; tests give their own."""

    def monotonic(self) -> float:
        """Return the time that only goes forward, for timers."""

    def wall(self) -> float:
        """Return the Unix time, for records."""


class Backend(Protocol):
    """A kind of place where jobs run."""

    def connect(self, server: Server, listener: SessionListener) -> Session:
        """Return a session that is ready for jobs.

        Raises:
            ConnectError: One of its subclasses, which says what failed and what to do.
        """

    def put(self, server: Server, local: str, remote: str) -> None:
        """Copy a file to the server; an `InfrastructureError` says why it cannot."""

    def get(self, server: Server, remote: str, local: str) -> None:
        """Copy a file from the server; an `InfrastructureError` says why it cannot."""

    def connection(self, server: Server) -> Any:  # noqa: ANN401 - a fabric.Connection; fabric has no types
        """Return a plain `fabric.Connection` of the caller's own.

        Raises:
            UsageError: There is none for this kind of place.
        """


class Notifier(Protocol):
    """Sends a message to people; may take long, hang or raise: it runs in its own process."""

    def send(self, text: str, *, key: str) -> None:
        """Send *text*; *key* is the same when the same message is sent again.

        Raises:
            Exception: Whatever went wrong; the run records it and goes on.
        """
