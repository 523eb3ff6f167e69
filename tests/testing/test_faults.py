"""Laws of the fault kit: what it says happens, happens, and the jobs know nothing of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest
from contract.talk import Heard

from buildorch import Config, Pipeline, RunResult, Stage, events
from buildorch.backends.local import LocalBackend
from buildorch.errors import ConnectRefused, ConnectTimedOut, LinkLost, StoreUnwritable, UsageError
from buildorch.job import Job
from buildorch.model import Server
from buildorch.ports import Backend
from buildorch.testing import (
    EventLog,
    FakeBackend,
    Fault,
    FaultyBackend,
    FaultyNotifier,
    Schedule,
    Script,
    dies_after,
    history_locked,
)
from buildorch.testing.faults import _POSSIBLE

SERVER = Server(name="local", backend="local")
JOB = Job(id="r.0.1.1", nonce="0" * 32, epoch=1, title="build, attempt 1", command="make")


@attrs.define
class Bench:
    """Runs one stage whose commands really run, over links that break."""

    folder: Path
    seen: EventLog = attrs.field(factory=EventLog)

    def run(self, faults: Backend, command: str = "echo ran >> witness") -> RunResult:
        """Run the stage."""
        stage = Stage(name="build", command=command, workdir=str(self.folder))
        return Pipeline("p", stage).run(
            config=Config(),
            backends={"local": faults},
            home=self.folder / "home",
            results=self.folder / "results",
            observers=[self.seen],
        )

    @property
    def witness(self) -> str:
        """What the command wrote at each of its starts."""
        return (self.folder / "witness").read_text()


@pytest.fixture(name="bench")
def _bench(tmp_path: Path) -> Bench:
    (tmp_path / "home").mkdir()
    return Bench(tmp_path)


_FAULTS = [Fault(what, at=at, seconds=0.1) for what, moments in _POSSIBLE.items() for at in moments]


@pytest.mark.parametrize("fault", _FAULTS, ids=lambda fault: f"{fault.what}-{fault.at}")
def test_every_fault_bites_and_nothing_is_lost(bench: Bench, fault: Fault) -> None:
    """On real jobs: the fault is counted, the command ran once, its log is whole."""
    faulty = FaultyBackend(LocalBackend(home=bench.folder / "home"), [fault])
    result = bench.run(faulty, "echo ran | tee -a witness")
    assert result.ok, result
    assert faulty.bitten == [fault]
    assert bench.witness == "ran\n"
    assert Path(result.results, "build", "log").read_bytes() == b"ran\n"


@pytest.mark.parametrize("at", ["start", "started", "log", "ended"])
@pytest.mark.parametrize("what", ["reset", "silence"])
def test_a_link_that_is_lost_is_told_as_lost_and_restored(bench: Bench, what: str, at: str) -> None:
    """The run sees what it would see of a real cut."""
    backend = FakeBackend({"build": [Script(b"a log\n")]})
    fault = Fault(what, at=at, seconds=0.1)  # type: ignore[arg-type] # of the possible ones
    assert bench.run(FaultyBackend(backend, [fault])).ok
    assert len(bench.seen.of(events.LinkLost)) == 1
    assert len(bench.seen.of(events.LinkRestored)) == 1
    assert len(backend.launched("build")) == 1


@pytest.mark.parametrize("seed", range(12))
def test_no_schedule_changes_the_outcome(bench: Bench, seed: int) -> None:
    """Whatever the seed: the run succeeds, and the command ran once."""
    backend = LocalBackend(home=bench.folder / "home")
    faulty = FaultyBackend(backend, Schedule(seed, ["local"], count=5, seconds=0.3))
    assert bench.run(faulty).ok
    assert bench.witness == "ran\n"


def test_a_schedule_is_a_function_of_its_seed() -> None:
    """The same seed gives the same faults; two hundred seeds give each kind at each moment."""
    assert list(Schedule(3, ["a", "b"])) == list(Schedule(3, ["a", "b"]))
    made = {(one.what, one.at) for seed in range(200) for one in Schedule(seed, ["a"])}
    assert made == {(what, at) for what, moments in _POSSIBLE.items() for at in moments}


def test_a_fault_that_cannot_be_is_refused() -> None:
    """It says at which moments it can be."""
    with pytest.raises(UsageError, match="'delay' cannot happen at 'start'; it can at connect,"):
        Fault("delay", at="start")


def test_a_fault_counts_its_own_servers_moments() -> None:
    """The second and third launch of that server, and no other's."""
    fault = Fault("reset", at="start", server="a", number=2, times=2)
    hits = [(name, n) for name in "ab" for n in range(1, 5) if fault.hits("start", name, n)]
    assert hits == [("a", 2), ("a", 3)]


def test_a_try_to_connect_fails_as_real_ones_do() -> None:
    """Refused at once, or after the silence; the next one works."""
    faults = [Fault("refuse", at="connect"), Fault("silence", at="connect", number=2, seconds=0.1)]
    faulty = FaultyBackend(FakeBackend(), faults)
    with pytest.raises(ConnectRefused):
        faulty.connect(SERVER, Heard())
    begun = time.monotonic()
    with pytest.raises(ConnectTimedOut):
        faulty.connect(SERVER, Heard())
    assert time.monotonic() - begun >= 0.1
    faulty.connect(SERVER, Heard()).close()


def test_a_silent_link_takes_everything_and_says_nothing_until_it_is_lost() -> None:
    """A launch goes nowhere, a checksum waits; then both sides know."""
    backend, heard = FakeBackend(), Heard()
    fault = Fault("silence", at="start", seconds=0.2)
    session = FaultyBackend(backend, [fault]).connect(SERVER, heard)
    session.start(JOB)
    session.start(JOB)
    with pytest.raises(LinkLost):
        session.checksum(JOB.id)
    assert heard.starts == []
    assert backend.jobs == {}
    assert len(heard.closings) == 1
    with pytest.raises(LinkLost):
        session.start(JOB)


def test_a_launch_whose_answer_is_lost_has_happened() -> None:
    """The cut between a launch and its answer: the job is there, nobody heard of it."""
    backend, heard = FakeBackend(), Heard()
    session = FaultyBackend(backend, [Fault("reset", at="started")]).connect(SERVER, heard)
    session.start(JOB)
    heard.wait(lambda: heard.closings, "the link is lost")
    assert heard.starts == []
    assert list(backend.jobs) == [JOB.id]


_DIES = """
import sys
from buildorch import Config, Pipeline, Stage, events
from buildorch.testing import dies_after

stage = Stage(name="build", command="echo ran >> witness", workdir=sys.argv[1])
Pipeline("p", stage).run(
    config=Config(),
    home=sys.argv[1] + "/home",
    results=sys.argv[1] + "/results",
    observers=[dies_after(1, events.StepLaunching)],
)
"""


def test_a_process_dies_after_its_event(bench: Bench) -> None:
    """By KILL, with the event stored and its effect not done."""
    words = [sys.executable, "-c", _DIES, str(bench.folder)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    assert not (bench.folder / "witness").exists()


def test_only_the_event_with_the_number_kills(bench: Bench) -> None:
    """A number that never comes kills nobody."""
    observer = dies_after(10_000)
    backend = FakeBackend()
    stage = Stage(name="build", command="make")
    result = Pipeline("p", stage).run(
        config=Config(),
        backends={"local": backend},
        home=bench.folder,
        results=bench.folder,
        observers=[observer],
    )
    assert result.ok
    assert observer.seen >= 5


def test_a_locked_history_refuses_and_is_whole_afterwards(bench: Bench) -> None:
    """While it is locked no run begins; then one does."""
    backend = FakeBackend()
    assert bench.run(backend).ok
    with history_locked(bench.folder / "home"), pytest.raises(StoreUnwritable):
        bench.run(backend)
    assert bench.run(backend).ok


def test_a_slow_notifier_delivers_in_the_end() -> None:
    """It passes text and key on, after its time."""
    told: list[tuple[str, str]] = []

    class Team:
        def send(self, text: str, *, key: str) -> None:
            """Keep it."""
            told.append((text, key))

    begun = time.monotonic()
    FaultyNotifier(Team(), seconds=0.1).send("done", key="k")
    assert time.monotonic() - begun >= 0.1
    assert told == [("done", "k")]
