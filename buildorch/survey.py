"""Servers at a glance: asked all at once, each with a limit of its own."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from typing import Protocol, runtime_checkable

import attrs

from buildorch.errors import ConnectError, LinkLost, ServerUnusable
from buildorch.job import Job, JobEnd, ServerFacts, Wait
from buildorch.model import Server
from buildorch.ports import Backend, Session
from buildorch.remote.builds import BuildServer, build_servers, question
from buildorch.remote.duplex import Duplex
from buildorch.remote.glance import Glance, glance_text, is_over, read_glance, refusal

#: Bytes of an answer that are kept: a server may send without end.
_LONGEST_ANSWER = 1 << 20

#: Seconds that a server which is reached in time has to answer.
ANSWER_SECONDS = 1.0
_PIECE = 1 << 16


@attrs.frozen(kw_only=True)
class ServerReport:
    """What a server answered.

    Attributes:
        server: The server.
        facts: What it is, where it answered `survey`.
        glance: How it stands, where it answered `glance`.
        reason: One word why it did not: `refused`, `timed out`, `login refused`, ...
        message: The same in a sentence, with what to do.
        builds: The bitbake servers in its workdir, where it was asked for them.
    """

    server: Server
    facts: ServerFacts | None = None
    glance: Glance | None = None
    reason: str | None = None
    message: str | None = None
    builds: tuple[BuildServer, ...] = ()

    @property
    def reachable(self) -> bool:
        """Whether it answered."""
        return self.facts is not None or self.glance is not None


def survey(
    servers: Mapping[str, Server],
    backends: Callable[[str], Backend],
    limit: float = 2.0,
    *,
    builds: bool = False,
) -> list[ServerReport]:
    """Ask all *servers* at once.

    Args:
        servers: By name.
        backends: Returns a backend by name.
        limit: Seconds that any one of them may take.
        builds: Whether they are asked for bitbake servers, by a job of ours in their workdir.

    Returns:
        A report each, in their order; one that did not answer in time is `timed out`.
    """
    asked = {name: _ask(server, backends, limit, builds=builds) for name, server in servers.items()}
    wait_for(asked.values(), timeout=limit)
    return [
        answer.result() if answer.done() else _silent(servers[name], limit)
        for name, answer in asked.items()
    ]


def glance(
    servers: Mapping[str, Server], backends: Callable[[str], Backend], limit: float = 2.0
) -> list[ServerReport]:
    """Ask all *servers* at once how they stand; nothing is started or written there.

    Args:
        servers: By name.
        backends: Returns a backend by name; one without `stream` tells only who is there.
        limit: Seconds in which any one of them has to be reached; it then has another second.

    Returns:
        A report each, in their order; one that was not reached in time is `timed out`. Of an
        answer that is not whole in time there is what came.
    """
    for backend in {server.backend for server in servers.values()}:
        with contextlib.suppress(Exception):  # it is told of each of its servers
            backends(backend)  # what has to be loaded for it is no time of theirs
    looks = [_Look(server, backends, limit) for server in servers.values()]
    wait_for([look.answer for look in looks], timeout=limit)
    wait_for([look.answer for look in looks if look.reached], timeout=ANSWER_SECONDS)
    return [look.report() for look in looks]


@runtime_checkable
class _Streams(Protocol):
    """A backend that gives the byte stream below a session."""

    def stream(self, server: Server) -> tuple[Duplex, Server]:
        """Return the stream, and the server with its state folder."""


class _Look:
    """One server that is asked how it stands, in a thread of its own."""

    def __init__(self, server: Server, backends: Callable[[str], Backend], limit: float) -> None:
        self.answer: Future[ServerReport] = Future()
        self.reached = False
        self._left = False
        self._server = server
        self._limit = limit
        self._nonce = secrets.token_hex(16)
        self._heard = b""
        self._duplex: Duplex | None = None
        threading.Thread(
            target=self._ask, args=[backends], name=f"glance {server.name}", daemon=True
        ).start()

    def report(self) -> ServerReport:
        """Return what is known by now; nobody listens any more."""
        if self.answer.done():
            return self.answer.result()
        self._left = True
        if not self.reached:
            return _silent(self._server, self._limit)
        if self._duplex is not None:  # to close it may take long, where nobody answers
            threading.Thread(target=self._duplex.close, daemon=True).start()
        return self._told() or attrs.evolve(
            _silent(self._server, self._limit + ANSWER_SECONDS), reason="no answer"
        )

    def _ask(self, backends: Callable[[str], Backend]) -> None:
        self.answer.set_result(_explained(self._server, lambda: self._hear(backends)))
        if self._duplex is not None:  # after the answer: it may take as long as that
            self._duplex.close()

    def _hear(self, backends: Callable[[str], Backend]) -> ServerReport:
        backend = backends(self._server.backend)
        if not isinstance(backend, _Streams):
            session = backend.connect(self._server, Ear())
            session.close()
            return ServerReport(server=self._server, glance=Glance(whole=True))
        self._duplex, place = backend.stream(self._server)
        self.reached = True
        if self._left:  # too late: what comes now is for nobody
            self._duplex.close()
        self._duplex.send(glance_text(self._nonce, place))
        while not is_over(self._nonce, self._heard) and len(self._heard) < _LONGEST_ANSWER:
            data = self._duplex.recv(_PIECE)
            if not data:
                break
            self._heard += data
        return self._told() or self._unusable()

    def _told(self) -> ServerReport | None:
        told = read_glance(self._nonce, self._heard)
        return None if told is None else ServerReport(server=self._server, glance=told)

    def _unusable(self) -> ServerReport:
        why = refusal(self._nonce, self._heard) or (
            "its login ended before it answered; `buildorch doctor` says more"
        )
        message = f"{self._server.name}: {why}"
        return ServerReport(server=self._server, reason=ServerUnusable.reason, message=message)


def _explained(server: Server, ask: Callable[[], ServerReport]) -> ServerReport:
    """Return what *ask* returns, or a report that says why it could not."""
    try:
        return ask()
    except ConnectError as error:
        return ServerReport(server=server, reason=error.reason, message=str(error))
    except LinkLost as error:
        return ServerReport(server=server, reason="link lost", message=str(error))
    except Exception as error:  # noqa: BLE001 - one odd server must not hide the others
        return ServerReport(server=server, reason="defect", message=repr(error))


def _ask(
    server: Server, backends: Callable[[str], Backend], limit: float, *, builds: bool
) -> Future[ServerReport]:
    answer: Future[ServerReport] = Future()

    def ask() -> ServerReport:
        ear = Ear()
        session: Session = backends(server.backend).connect(server, ear)
        found = ear.ask(session, question(server.workdir), limit / 2) if builds else b""
        session.close()
        return ServerReport(server=server, facts=session.facts, builds=build_servers(found))

    def work() -> None:
        answer.set_result(_explained(server, ask))

    threading.Thread(target=work, name=f"survey {server.name}", daemon=True).start()
    return answer


def _silent(server: Server, limit: float) -> ServerReport:
    place = server.host or "this machine"
    return ServerReport(
        server=server,
        reason="timed out",
        message=f"{place} did not answer within {limit:g} s",
    )


class Ear:
    """A listener for a session over which at most one job is launched."""

    def __init__(self) -> None:
        self._log = bytearray()
        self._over = threading.Event()

    def ask(self, session: Session, job: Job, limit: float) -> bytes:
        """Return the log of a job, once it has ended or *limit* seconds have passed."""
        with contextlib.suppress(LinkLost):
            session.start(job)
            self._over.wait(limit)
        return bytes(self._log)

    def started(self, job_id: str, *, again: bool) -> None:
        """Its log follows."""

    def refused(self, job_id: str, reason: str, detail: str) -> None:
        """Nothing follows."""
        del job_id, reason, detail
        self._over.set()

    def waiting(self, job_id: str, wait: Wait | None) -> None:
        """It waits for nothing."""

    def log(self, job_id: str, offset: int, data: bytes) -> None:
        """Keep it."""
        del job_id, offset
        if len(self._log) < _LONGEST_ANSWER:
            self._log += data

    def ended(self, job_id: str, end: JobEnd) -> None:
        """That was all."""
        del job_id, end
        self._over.set()

    def closed(self, reason: str) -> None:
        """It is closed by ourselves, or there is no link any more."""
        del reason
        self._over.set()
