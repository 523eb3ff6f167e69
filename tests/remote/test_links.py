"""The client's end of a link: cuts are noticed, slow readers hurt nobody, memory stays flat."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from contract.talk import Heard, Talk, talk, wait_until

from buildorch.backends.local import LocalBackend, ProcessPipe
from buildorch.errors import InfrastructureError, LinkLost
from buildorch.model import Server
from buildorch.ports import Session
from buildorch.remote.session import boot_command, open_session
from remote.machines import ShellBackend, environment, machine

_MEGABYTES = 120


class Cuttable:
    """A stream that goes silent when it is cut: nothing arrives, nothing is refused."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._pipe = ProcessPipe(boot_command(), variables)
        self._closed = threading.Event()
        self.cut = False

    def send(self, data: bytes) -> None:
        """Send, or swallow."""
        if not self.cut:
            self._pipe.send(data)

    def recv(self, limit: int) -> bytes:
        """Receive, or wait for ever."""
        data = self._pipe.recv(limit)
        if self.cut and not self._closed.is_set():
            self._closed.wait()
            return b""
        return data

    def close(self) -> None:
        """End it."""
        self._closed.set()
        self._pipe.close()


def test_silent_cut(tmp_path: Path) -> None:
    """A cut that shows in no other way is noticed soon after the silence begins; once."""
    heard, stream = Heard(), Cuttable(environment(tmp_path))
    server = Server(name="here", state_dir=str(tmp_path / "state"))
    session = open_session(stream, server, heard, silence=0.6)
    time.sleep(1.5)
    assert not heard.closings, "a healthy idle link was cut"
    stream.cut = True
    heard.wait(lambda: heard.closings, "the cut is noticed", 3)
    assert "no sign of life" in heard.closings[0]
    with pytest.raises(LinkLost, match="here"):
        session.follow("run.0-0.1.1", 0)
    session.close()
    assert len(heard.closings) == 1


def test_silence_is_at_most_fifteen_seconds() -> None:
    """The default notices a cut within 15 s: the silence and a third of it."""
    from buildorch.remote.session import SILENCE  # noqa: PLC0415 - the law is about this number

    assert SILENCE * 4 / 3 <= 16


def test_a_slow_listener_is_no_dead_server(tmp_path: Path) -> None:
    """A listener that takes long for a piece of the log does not make the link count as cut."""

    class Slow(Heard):
        def log(self, job_id: str, offset: int, data: bytes) -> None:
            time.sleep(1.0)
            super().log(job_id, offset, data)

    heard = Slow()
    backend = ShellBackend(environment(tmp_path), silence=0.5)
    place = machine(tmp_path, backend)
    link = Talk(place, backend.connect(place.server, heard), heard, "run", "ab" * 16)
    end = link.end("echo one; sleep 0.3; echo two")
    assert end.ok
    assert not heard.closings
    link.session.close()


def test_the_agent_dies(tmp_path: Path) -> None:
    """The listener is told once when the server part is gone, and methods say so from then on."""
    with talk(machine(tmp_path, ShellBackend(environment(tmp_path)))) as link:
        job = link.start("true")
        link.heard.end_of(job)
        link.kill_agent()
        assert len(link.heard.closings) == 1
        for call in (link.session.start, lambda job: link.session.checksum(job.id)):
            with pytest.raises(LinkLost):
                call(job)


def test_checksum_of_nothing(tmp_path: Path) -> None:
    """A log that is not there has no checksum, and the link stays up."""
    for part in ("python", "sh"):
        with talk(machine(tmp_path, ShellBackend(environment(tmp_path), prefer=part))) as link:
            with pytest.raises(InfrastructureError, match="gone"):
                link.session.checksum("run.0-0.1.1")
            assert link.end("true").ok


class _Counter(Heard):
    """Counts bytes and frames, and keeps none."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self.largest = 0

    def log(self, job_id: str, offset: int, data: bytes) -> None:
        del job_id
        assert offset == self.bytes
        self.bytes += len(data)
        self.largest = max(self.largest, len(data))


@pytest.mark.parametrize("part", ["python", "sh"])
def test_memory_is_flat(tmp_path: Path, part: str) -> None:
    """A log of many megabytes arrives whole in frames of 256 KiB; the agent keeps none of it."""
    heard = _Counter()
    backend = ShellBackend(environment(tmp_path), prefer=part)
    place = machine(tmp_path, backend)
    session: Session = backend.connect(place.server, heard)
    link = Talk(place, session, heard, "run", "ab" * 16)
    job = link.start(f"head -c {_MEGABYTES}M /dev/zero; echo end; sleep 0.5")
    heard.end_of(job, 60)
    assert heard.bytes == _MEGABYTES * (1 << 20) + 4
    assert heard.largest <= 1 << 18
    agent = next((tmp_path / "state/agents").glob("run.*@*")).read_text().split()[0]
    status = Path(f"/proc/{agent}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]
    assert int(peak) < 60_000
    session.close()


def test_local_backend_survives_us(tmp_path: Path) -> None:
    """Jobs of this machine are as detached as others: a later backend finds them."""
    variables = environment(tmp_path, BUILDORCH_HOME=str(tmp_path / "state"))
    server = Server(name="this", backend="local")
    first = Heard()
    session = LocalBackend(environment=variables).connect(server, first)
    assert session.facts.state_dir == str(tmp_path / "state/local")
    link = Talk(machine(tmp_path, ShellBackend(variables)), session, first, "run", "ab" * 16)
    job = link.start("sleep 0.5; exit 9")
    session.close()
    wait_until(lambda: first.closings, "the link is gone")
    second = Heard()
    later = LocalBackend(environment=variables).connect(server, second)
    later.follow(job.id, 0)
    assert second.end_of(job).code == 9
    later.close()


def test_without_inotify(tmp_path: Path) -> None:
    """Where the kernel gives no inotify descriptor, the agent looks ten times a second."""
    words = ("unshare", "--user", "--map-root-user", "sh", "-c")
    noise = "echo 0 >/proc/sys/user/max_inotify_instances; "
    backend = ShellBackend(environment(tmp_path), words, noise=noise, prefer="python")
    with talk(machine(tmp_path, backend)) as link:
        job = link.start("echo one; sleep 0.3; echo two; exit 4")
        assert link.heard.end_of(job, 5).code == 4
        assert link.heard.logs[job.id] == b"one\ntwo\n"
        nap = link.nap()
        job = link.start(nap.text, "killed")
        nap.await_start()
        link.kill_supervisor(job)
        assert link.heard.end_of(job, 10).reason == "supervisor killed"
