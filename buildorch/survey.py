"""Servers at a glance: asked all at once, each with a limit of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import wait as wait_for

import attrs

from buildorch.errors import ConnectError, LinkLost
from buildorch.job import Job, JobEnd, ServerFacts, Wait
from buildorch.model import Server
from buildorch.ports import Backend, Session
from buildorch.remote.builds import BuildServer, build_servers, question

#: Bytes of an answer that are kept: a server may send without end.
_LONGEST_ANSWER = 1 << 20


@attrs.frozen(kw_only=True)
class ServerReport:
    """What a server answered.

    Attributes:
        server: The server.
        facts: What it is, where it answered.
        reason: One word why it did not: `refused`, `timed out`, `login refused`, ...
        message: The same in a sentence, with what to do.
        builds: The bitbake servers in its workdir, where it was asked for them.
    """

    server: Server
    facts: ServerFacts | None = None
    reason: str | None = None
    message: str | None = None
    builds: tuple[BuildServer, ...] = ()

    @property
    def reachable(self) -> bool:
        """Whether jobs can run there."""
        return self.facts is not None


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


def _ask(
    server: Server, backends: Callable[[str], Backend], limit: float, *, builds: bool
) -> Future[ServerReport]:
    answer: Future[ServerReport] = Future()

    def ask() -> None:
        try:
            ear = _Ear()
            session: Session = backends(server.backend).connect(server, ear)
            found = ear.ask(session, question(server.workdir), limit / 2) if builds else b""
            session.close()
            report = ServerReport(server=server, facts=session.facts, builds=build_servers(found))
            answer.set_result(report)
        except ConnectError as error:
            report = ServerReport(server=server, reason=error.reason, message=str(error))
            answer.set_result(report)
        except Exception as error:  # noqa: BLE001 - one odd server must not hide the others
            answer.set_result(ServerReport(server=server, reason="defect", message=repr(error)))

    threading.Thread(target=ask, name=f"survey {server.name}", daemon=True).start()
    return answer


def _silent(server: Server, limit: float) -> ServerReport:
    place = server.host or "this machine"
    return ServerReport(
        server=server,
        reason="timed out",
        message=f"{place} did not answer within {limit:g} s",
    )


class _Ear:
    """Hears a session over which at most one job is launched."""

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
