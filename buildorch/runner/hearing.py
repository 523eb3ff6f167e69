"""What a session says of the jobs there, and what becomes of it.

The end of a job is told once its log here equals the server's; a log that differs is fetched again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from buildorch.errors import InfrastructureError, LinkLost
from buildorch.job import JobEnd, Wait
from buildorch.ports import Session
from buildorch.runner.watch import Watch
from buildorch.scheduler import facts
from buildorch.scheduler.facts import Fact

#: How often a log that differs from the server's is fetched again.
REFETCHES = 2

#: Bytes of a log that may have to be read here while the session waits.
_READ_AT_ONCE = 1 << 22


class Linked(Protocol):
    """The link whose session is heard."""

    @property
    def session(self) -> Session | None:
        """The session there is now; it may be a newer one."""

    def watch_of(self, job_id: str) -> Watch | None:
        """Return who watches the job, if anybody does."""

    def forget(self, watch: Watch) -> None:
        """Watch the job no more: it has ended."""

    def lost(self, session: Session | None, reason: str) -> None:
        """Come back, if that was the session there is."""

    def send(self, message: Callable[[], None]) -> None:
        """Say something to the server; where the link is gone, it is said by the next one."""

    def post(self, fact: Fact) -> None:
        """Tell the controller."""

    def guard(self, work: Callable[[], None]) -> None:
        """Do *work*; a defect ends the controller."""

    def in_background(self, work: Callable[[], None]) -> None:
        """Do *work* in a thread of its own, guarded."""


class Hearing:
    """Hears one session, from its reader thread.

    Attributes:
        session: What is heard; None until the link has it.
        gone: Whether it has closed.
    """

    def __init__(self, link: Linked) -> None:
        self._link = link
        self.session: Session | None = None
        self.gone = False

    def started(self, job_id: str, *, again: bool) -> None:
        """Tell that the server has the job; one that it knew is as good as a new one."""
        del again
        self._link.guard(lambda: self._started(job_id))

    def waiting(self, job_id: str, wait: Wait | None) -> None:
        """Tell what the job waits for."""
        self._link.guard(lambda: self._waiting(job_id, wait))

    def refused(self, job_id: str, reason: str, detail: str) -> None:
        """Tell that the job never started."""
        self._link.guard(lambda: self._refused(job_id, reason, detail))

    def log(self, job_id: str, offset: int, data: bytes) -> None:
        """Keep a piece of the log."""
        self._link.guard(lambda: self._log(job_id, offset, data))

    def ended(self, job_id: str, end: JobEnd) -> None:
        """Compare the log, then tell the end."""
        self._link.guard(lambda: self._ended(job_id, end))

    def closed(self, reason: str) -> None:
        """Have the link come back."""
        self.gone = True
        self._link.guard(lambda: self._link.lost(self.session, reason))

    def _started(self, job_id: str) -> None:
        watch = self._link.watch_of(job_id)
        if watch is not None:
            watch.started = True
            watch.begun()

    def _waiting(self, job_id: str, wait: Wait | None) -> None:
        watch = self._link.watch_of(job_id)
        if watch is not None:
            watch.waits(wait)

    def _refused(self, job_id: str, reason: str, detail: str) -> None:
        watch = self._link.watch_of(job_id)
        if watch is None:
            return
        if reason == "epoch":
            self._link.post(facts.Superseded(detail=detail))
            return
        why = "never started" if reason == "tombstone" else reason
        self._settle(watch, JobEnd(kind="lost", reason=why, detail=detail), None, complete=True)

    def _log(self, job_id: str, offset: int, data: bytes) -> None:
        watch, session = self._link.watch_of(job_id), self.session
        if watch is None:
            return
        try:
            whole = watch.log.write(offset, data)
        except OSError as error:
            self._disk_trouble(watch, error)
            return
        if not whole and session is not None:
            self._link.send(lambda: session.follow(job_id, watch.log.offset))

    def _ended(self, job_id: str, end: JobEnd) -> None:
        watch = self._link.watch_of(job_id)
        if watch is None or watch.ending:
            return
        watch.ending = True
        size, digest = end.log_bytes, end.log_sha256
        if size is None or digest is None:
            self._link.in_background(lambda: self._ask(watch, end))
        elif size <= _READ_AT_ONCE:
            self._compare(watch, end, size, digest)
        else:
            self._link.in_background(lambda: self._compare(watch, end, size, digest))

    def _ask(self, watch: Watch, end: JobEnd) -> None:
        """Ask the server for size and checksum of a large log."""
        session = self._link.session
        if end.kind == "lost" and end.reason in ("never started", "folder removed"):
            self._settle(watch, end, None, complete=end.reason == "never started")
            return
        if session is None:
            watch.ending = False  # the end is told again when the link is back
            return
        try:
            size, digest = session.checksum(watch.job_id)
        except LinkLost:
            watch.ending = False
            self._follow_again(watch)
            return
        except InfrastructureError:
            self._settle(watch, end, None, complete=False)
            return
        self._compare(watch, end, size, digest)

    def _follow_again(self, watch: Watch) -> None:
        """Have the end told again, over a link that may be back already."""
        session = self._link.session
        if session is not None:
            self._link.send(lambda: session.follow(watch.job_id, watch.log.offset))

    def _compare(self, watch: Watch, end: JobEnd, size: int, digest: str) -> None:
        """Settle a log that equals the server's; fetch one that does not again."""
        try:
            watch.log.flush()
            same = watch.log.matches(size, digest)
            if not same and watch.refetches < REFETCHES:
                watch.refetches += 1
                watch.log.restart()
                watch.ending = False
                self._follow_again(watch)
                return
        except OSError as error:
            self._disk_trouble(watch, error)
            return
        self._settle(watch, end, digest, complete=same)

    def _settle(self, watch: Watch, end: JobEnd, digest: str | None, *, complete: bool) -> None:
        self._link.forget(watch)
        watch.ended(end, watch.log.report(sha256=digest, complete=complete))

    def _disk_trouble(self, watch: Watch, error: OSError) -> None:
        self._link.post(facts.DiskTrouble(path=watch.log.path, error=str(error)))
