"""Laws of leaving a run and going on with it, and of those who watch it."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from buildorch import api, events
from buildorch.definitions import Pipeline
from buildorch.errors import RunOwned
from buildorch.events import Recorded
from buildorch.model import Archive, Secret
from buildorch.store.places import state_places
from buildorch.store.slots import Slots
from buildorch.testing import FakeBackend, Script
from buildorch.view import RunView
from runner.bench import Bench, Watcher, a_stage, statuses


def test_a_run_whose_link_was_lost_when_its_controller_left_is_resumed(bench: Bench) -> None:
    """The stored state says that the link is lost: the next controller links the server anew."""
    bench.backend = FakeBackend({"a": [Script(b"log\n", hold=True)]})
    handle = bench.start(Pipeline("p", a_stage("a")), running="a")
    bench.lose_link()
    bench.left(handle)
    bench.mend_link()
    bench.backend.finish("a")
    assert bench.ended(bench.resume()).ok
    assert b"log\n" == bench.log("a")
    assert 1 == len(bench.backend.jobs)


def test_a_resumed_run_keeps_its_pipeline_locked(bench: Bench) -> None:
    """A pipeline has one run at a time, also where that run was resumed."""
    bench.backend = FakeBackend({"a": [Script(hold=True)]})
    pipeline = Pipeline("p", a_stage("a"))
    bench.left(bench.start(pipeline, running="a"))
    handle = bench.resume()
    with pytest.raises(RunOwned):
        bench.run(pipeline)
    bench.backend.finish("a")
    assert bench.ended(handle).ok
    handle = bench.start(pipeline, running="a")
    bench.backend.finish("a")
    assert bench.ended(handle).ok


def test_a_cancel_needs_no_secret_of_what_does_not_run_any_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An abandoned run is cancelled by somebody who has none of its secrets."""
    monkeypatch.setenv("TOKEN", "hunter22")
    secret = {"TOKEN": Secret("TOKEN")}
    bench.backend = FakeBackend({"a": [Script(hold=True)]})
    flow = a_stage("a", env=secret) >> a_stage("b", env=secret)
    bench.left(bench.start(Pipeline("p", flow), running="a"))
    monkeypatch.delenv("TOKEN")
    result = api.cancel("last", bench.options)
    assert result is not None
    assert {"a": "cancelled", "b": "cancelled"} == statuses(result)
    assert not bench.backend.running("a")


def test_an_archive_takes_any_file_name(bench: Bench) -> None:
    """A name that is no UTF-8 is in the archive, and in its manifest as the bytes that it is."""

    def leave_a_file(view: RunView, record: Recorded) -> None:
        if isinstance(record.event, events.StageFinished):
            Path(os.fsdecode(os.fsencode(view.results) + b"/a/caf\xe9")).write_bytes(b"x")

    bench.more = {"observers": [bench.seen, Watcher(leave_a_file)]}
    pipeline = Pipeline("p", a_stage("a"), on_success=[Archive()])
    result = bench.ended(bench.start(pipeline))
    assert result.ok
    with tarfile.open(f"{result.results}.tar.gz") as archive:
        manifest = archive.extractfile(f"{Path(result.results).name}/MANIFEST.sha256")
        assert manifest is not None
        assert b"  a/caf\xe9\n" in manifest.read()


@pytest.mark.parametrize("error", [BrokenPipeError("pipe"), ValueError("no"), KeyError("x")])
def test_an_observer_that_raises_stops_no_build(bench: Bench, error: Exception) -> None:
    """It is shown nothing more; the others see all of it, and the run goes on."""
    shown: list[str] = []

    def breaks(_: RunView, record: Recorded) -> None:
        shown.append(record.event.kind)
        if isinstance(record.event, events.StepStarted):
            raise error

    bench.more = {"observers": [Watcher(breaks), bench.seen]}
    assert bench.run(Pipeline("p", a_stage("a"))).ok
    assert "step_started" == shown[-1]
    assert bench.seen.of(events.RunFinished)


def test_no_slot_is_kept_by_a_run_that_has_ended(bench: Bench) -> None:
    """A retry and a fallback give back what the attempt before them held."""
    bench.backend = FakeBackend({"a": [Script(code=1), Script()]})
    assert bench.run(Pipeline("p", a_stage("a", retry=1))).ok
    slots = Slots(state_places({"BUILDORCH_HOME": str(bench.folder / "home")}))
    assert () == slots.holders("one")


def test_a_masked_log_is_not_fetched_again_at_resume(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Masking keeps every length: the next controller goes on at the byte where this one left."""
    monkeypatch.setenv("TOKEN", "hunter22")
    log = b"hunter22\n" + b"x" * 1000
    bench.backend = FakeBackend({"a": [Script(log, hold=True)]})
    pipeline = Pipeline("p", a_stage("a", env={"TOKEN": Secret("TOKEN")}))
    handle = bench.start(pipeline, running="a")
    bench.until(lambda: len(bench.log("a")) == len(log))
    bench.left(handle)
    bench.backend.finish("a")
    assert bench.ended(bench.resume()).ok
    assert b"********\n" + b"x" * 1000 == bench.log("a")
