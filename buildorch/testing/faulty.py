"""A backend whose links break, around any other: fake, local or ssh. Jobs know nothing of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from buildorch.errors import ConnectRefused, ConnectTimedOut, InfrastructureError, LinkLost
from buildorch.job import Job, JobEnd, ServerFacts, Wait
from buildorch.model import Server
from buildorch.ports import Backend, Session, SessionListener
from buildorch.testing.faults import Fault, Moment


class FaultyBackend:
    """Reaches the servers of another backend over links that faults come to.

    Args:
        backend: The other backend.
        faults: The faults, such as a `Schedule`; each moment has at most one, the first given.

    Attributes:
        bitten: The faults that have happened so far, in order.
    """

    def __init__(self, backend: Backend, faults: Iterable[Fault]) -> None:
        self._backend = backend
        self._faults = tuple(faults)
        self._moments: Counter[tuple[str, Moment]] = Counter()
        self._lock = threading.Lock()
        self.bitten: list[Fault] = []

    def connect(self, server: Server, listener: SessionListener) -> Session:
        """Return a session of the other backend behind a link that can break.

        Raises:
            ConnectError: The other backend's, or by a fault.
        """
        fault = self.strike("connect", server.name)
        if fault is not None:
            _fail(fault, server)
        session = FaultySession(self, server, listener)
        session.open(self._backend)
        if fault is not None and fault.what == "reset":
            session.lose("a fault reset the link")
        return session

    def strike(self, at: Moment, server: str) -> Fault | None:
        """Count a moment of *server*, and return the fault that comes to it."""
        with self._lock:
            self._moments[server, at] += 1
            number = self._moments[server, at]
            found = next((one for one in self._faults if one.hits(at, server, number)), None)
            if found is not None:
                self.bitten.append(found)
            return found

    def put(self, server: Server, local: str, remote: str) -> None:
        """Copy a file to the server, without faults."""
        self._backend.put(server, local, remote)

    def get(self, server: Server, remote: str, local: str) -> None:
        """Copy a file from the server, without faults."""
        self._backend.get(server, remote, local)

    def connection(self, server: Server) -> Any:  # noqa: ANN401 - as every backend
        """Return the other backend's connection, without faults."""
        return self._backend.connection(server)


def _fail(fault: Fault, server: Server) -> None:
    """Let a try to connect fail, or come late."""
    place = {"server": server.name, "host": server.host or "localhost"}
    if fault.what == "refuse":
        raise ConnectRefused(f"{server.name}: a fault refused", port=server.port or 22, **place)
    if fault.what != "reset":
        time.sleep(fault.seconds)
    if fault.what == "silence":
        message = f"{server.name}: a fault let nothing answer for {fault.seconds:g} s"
        raise ConnectTimedOut(message, port=server.port or 22, **place)


class FaultySession:
    """A session of another backend; it is its listener as well, and stands on both sides.

    Args:
        faults: Says which fault comes to a moment.
        server: The server.
        listener: Is told what comes through.
    """

    facts: ServerFacts

    def __init__(self, faults: FaultyBackend, server: Server, listener: SessionListener) -> None:
        self._faults = faults
        self._server = server
        self._listener = listener
        self._inner: Session | None = None
        self._lock = threading.Lock()
        self._silent = False
        self._lost = threading.Event()

    def open(self, backend: Backend) -> None:
        """Connect the other backend."""
        self._inner = backend.connect(self._server, self)
        self.facts = self._inner.facts

    def lose(self, reason: str) -> None:
        """End the link as a cut does: the listener is told, jobs go on."""
        with self._lock:
            if self._lost.is_set():
                return
            self._lost.set()
        self._listener.closed(reason)
        if self._inner is not None:
            # Beside: a session may be lost from its own reader thread.
            threading.Thread(target=self._inner.close, name="faulty link", daemon=True).start()

    # What the run calls.

    def start(self, job: Job) -> None:
        """Launch *job*; see `Session`."""
        self._pass("start", lambda session: session.start(job))

    def follow(self, job_id: str, offset: int) -> None:
        """Send the log from *offset* on, then the end; see `Session`."""
        self._pass(None, lambda session: session.follow(job_id, offset))

    def cancel(self, job_id: str, reason: str, grace: float) -> None:
        """Kill the whole tree; see `Session`."""
        self._pass(None, lambda session: session.cancel(job_id, reason, grace))

    def release(self, job_id: str) -> None:
        """Let a job give back its locks; see `Session`."""
        self._pass(None, lambda session: session.release(job_id))

    def checksum(self, job_id: str, timeout: float = 60.0) -> tuple[int, str]:
        """Return size and SHA-256 of the job's log; see `Session`.

        Raises:
            LinkLost: The link is gone.
            InfrastructureError: There is no answer in time.
        """
        session = self._there()
        if not self._silent:
            return session.checksum(job_id, timeout)
        self._lost.wait(timeout)
        self._there()
        raise InfrastructureError(f"{self._server.name}: no checksum of the log of {job_id}")

    def close(self) -> None:
        """End the link; jobs go on."""
        self.lose("closed")

    def _pass(self, at: Moment | None, send: Callable[[Session], None]) -> None:
        session = self._there()
        if not self._swallowed(at):
            send(session)

    def _there(self) -> Session:
        if self._lost.is_set() or self._inner is None:
            raise LinkLost(f"the link to {self._server.name} is gone")
        return self._inner

    # What the other backend's session tells.

    def started(self, job_id: str, *, again: bool) -> None:
        """Pass it on, unless a fault comes."""
        if not self._swallowed("started"):
            self._listener.started(job_id, again=again)

    def refused(self, job_id: str, reason: str, detail: str) -> None:
        """Pass it on."""
        if not self._swallowed(None):
            self._listener.refused(job_id, reason, detail)

    def waiting(self, job_id: str, wait: Wait | None) -> None:
        """Pass it on."""
        if not self._swallowed(None):
            self._listener.waiting(job_id, wait)

    def log(self, job_id: str, offset: int, data: bytes) -> None:
        """Pass it on, unless a fault comes."""
        if not self._swallowed("log"):
            self._listener.log(job_id, offset, data)

    def ended(self, job_id: str, end: JobEnd) -> None:
        """Pass it on, unless a fault comes."""
        if not self._swallowed("ended"):
            self._listener.ended(job_id, end)

    def closed(self, reason: str) -> None:
        """Pass it on; a silent link says nothing."""
        if not self._silent:
            self.lose(reason)

    def _swallowed(self, at: Moment | None) -> bool:
        """Let the fault of this moment come, and tell whether the link swallows the message."""
        if self._silent or self._lost.is_set():
            return True
        fault = None if at is None else self._faults.strike(at, self._server.name)
        if fault is None:
            return False
        if fault.what == "delay":
            time.sleep(fault.seconds)  # of the reader: what comes behind is late as well
            return self._lost.is_set()
        if fault.what == "silence":
            self._fall_silent(fault.seconds)
        else:
            self.lose("a fault reset the link")
        return True

    def _fall_silent(self, seconds: float) -> None:
        self._silent = True
        reason = f"no sign of life for {seconds:g} s, by a fault"
        timer = threading.Timer(seconds, self.lose, [reason])
        timer.daemon = True
        timer.start()
