"""Servers at a glance: asked all at once, each with a limit of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import wait as wait_for

import attrs

from buildorch.errors import ConnectError
from buildorch.job import JobEnd, ServerFacts
from buildorch.model import Server
from buildorch.ports import Backend, Session


@attrs.frozen(kw_only=True)
class ServerReport:
    """What a server answered.

    Attributes:
        server: The server.
        facts: What it is, where it answered.
        reason: One word why it did not: `refused`, `timed out`, `login refused`, ...
        message: The same in a sentence, with what to do.
    """

    server: Server
    facts: ServerFacts | None = None
    reason: str | None = None
    message: str | None = None

    @property
    def reachable(self) -> bool:
        """Whether jobs can run there."""
        return self.facts is not None


def survey(
    servers: Mapping[str, Server], backends: Callable[[str], Backend], limit: float = 2.0
) -> list[ServerReport]:
    """Ask all *servers* at once.

    Args:
        servers: By name.
        backends: Returns a backend by name.
        limit: Seconds that any one of them may take.

    Returns:
        A report each, in their order; one that did not answer in time is `timed out`.
    """
    asked = {name: _ask(server, backends) for name, server in servers.items()}
    wait_for(asked.values(), timeout=limit)
    return [
        answer.result() if answer.done() else _silent(servers[name], limit)
        for name, answer in asked.items()
    ]


def _ask(server: Server, backends: Callable[[str], Backend]) -> Future[ServerReport]:
    answer: Future[ServerReport] = Future()

    def ask() -> None:
        try:
            session: Session = backends(server.backend).connect(server, _Deaf())
            session.close()
            answer.set_result(ServerReport(server=server, facts=session.facts))
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


class _Deaf:
    """Hears a session that is closed at once."""

    def started(self, job_id: str, *, again: bool) -> None:
        """Nothing is launched."""

    def refused(self, job_id: str, reason: str, detail: str) -> None:
        """Nothing is launched."""

    def log(self, job_id: str, offset: int, data: bytes) -> None:
        """Nothing is followed."""

    def ended(self, job_id: str, end: JobEnd) -> None:
        """Nothing is followed."""

    def closed(self, reason: str) -> None:
        """It is closed by ourselves."""
