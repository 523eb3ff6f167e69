"""A backend that stops at chosen moments of a run, so that a fault hits exactly there.

Everything is the real backend's; what is added happens on this side of the wire, in the thread
that reaches the moment, before anything goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from buildorch.errors import InfrastructureError
from buildorch.job import Job, JobEnd
from buildorch.model import Server

#: What may be struck: before a connection is made; once it is there; before a launch is sent;
#: when the first bytes of a command's log, or of its artifacts, come in.
MOMENTS = ("connecting", "linked", "launching", "streaming", "fetching")


class Moments:
    """A backend with moments.

    Args:
        inner: The backend that does the work.

    Attributes:
        noticed: How often a link was lost, or could not be made.
        linked: How often a link was made.
        server_facts: What the newest link found out about its server.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._strikes: list[tuple[str, Callable[[], None]]] = []
        self.noticed = 0
        self.linked = 0
        self.server_facts: Any = None

    def strike(self, moment: str, fault: Callable[[], None]) -> threading.Event:
        """Let *fault* happen at the next such moment; the event is set once it has."""
        assert moment in MOMENTS
        struck = threading.Event()

        def do() -> None:
            fault()
            struck.set()

        with self._lock:
            self._strikes.append((moment, do))
        return struck

    def reach(self, moment: str) -> None:
        """Do what is to happen now; faults happen in the order in which they were asked for."""
        with self._lock:
            due = self._strikes.pop(0)[1] if self._strikes[:1] and self._next() == moment else None
        if due is not None:
            due()

    def _next(self) -> str:
        return self._strikes[0][0]

    def note_loss(self) -> None:
        """Count a link that was lost, or could not be made."""
        with self._lock:
            self.noticed += 1

    def connect(self, server: Server, listener: Any) -> Any:
        """Return a session of the inner backend, with moments."""
        self.reach("connecting")
        try:
            session = self._inner.connect(server, _Listener(listener, self))
        except InfrastructureError:
            self.note_loss()
            raise
        self.server_facts = session.facts
        self.reach("linked")
        with self._lock:
            self.linked += 1
        return _Session(session, self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Session:
    """A session that stops before it launches."""

    def __init__(self, inner: Any, moments: Moments) -> None:
        self._inner = inner
        self._moments = moments

    def start(self, job: Job) -> None:
        if not job.id.endswith(".artifacts"):
            self._moments.reach("launching")
        self._inner.start(job)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Listener:
    """A listener that stops before it hands on bytes."""

    def __init__(self, inner: Any, moments: Moments) -> None:
        self._inner = inner
        self._moments = moments

    def log(self, job_id: str, offset: int, data: bytes) -> None:
        self._moments.reach("fetching" if job_id.endswith(".artifacts") else "streaming")
        self._inner.log(job_id, offset, data)

    def ended(self, job_id: str, end: JobEnd) -> None:
        self._inner.ended(job_id, end)

    def closed(self, reason: str) -> None:
        self._moments.note_loss()
        self._inner.closed(reason)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
