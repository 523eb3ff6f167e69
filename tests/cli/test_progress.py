"""How far a run is, as its logs and its history say."""

from __future__ import annotations

from pathlib import Path

import pytest
from observers.story import Story, full_build

from buildorch import events
from buildorch.demo import demo_pipeline
from buildorch.events import Event
from buildorch.model import Config, RunStatus, StageStatus
from buildorch.observers.progress import StageProgress
from buildorch.planner import make_plan
from buildorch.progress import RunProgress, usual_seconds
from buildorch.store.codec import plan_to_dict
from buildorch.store.database import Store


def begun(results: Path) -> Story:
    """Return a run whose first stage has just been launched."""
    story = Story(results=str(results))
    story.tell(events.AttemptStarted(stage="yocto-image", attempt=1, server="h1"))
    story.tell(events.StepLaunching(stage="yocto-image", attempt=1, step=1, server="h1", job="j.1"))
    (results / "yocto-image").mkdir(parents=True)
    return story


def test_a_log_is_read_on_as_it_grows(tmp_path: Path) -> None:
    """Progress, last line and counts are those of the log up to now."""
    story = begun(tmp_path)
    progress = RunProgress(lambda: story.seen, {})
    assert progress.of("yocto-image") == StageProgress()
    with (tmp_path / "yocto-image" / "attempt-1.log").open("ab") as log:
        log.write(b"NOTE: Running task 10 of 40 (/a.bb:do_compile)\n")
        log.flush()
        assert progress.of("yocto-image").percent == 25.0
        log.write(b"WARNING: a: odd\nERROR: a do_compile: no\nNOTE: Running task 20 of 40 (/a")
        log.flush()
        now = progress.of("yocto-image")
    assert (now.percent, now.errors, now.warnings) == (50.0, 1, 1)
    assert now.last_line == "NOTE: Running task 20 of 40 (/a"


@pytest.mark.parametrize(
    ("passed", "percent", "eta"),
    [
        (0.0, 0, 100.0),  # what history says
        (50.0, 0, 50.0),
        (150.0, 0, 0.0),
        (50.0, 50, 50.0),  # both say so
        (100.0, 50, 50.0),  # half of what history says (0), half of its own pace (100)
        (90.0, 90, 10.0),
    ],
)
def test_an_estimate_trusts_the_pace_more_and_more(
    tmp_path: Path, passed: float, percent: int, eta: float
) -> None:
    """The time left is that of earlier runs at first, and that of its own pace at last."""
    story = begun(tmp_path)
    log = tmp_path / "yocto-image" / "attempt-1.log"
    log.write_text(f"NOTE: Running task {percent} of 100 (/a.bb:do_compile)\n" if percent else "")
    now = story.at + passed
    progress = RunProgress(lambda: story.seen, {"yocto-image": 100.0}, wall=lambda: now)
    assert progress.of("yocto-image").eta == pytest.approx(eta)


def test_a_stage_that_has_not_begun_takes_what_it_usually_takes(tmp_path: Path) -> None:
    """Before its start, history is all that is known; without a run nothing is."""
    story = begun(tmp_path)
    progress = RunProgress(lambda: story.seen, {"host-build": 30.0})
    assert progress.of("host-build").eta == 30.0
    assert progress.of("integration-test").eta is None
    assert set(progress.all()) == set(story.seen.stages)
    nothing = RunProgress(lambda: None, {})
    assert (nothing.of("host-build"), nothing.all()) == (StageProgress(), {})


def test_the_usual_time_is_the_median_of_successes(tmp_path: Path) -> None:
    """One slow night does not move the estimate; failures do not count."""
    plan = full_build()
    with Store(tmp_path / "runs.db") as store:
        for number, seconds in enumerate([100.0, 110.0, 900.0]):
            run = f"20260714-09301{number}-4fa2c1"
            created = events.RunCreated(
                pipeline=plan.name, plan=plan_to_dict(plan), nonce="0", results="/r", by="me"
            )
            ends: list[Event] = [
                events.StageFinished(
                    stage="yocto-image", status=StageStatus.SUCCEEDED, seconds=seconds
                ),
                events.StageFinished(stage="host-build", status=StageStatus.FAILED, seconds=5.0),
                events.RunFinished(status=RunStatus.FAILED, seconds=1.0, results="/r"),
            ]
            store.create(run, [created, *ends], at=float(number))
        assert usual_seconds(store, Story(plan).seen) == {"yocto-image": 110.0}


def test_the_demo_is_a_plan_for_this_machine() -> None:
    """The demo's stages run here, image and host side by side, and write nothing."""
    plan = make_plan(demo_pipeline(), Config())
    assert [(stage.name, stage.after) for stage in plan.stages] == [
        ("yocto-image", ()),
        ("host-build", ()),
        ("integration-test", ("host-build",)),
    ]
    assert {stage.servers[0].backend for stage in plan.stages} == {"local"}
