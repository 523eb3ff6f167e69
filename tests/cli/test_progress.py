"""How far a run is, as its logs and its history say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observers.story import Story, full_build, planned

from buildorch import events
from buildorch.demo import demo_pipeline
from buildorch.estimate import Usual
from buildorch.events import Event
from buildorch.model import Config, Plan, RunStatus, StageStatus
from buildorch.observers.progress import StageProgress, time_left
from buildorch.past import usual_times
from buildorch.planner import make_plan
from buildorch.progress import RunProgress
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
    progress = RunProgress(lambda: story.seen, {"yocto-image": Usual(100.0)}, wall=lambda: now)
    assert progress.of("yocto-image").eta == pytest.approx(eta)


def test_a_stage_that_has_not_begun_takes_what_it_usually_takes(tmp_path: Path) -> None:
    """Before its start, history is all that is known; without a run nothing is."""
    story = begun(tmp_path)
    progress = RunProgress(lambda: story.seen, {"host-build": Usual(30.0)})
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
        assert usual_times(store, Story(plan).seen) == {"yocto-image": Usual(110.0, 200.0)}


def test_the_demo_is_a_plan_for_this_machine() -> None:
    """The demo's stages run here, image and host side by side, and write nothing."""
    plan = make_plan(demo_pipeline(), Config())
    assert [(stage.name, stage.after) for stage in plan.stages] == [
        ("yocto-image", ()),
        ("host-build", ()),
        ("integration-test", ("host-build",)),
    ]
    assert {stage.servers[0].backend for stage in plan.stages} == {"local"}


@st.composite
def _planned_runs(draw: st.DrawFn) -> tuple[Plan, dict[str, float], float]:
    """Return a plan, what its stages take, and how much quicker than usual they are now."""
    count = draw(st.integers(1, 6))
    stages = []
    for number in range(count):
        after = draw(st.sets(st.integers(0, number - 1))) if number else set()
        names = tuple(f"s{one}" for one in sorted(after))
        stages.append(planned(f"s{number}", number, "h1", after=names))
    times = {stage.name: draw(st.floats(1.0, 1000.0)) for stage in stages}
    return Plan(name="p", stages=tuple(stages)), times, draw(st.floats(0.3, 1.0))


@given(_planned_runs(), st.integers(1, 40))
def test_the_end_of_a_run_never_moves_back_without_a_reason(
    made: tuple[Plan, dict[str, float], float], looks: int
) -> None:
    """While every stage takes its usual time or less, the end that is told only comes nearer."""
    plan, times, quicker = made
    story = Story(plan, results="/nowhere")
    now = story.at
    usual = {name: Usual(seconds) for name, seconds in times.items()}
    progress = RunProgress(lambda: story.seen, usual, wall=lambda: now)
    done: dict[str, float] = {}
    for stage in plan.stages:
        begins = max((done[name] for name in stage.after), default=story.at)
        done[stage.name] = begins + times[stage.name] * quicker
    whole = max(done.values()) - story.at
    begun = story.at
    moments = sorted({begun + whole * look / looks for look in range(looks + 1)} | {*done.values()})
    last = rest = float("inf")
    for moment in moments:
        now = moment
        for stage in plan.stages:
            state = story.seen.stages[stage.name]
            free = all(done[name] <= now for name in stage.after)
            if free and not state.history:
                starts = max((done[name] for name in stage.after), default=begun)
                story.launch(stage.name, after=max(0.0, starts - story.at))
            if state.finished is None and done[stage.name] <= now:
                story.stage_ends(stage.name, StageStatus.SUCCEEDED)
        left = time_left(story.seen, progress.all())
        assert left is not None
        assert now + left.seconds <= last + 1e-6 * now
        assert left.seconds >= 0
        last, rest = now + left.seconds, left.seconds
    assert rest == 0


def test_one_unknown_stage_leaves_the_end_unknown(tmp_path: Path) -> None:
    """No end is told that leaves out what nobody has ever seen."""
    story = begun(tmp_path)
    known = {name: Usual(10.0) for name in story.seen.stages}
    assert time_left(story.seen, RunProgress(lambda: story.seen, known).all()) is not None
    del known["integration-test"]
    assert time_left(story.seen, RunProgress(lambda: story.seen, known).all()) is None
