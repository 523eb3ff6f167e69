r"""A scripted backend, and an observer that remembers.

>>> backend = FakeBackend({"build": [Script(hold=True)]})
>>> backend.running("build")
False
"""

from __future__ import annotations

import hashlib
import io
import queue
import tarfile
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from buildorch.errors import ConnectError, LinkLost, UsageError
from buildorch.events import Event, Recorded
from buildorch.job import Job, JobEnd, ServerFacts
from buildorch.model import Server
from buildorch.ports import SessionListener
from buildorch.view import RunView


@attrs.frozen
class Script:
    """What a command of a fake server does.

    Attributes:
        log: What it writes.
        code: Its exit code.
        hold: Whether it runs until `FakeBackend.finish` is called for its stage, or it is killed.
        end: How it ends, where that is not by `code`.
    """

    log: bytes = b""
    code: int = 0
    hold: bool = False
    end: JobEnd | None = None

    @property
    def outcome(self) -> JobEnd:
        """How it ends by itself."""
        return self.end or JobEnd(kind="exit", code=self.code)


@attrs.define(eq=False)
class FakeJob:
    """A job on a fake server; it outlives sessions.

    Attributes:
        job: What was launched.
        log: What it has written.
        end: How it ended; None while it runs.
    """

    job: Job
    log: bytes = b""
    end: JobEnd | None = None


class FakeBackend:
    """Servers without a network, on which commands do what a script says.

    Args:
        scripts: By stage name: what its commands do, one after the other; the last repeats.
            A stage that is not named succeeds at once.
        artifacts: By stage name: the files that match its artifacts, with their content.

    Attributes:
        jobs: Every job that was launched, by id.
        sessions: The sessions that are open.
    """

    def __init__(
        self,
        scripts: Mapping[str, Sequence[Script]] | None = None,
        artifacts: Mapping[str, Mapping[str, bytes]] | None = None,
    ) -> None:
        self._artifacts = dict(artifacts or {})
        self._scripts = {name: list(given) for name, given in (scripts or {}).items()}
        self._lock = threading.RLock()
        self._refusing: dict[str, list[ConnectError]] = {}
        self.jobs: dict[str, FakeJob] = {}
        self.sessions: list[FakeSession] = []

    def connect(self, server: Server, listener: SessionListener) -> FakeSession:
        """Return a session, or raise what `refuse` was given."""
        with self._lock:
            errors = self._refusing.get(server.name)
            if errors:
                raise errors.pop(0)
            session = FakeSession(self, server, listener)
            self.sessions.append(session)
            return session

    def refuse(self, server: str, errors: Sequence[ConnectError]) -> None:
        """Let the next tries to connect *server* raise *errors*, one each."""
        with self._lock:
            self._refusing[server] = list(errors)

    def cut(self) -> None:
        """Lose every link; jobs go on."""
        with self._lock:
            sessions, self.sessions = self.sessions, []
        for session in sessions:
            session.lose("the test cut the link")

    def finish(self, stage: str, end: JobEnd | None = None) -> None:
        """End the running job of *stage*."""
        with self._lock:
            for job in self.jobs.values():
                if job.end is None and _stage_of(job.job) == stage:
                    self._end(job, end or JobEnd(kind="exit"))

    def running(self, stage: str) -> bool:
        """Tell whether a job of *stage* runs now."""
        with self._lock:
            return any(
                job.end is None and _stage_of(job.job) == stage for job in self.jobs.values()
            )

    def launched(self, stage: str) -> list[Job]:
        """Return what was launched for *stage*, in order: a job for each attempt, or step."""
        with self._lock:
            jobs = [job.job for job in self.jobs.values()]
        return [job for job in jobs if _stage_of(job) == stage and not _collects(job)]

    def put(self, server: Server, local: str, remote: str) -> None:
        """Refuse: fake servers have no files."""
        raise UsageError(f"{server.name} is a fake server: it has no file {remote} for {local}")

    def get(self, server: Server, remote: str, local: str) -> None:
        """Refuse: fake servers have no files."""
        raise UsageError(f"{server.name} is a fake server: it has no file {remote} for {local}")

    def connection(self, server: Server) -> Any:  # noqa: ANN401 - as every backend
        """Refuse: fake servers have no network."""
        raise UsageError(f"{server.name} is a fake server: there is no connection to it")

    def launch(self, job: Job) -> bool:
        """Start *job* once; returns whether it was there before."""
        with self._lock:
            if job.id in self.jobs:
                return True
            made = self.jobs[job.id] = FakeJob(job)
            script = self._script(job)
            made.log = script.log
            if not script.hold:
                made.end = script.outcome
            return False

    def kill(self, job_id: str, reason: str) -> None:
        """Kill a job; one that is not there never starts."""
        with self._lock:
            job = self.jobs.get(job_id)
            if job is not None and job.end is None:
                self._end(job, JobEnd(kind="signal", code=15, reason=reason))

    def _end(self, job: FakeJob, end: JobEnd) -> None:
        job.end = end
        for session in self.sessions:
            session.tell_end(job)

    def _script(self, job: Job) -> Script:
        stage = _stage_of(job)
        if _collects(job):
            return _collecting(self._artifacts.get(stage, {}))
        given = self._scripts.get(stage, [Script()])
        return given.pop(0) if len(given) > 1 else given[0]


class FakeSession:
    """A session with a fake server; its listener is told from a thread, as by a real one.

    Args:
        backend: Whose servers it reaches.
        server: The server.
        listener: Is told.
    """

    def __init__(self, backend: FakeBackend, server: Server, listener: SessionListener) -> None:
        self.facts = ServerFacts(boot_id="fake", agent="fake", home="/home", state_dir="/state")
        self.server = server
        self._backend = backend
        self._listener = listener
        self._following: set[str] = set()
        self._gone = False
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._hear, name="fake session", daemon=True).start()

    def start(self, job: Job) -> None:
        """Launch *job*, or attach to it."""
        self._check()
        again = self._backend.launch(job)
        self._queue.put(lambda: self._listener.started(job.id, again=again))
        self.follow(job.id, 0)

    def follow(self, job_id: str, offset: int) -> None:
        """Send the log from *offset* on, then the end."""
        self._check()
        job = self._backend.jobs.get(job_id)
        if job is None:
            gone = JobEnd(kind="lost", reason="never started")
            self._queue.put(lambda: self._listener.ended(job_id, gone))
            return
        self._following.add(job_id)
        if job.log[offset:]:
            self._queue.put(lambda: self._listener.log(job_id, offset, job.log[offset:]))
        self.tell_end(job)

    def cancel(self, job_id: str, reason: str, grace: float) -> None:
        """Kill the job at once."""
        del grace  # a fake command never resists
        self._check()
        self._backend.kill(job_id, reason)

    def release(self, job_id: str) -> None:
        """Do nothing: a fake command waits for no lock and keeps none."""
        del job_id
        self._check()

    def checksum(self, job_id: str, timeout: float = 60.0) -> tuple[int, str]:
        """Return size and SHA-256 of the job's log."""
        del timeout  # it is known at once
        self._check()
        log = self._backend.jobs[job_id].log
        return len(log), hashlib.sha256(log).hexdigest()

    def close(self) -> None:
        """End the session."""
        self.lose("closed")

    def lose(self, reason: str) -> None:
        """End the session as a lost link does."""
        if not self._gone:
            self._gone = True
            self._queue.put(lambda: self._listener.closed(reason))
            self._queue.put(None)

    def tell_end(self, job: FakeJob) -> None:
        """Tell the end of a job that is followed, once."""
        end = job.end
        if end is not None and job.job.id in self._following:
            self._following.discard(job.job.id)
            self._queue.put(lambda: self._listener.ended(job.job.id, end))

    def _check(self) -> None:
        if self._gone:
            raise LinkLost(f"the link to {self.server.name} is gone")

    def _hear(self) -> None:
        while (message := self._queue.get()) is not None:
            message()


@attrs.define
class EventLog:
    """An observer that keeps every event.

    Attributes:
        records: What it saw.
    """

    records: list[Recorded] = attrs.field(factory=list)

    def see(self, view: RunView, record: Recorded) -> None:
        """Keep *record*."""
        del view  # only the facts are kept
        self.records.append(record)

    def of(self, kind: type[Event]) -> list[Any]:
        """Return the events of one kind, in order."""
        return [record.event for record in self.records if isinstance(record.event, kind)]


def _collecting(files: Mapping[str, bytes]) -> Script:
    """Return what the job that collects *files* does: it writes them as a tar stream."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return Script(stream.getvalue())


def _collects(job: Job) -> bool:
    return job.id.endswith(".artifacts")


def _stage_of(job: Job) -> str:
    return job.title.split(", attempt ", 1)[0]
