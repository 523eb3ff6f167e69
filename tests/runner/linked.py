"""A link alone, to servers that can be held up where it hurts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from buildorch.job import Job, JobEnd, Wait
from buildorch.model import Server
from buildorch.ports import SessionListener
from buildorch.runner.collector import AttemptLog
from buildorch.runner.link import Link
from buildorch.runner.watch import Watch
from buildorch.scheduler import facts
from buildorch.scheduler.facts import Fact, LogReport
from buildorch.testing import FakeBackend, FakeSession, Script
from runner.bench import refusals, until

SERVER = Server(name="one", host="one.example", backend="fake")
LOG = b"some log\n"


class Gate:
    """Holds whoever passes while it is shut."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self.reached = threading.Event()

    def shut(self) -> None:
        """Hold the next ones."""
        self.reached.clear()
        self._open.clear()

    def open(self) -> None:
        """Let everybody pass."""
        self._open.set()

    def let_pass(self) -> None:
        """Wait until it is open."""
        self.reached.set()
        self._open.wait(10)


class Overheard:
    """A listener that counts the ends that another one has heard."""

    def __init__(self, listener: SessionListener, backend: GatedBackend) -> None:
        self.started = listener.started
        self.refused = listener.refused
        self.waiting = listener.waiting
        self.log = listener.log
        self.closed = listener.closed
        self._tell = listener.ended
        self._backend = backend

    def ended(self, job_id: str, end: JobEnd) -> None:
        """Tell it, then count it."""
        self._tell(job_id, end)
        self._backend.ends_heard += 1


class GatedSession(FakeSession):
    """A session whose checksum can be held up, or lost."""

    gated: GatedBackend

    def follow(self, job_id: str, offset: int) -> None:
        """Follow, and remember that."""
        self.gated.followed.append((job_id, offset))
        super().follow(job_id, offset)

    def checksum(self, job_id: str, timeout: float = 60.0) -> tuple[int, str]:
        """Answer once the gate is open, over a link that may be lost by then."""
        self.gated.comparing.let_pass()
        found = super().checksum(job_id, timeout)
        self.gated.compared.let_pass()
        return found


class GatedBackend(FakeBackend):
    """Servers that can be held up while they are connected or asked for a checksum."""

    def __init__(self, *scripts: Script) -> None:
        super().__init__({"a": list(scripts) or [Script(LOG)]})
        self.connecting = Gate()
        self.comparing = Gate()
        self.compared = Gate()
        self.followed: list[tuple[str, int]] = []
        self.tries = 0
        self.ends_heard = 0

    def connect(self, server: Server, listener: SessionListener) -> FakeSession:
        """Connect once the gate is open."""
        self.tries += 1
        self.connecting.let_pass()
        session = super().connect(server, Overheard(listener, self))
        session.__class__ = GatedSession
        session.gated = self  # type: ignore[attr-defined] # it is a GatedSession by now
        return session


@attrs.define
class Linked:
    """A link, what it was asked to watch, and what it told.

    Attributes:
        backend: The servers.
        folder: Where logs are.
        told: The facts that it posted.
        ends: How each job that it watched ended.
        waits: What each job was told to wait for.
        logs: What is to be closed.
        then: What is done about a fact in the thread that posts it.
    """

    backend: GatedBackend
    folder: Path
    told: list[Fact] = attrs.field(factory=list)
    ends: list[tuple[JobEnd, LogReport]] = attrs.field(factory=list)
    waits: list[Wait | None] = attrs.field(factory=list)
    logs: list[AttemptLog] = attrs.field(factory=list)
    then: Callable[[Fact], None] = lambda _: None
    link: Link = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.link = Link(SERVER, self.backend, self._post, lambda: 0.5)

    def _post(self, fact: Fact) -> None:
        self.told.append(fact)
        self.then(fact)

    def watch(self, job_id: str = "r.0.1.1", *, launched: bool = False) -> Watch:
        """Return a watch of a job, which is launched where it was not."""
        log = AttemptLog(self.folder / f"{job_id}.log", (), None)
        self.logs.append(log)
        job = Job(id=job_id, nonce="0" * 32, epoch=1, title="a, attempt 1", command="make")
        if launched:
            self.backend.launch(job)
        return Watch(
            job_id,
            log.job(0),
            begun=lambda: None,
            waits=self.waits.append,
            ended=lambda end, found: self.ends.append((end, found)),
            job=None if launched else job,
            started=launched,
        )

    def up(self) -> None:
        """Link the server."""
        self.link.connect()
        until(lambda: self.heard(facts.Connected))

    def heard(self, kind: type[Any]) -> list[Any]:
        """Return the facts of one kind."""
        return [fact for fact in self.told if isinstance(fact, kind)]

    def lose(self, errors: int = 0) -> None:
        """Cut the link, and let as many tries to connect again fail."""
        self.backend.refuse("one", refusals(errors))
        self.backend.cut()
        until(lambda: self.heard(facts.LinkDown))


@contextmanager
def linked(folder: Path, *scripts: Script) -> Iterator[Linked]:
    """Give a link to a server on which jobs do what *scripts* say."""
    made = Linked(GatedBackend(*scripts), folder)
    try:
        yield made
    finally:
        made.backend.connecting.open()
        made.backend.comparing.open()
        made.backend.compared.open()
        made.link.leave()
        for log in made.logs:
            log.close()


HELD = Script(LOG, hold=True)
