"""A listener that keeps what it hears, and checks that no byte of a log comes twice or not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from buildorch.backends.ssh import SshBackend
from buildorch.errors import ConnectError
from buildorch.job import Job, JobEnd, Wait
from buildorch.model import Server
from buildorch.ports import Session


class Follower:
    """Keeps logs and ends by job."""

    def __init__(self) -> None:
        self.logs: dict[str, bytes] = {}
        self.ends: dict[str, JobEnd] = {}
        self.accepted: dict[str, bool] = {}
        self.refusals: dict[str, str] = {}
        self.links_lost: list[str] = []
        self._news = threading.Condition()

    def started(self, job_id: str, *, again: bool) -> None:
        """Keep whether the job was there before."""
        self._note(lambda: self.accepted.update({job_id: again}))

    def refused(self, job_id: str, reason: str, detail: str) -> None:
        """Keep the refusal."""
        self._note(lambda: self.refusals.update({job_id: f"{reason}: {detail}"}))

    def waiting(self, job_id: str, wait: Wait | None) -> None:
        """No job of these tests waits."""
        raise AssertionError((job_id, wait))

    def log(self, job_id: str, offset: int, data: bytes) -> None:
        """Append bytes, which must begin where the last ones ended."""
        known = self.logs.get(job_id, b"")
        assert offset == len(known), f"{job_id}: bytes at {offset}, but {len(known)} are here"
        self._note(lambda: self.logs.update({job_id: known + data}))

    def ended(self, job_id: str, end: JobEnd) -> None:
        """Keep the end."""
        assert job_id not in self.ends, f"{job_id} ended twice"
        self._note(lambda: self.ends.update({job_id: end}))

    def closed(self, reason: str) -> None:
        """Keep that a link is gone."""
        self._note(lambda: self.links_lost.append(reason))

    def wait(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Wait until *condition* holds; fail after *seconds*."""
        with self._news:
            assert self._news.wait_for(condition, seconds), (
                f"not within {seconds:g} s: ends {self.ends}, refusals {self.refusals},"
                f" links lost {self.links_lost}"
            )

    def end_of(self, job_id: str, seconds: float = 20.0) -> JobEnd:
        """Wait for the end of a job."""
        self.wait(lambda: job_id in self.ends, seconds)
        return self.ends[job_id]

    def _note(self, change: Callable[[], object]) -> None:
        with self._news:
            change()
            self._news.notify_all()


def job(name: str, command: str, **fields: object) -> Job:
    """Return a job of a made-up run."""
    values = {"id": f"20260101-000000-abcdef.{name}-0.1.1", "nonce": "0" * 32, "epoch": 1}
    values |= {"title": name, "command": command, **fields}
    return Job(**values)  # type: ignore[arg-type] # the fields of a Job


def reconnect(
    backend: SshBackend, server: Server, follower: Follower, seconds: float = 30.0
) -> Session:
    """Connect as soon as the server can be reached."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return backend.connect(server, follower)
        except ConnectError as error:
            if time.monotonic() > deadline or not error.transient:
                raise
