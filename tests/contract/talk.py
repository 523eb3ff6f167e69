"""Talking with a place: jobs of a run of their own, and everything that is heard of them."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from buildorch.job import Job, JobEnd, Wait
from buildorch.ports import Session
from contract.place import Place

#: Seconds within which anything that is bound to happen has happened, on a busy machine.
PATIENCE = 30.0


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait for a condition; fail with *what* where it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.01)


class Heard:
    """A listener that keeps everything, and insists on exact offsets and single ends."""

    def __init__(self) -> None:
        self.logs: dict[str, bytearray] = {}
        self.begins: dict[str, int] = {}
        self.ends: dict[str, JobEnd] = {}
        self.ended_at: dict[str, float] = {}
        self.starts: list[tuple[str, bool]] = []
        self.waits: dict[str, list[Wait | None]] = {}
        self.refusals: dict[str, tuple[str, str]] = {}
        self.closings: list[str] = []
        self._news = threading.Condition()

    def started(self, job_id: str, *, again: bool) -> None:
        """Keep it."""
        self._note(lambda: self.starts.append((job_id, again)))

    def refused(self, job_id: str, reason: str, detail: str) -> None:
        """Keep it."""
        self._note(lambda: self.refusals.update({job_id: (reason, detail)}))

    def waiting(self, job_id: str, wait: Wait | None) -> None:
        """Keep it."""
        self._note(lambda: self.waits.setdefault(job_id, []).append(wait))

    def log(self, job_id: str, offset: int, data: bytes) -> None:
        """Append bytes that begin where the last ones ended."""
        begin = self.begins.setdefault(job_id, offset)
        known = self.logs.setdefault(job_id, bytearray())
        assert offset == begin + len(known), f"{job_id}: a gap or an overlap at {offset}"
        assert len(data) <= 1 << 18, "a frame is larger than 256 KiB"
        assert job_id not in self.ends, f"{job_id}: bytes after its end"
        self._note(lambda: known.extend(data))

    def ended(self, job_id: str, end: JobEnd) -> None:
        """Keep it."""
        assert job_id not in self.ends, f"{job_id} ended twice"
        self.ended_at[job_id] = time.time()
        self._note(lambda: self.ends.update({job_id: end}))

    def closed(self, reason: str) -> None:
        """Keep it."""
        self._note(lambda: self.closings.append(reason))

    def wait(self, condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        """Wait for something to be heard."""
        with self._news:
            said = self._news.wait_for(condition, seconds)
            assert said, f"not within {seconds:g} s: {what}; heard {self}"

    def end_of(self, job: Job, seconds: float = PATIENCE) -> JobEnd:
        """Return the end of a job once it is heard."""
        self.wait(lambda: job.id in self.ends, f"the end of {job.id}", seconds)
        return self.ends[job.id]

    def start_of(self, job: Job) -> bool:
        """Return whether the last launch of a job found it there already."""
        self.wait(lambda: job.id in dict(self.starts), f"the start of {job.id}")
        return dict(self.starts)[job.id]

    def refusal_of(self, job: Job) -> tuple[str, str]:
        """Return why a job was refused."""
        self.wait(lambda: job.id in self.refusals, f"the refusal of {job.id}")
        return self.refusals[job.id]

    def __repr__(self) -> str:
        sizes = {job: len(log) for job, log in self.logs.items()}
        return (
            f"starts {self.starts}, refusals {self.refusals}, ends {self.ends}, "
            f"log sizes {sizes}, closings {self.closings}"
        )

    def _note(self, change: Callable[[], object]) -> None:
        with self._news:
            change()
            self._news.notify_all()


@attrs.frozen
class Nap:
    """A process that sleeps long, told from all others by its command line.

    Attributes:
        command: What it becomes.
        file: Where it leaves its number.
    """

    place: Place
    command: str
    file: str

    @property
    def text(self) -> str:
        """Shell text that becomes it."""
        return f"echo $$ >{self.file}.new; mv {self.file}.new {self.file}; exec {self.command}"

    @property
    def running(self) -> bool:
        """Whether it is there."""
        return self.command in self.place.machine.commands()

    def await_start(self) -> None:
        """Wait until it is there."""
        wait_until(lambda: self.running, f"{self.command} runs")

    def signal(self, name: str) -> None:
        """Signal it by its number."""
        self.place.machine.run(f"kill -{name} $(cat {self.file})")

    def end(self) -> None:
        """End it."""
        assert self.running
        self.signal("KILL")


@attrs.frozen
class Talk:
    """A run's link to a place."""

    place: Place
    session: Session
    heard: Heard
    run: str
    nonce: str

    def job(self, command: str | tuple[str, ...], name: str = "stage", **fields: Any) -> Job:
        """Return a job of the run; one name is one job."""
        values: dict[str, Any] = {"id": f"{self.run}.{name}-0.1.1", "nonce": self.nonce}
        values |= {"epoch": 1, "title": name, "command": command, "kill_grace": 2.0, **fields}
        return Job(**values)

    def start(self, command: str | tuple[str, ...], name: str = "stage", **fields: Any) -> Job:
        """Launch a job and wait until it is there."""
        job = self.job(command, name, **fields)
        self.session.start(job)
        self.heard.start_of(job)
        return job

    def end(self, command: str | tuple[str, ...], name: str = "stage", **fields: Any) -> JobEnd:
        """Launch a job and return its end."""
        return self.heard.end_of(self.start(command, name, **fields))

    def output(self, command: str | tuple[str, ...], name: str = "output", **fields: Any) -> bytes:
        """Launch a job that succeeds, and return its log."""
        job = self.start(command, name, **fields)
        end = self.heard.end_of(job)
        log = bytes(self.heard.logs.get(job.id, b""))
        assert end.ok, f"{end}: {log!r}"
        return log

    def nap(self) -> Nap:
        """Return something to sleep that no other test's process is."""
        seconds = 1000 + secrets.randbelow(10**9)
        return Nap(self.place, f"sleep {seconds}.5", f"{self.place.folder}/nap{seconds}")

    def path(self, job: Job, name: str = "") -> str:
        """Return the path of a file of a job's folder."""
        return f"{self.session.facts.state_dir}/jobs/{job.id}/{name}"

    def leave(self) -> None:
        """End the link, and wait until its server part has noticed."""
        self.session.close()
        pattern = f"{self.session.facts.state_dir}/agents/{self.run}.*@*"
        self.place.machine.run(
            f"read -r pid rest < $(echo {pattern}); while [ -d /proc/$pid ]; do sleep 0.02; done"
        )

    def kill_agent(self) -> None:
        """Kill the server part of this link, as a crash would, and wait until the link is gone."""
        pattern = f"{self.session.facts.state_dir}/agents/{self.run}.*@*"
        self.place.machine.run(f"read -r pid rest < $(echo {pattern}); kill -9 $pid")
        self.heard.wait(lambda: self.heard.closings, "the link is gone")

    def kill_supervisor(self, job: Job) -> None:
        """Kill the supervisor of a job."""
        self.place.machine.run(f"kill -9 {self.supervisor(job)}")

    def kill_watchers(self, job: Job) -> None:
        """Kill the supervisor of a job and its keeper, so that nobody sees to what is left."""
        self.place.machine.run(f"kill -9 {self.keeper(job)} {self.supervisor(job)}")

    def supervisor(self, job: Job) -> str:
        """Return the number of a job's supervisor."""
        return self._process(job, "supervisor")

    def keeper(self, job: Job) -> str:
        """Return the number of the keeper of a job's supervisor; empty where there is none."""
        return self._process(job, "keeper")

    def _process(self, job: Job, name: str) -> str:
        identity = self.place.machine.read(self.path(job, "id")).decode()
        lines = [line.split() for line in identity.splitlines()]
        return next((words[1] for words in lines if words[0] == name), "")

    def wait_for_file(self, path: str) -> None:
        """Wait until a job has made a file."""
        run = self.place.machine.run
        wait_until(lambda: run(f"test ! -e {path} || echo there"), f"{path} is there")


@contextlib.contextmanager
def talk(place: Place, before: Talk | None = None) -> Iterator[Talk]:
    """Open a link for a new run, or a new one for the run of *before*."""
    heard = Heard()
    session = place.backend.connect(place.server, heard)
    run = before.run if before else f"run{secrets.token_hex(6)}"
    nonce = before.nonce if before else secrets.token_hex(16)
    try:
        yield Talk(place, session, heard, run, nonce)
    finally:
        session.close()
