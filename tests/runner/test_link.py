"""Laws of one link, alone: nobody who waits for it is forgotten, whatever happens meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from buildorch import events
from buildorch.definitions import Pipeline
from buildorch.errors import LinkLost
from buildorch.job import Job
from buildorch.model import Server
from buildorch.ports import SessionListener
from buildorch.scheduler import facts
from buildorch.scheduler.facts import Fact
from buildorch.testing import FakeBackend, FakeSession, Script
from runner.bench import FOR_EVER, Bench, a_stage, refusals, until
from runner.linked import HELD, LOG, GatedBackend, Linked, linked


def test_a_job_that_comes_while_another_try_fails_brings_the_link_back(tmp_path: Path) -> None:
    """A stage's first try is under way when a job needs the link: it is tried again for it."""
    with linked(tmp_path) as one:
        one.backend.refuse("one", refusals(1))
        one.backend.connecting.shut()
        one.link.connect()
        until(one.backend.connecting.reached.is_set)
        one.link.attend(one.watch(launched=True))
        one.backend.connecting.open()
        until(lambda: one.ends)
        assert 1 == len(one.heard(facts.NotConnected))


def test_a_stage_that_asks_during_a_reconnect_hears_of_the_next_try(tmp_path: Path) -> None:
    """Its tries count, and its fallback comes, also where the link is being brought back."""
    with linked(tmp_path, HELD) as one:
        one.up()
        one.link.attend(one.watch())
        one.lose(FOR_EVER)
        one.link.connect()
        until(lambda: one.heard(facts.NotConnected))
        one.link.connect()
        until(lambda: len(one.heard(facts.NotConnected)) == 2)


def test_a_stage_that_asks_is_answered_though_the_last_job_ends_meanwhile(tmp_path: Path) -> None:
    """The reconnect was begun for a job that needs it no more: the stage that asked still does."""
    with linked(tmp_path, HELD) as one:
        one.up()
        one.link.attend(one.watch())
        one.backend.compared.shut()
        one.backend.finish("a")
        until(one.backend.compared.reached.is_set)

        def ask_and_end(_: Fact) -> None:
            if len(one.heard(facts.LinkDown)) == 2 and not one.ends:  # a try has failed
                one.link.connect()
                one.backend.compared.open()
                until(lambda: one.ends)

        one.told.clear()
        one.then = ask_and_end
        one.lose(1)
        until(lambda: one.heard(facts.Connected))


def test_an_end_whose_checksum_was_lost_is_told_again(tmp_path: Path) -> None:
    """The link goes while the log is compared and is back before the answer: it ends still."""
    with linked(tmp_path, HELD) as one:
        one.up()
        one.link.attend(one.watch())
        one.backend.comparing.shut()
        one.backend.finish("a")
        until(one.backend.comparing.reached.is_set)
        one.lose()
        until(lambda: one.backend.ends_heard == 2)
        one.backend.comparing.open()
        until(lambda: one.ends)
        assert [True] == [found.complete for _, found in one.ends]


def test_a_log_is_fetched_again_over_the_link_that_is_there(tmp_path: Path) -> None:
    """The link was lost and came back while a log was compared: the new one fetches it again."""
    with linked(tmp_path, HELD) as one:
        one.up()
        watch = one.watch()
        one.link.attend(watch)
        until(lambda: watch.log.offset == len(LOG))
        log = one.logs[0]
        log.truncate(3)
        log.write(b"*" * (len(LOG) - 3))
        one.backend.compared.shut()
        one.backend.finish("a")
        until(one.backend.compared.reached.is_set)
        one.lose()
        until(lambda: one.backend.ends_heard == 2)
        one.backend.compared.open()
        until(lambda: one.ends)
        assert LOG == log.path.read_bytes()
        assert [True] == [found.complete for _, found in one.ends]


def test_a_kill_while_the_link_is_down_is_sent_when_it_is_back(tmp_path: Path) -> None:
    """Nobody has to wish it again."""
    with linked(tmp_path, HELD) as one:
        one.up()
        watch = one.watch()
        one.link.attend(watch)
        one.lose(2)
        one.link.kill(watch, "cancelled", 1.0)
        until(lambda: one.ends)
        assert ["cancelled"] == [end.reason for end, _ in one.ends]


def test_a_link_that_is_lost_while_it_opens_is_a_failed_try(tmp_path: Path) -> None:
    """A session that is gone before it is used is told as a try that failed."""

    class Stillborn(GatedBackend):
        def connect(self, server: Server, listener: SessionListener) -> FakeSession:
            session = super().connect(server, listener)
            listener.closed("gone")
            return session

    made = Linked(Stillborn(), tmp_path)
    made.link.connect()
    until(lambda: made.heard(facts.NotConnected))
    assert made.heard(facts.NotConnected)[0].transient
    assert not made.link.up
    made.link.leave()


def test_a_job_that_is_attended_to_twice_is_followed_once(tmp_path: Path) -> None:
    """The same wish again sends nothing again."""
    with linked(tmp_path, HELD) as one:
        one.up()
        watch = one.watch()
        one.link.attend(watch)
        one.link.attend(watch)
        one.link.attend(one.watch())
        one.backend.finish("a")
        until(lambda: one.ends)
        assert [("r.0.1.1", 0)] == one.backend.followed
        assert 1 == len(one.ends)


def test_a_link_that_nobody_needs_is_not_tried_for_ever(tmp_path: Path) -> None:
    """A stage's own failed try is its scheduler's to repeat: the link rests."""
    with linked(tmp_path) as one:
        one.backend.refuse("one", refusals(FOR_EVER))
        one.link.connect()
        until(lambda: one.heard(facts.NotConnected))
        assert not one.link._busy
        assert 1 == one.backend.tries


# The same within a run.


@pytest.mark.parametrize("transient", [True, False])
def test_a_server_out_of_reach_at_resume_is_told(bench: Bench, *, transient: bool) -> None:
    """A resumed run that cannot reach its job's server says so, and goes on trying."""
    bench.backend = FakeBackend({"a": [Script(hold=True)]})
    bench.left(bench.start(Pipeline("p", a_stage("a")), running="a"))
    bench.backend.refuse("one", refusals(FOR_EVER, transient=transient))
    handle = bench.resume()
    bench.until(lambda: bench.seen.of(events.LinkLost))
    bench.mend_link()
    bench.until(lambda: bench.seen.of(events.LinkRestored))
    bench.backend.finish("a")
    assert bench.ended(handle).ok


def test_a_cancel_ends_a_run_that_collects_over_a_dead_link(bench: Bench) -> None:
    """The build has succeeded: artifacts that cannot come do not keep the run."""

    class Dies(FakeBackend):
        def launch(self, job: Job) -> bool:
            if job.id.endswith(".artifacts"):
                self.refuse("one", refusals(FOR_EVER))
                threading.Thread(target=self.cut).start()
                collecting.set()
                raise LinkLost("cut")
            return super().launch(job)

    collecting = threading.Event()
    bench.backend = Dies()
    handle = bench.start(Pipeline("p", a_stage("a", artifacts=["*"])))
    bench.until(collecting.is_set)
    handle.cancel()
    result = bench.ended(handle)
    finished = result.stages["a"].finished
    assert finished is not None
    assert "not collected: the run was cancelled" in (finished.warning or "")
