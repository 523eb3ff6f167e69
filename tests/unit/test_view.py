"""Laws of the read model: it follows the events, takes any order, and says what a run came to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observers.story import START, Story, full_build, half_way, planned

from buildorch import events
from buildorch.errors import StoreDamaged
from buildorch.events import Event, Recorded
from buildorch.job import JobEnd, Wait
from buildorch.model import FunctionRef, Plan, PlannedStage, RunStatus, StageStatus
from buildorch.view import RunView, exit_code, run_finished_line
from buildorch.view.stage import StageView

_OF: dict[str, Any] = {"stage": "host-build", "attempt": 1}
_ON: dict[str, Any] = _OF | {"server": "ccu2-builder"}
_STARTED = events.AttemptStarted(**_ON)
_TRY = events.ConnectFailed(**_ON, reason="refused", message="no", tries=1, retry_in=5.0)
_LAUNCHING = events.StepLaunching(**_ON, step=1, job="j")
_RUNNING = events.StepStarted(**_OF, step=1)
_KILL = events.KillRequested(**_OF, step=1, reason="cancelled")
_STEP_END = events.StepFinished(**_OF, step=1, end=JobEnd(kind="exit", code=1))
_ATTEMPT_END = events.AttemptFinished(**_OF, status=StageStatus.FAILED, first_error="boom")
_RETRY = events.RetryScheduled(stage="host-build", attempt=2, delay=5.0, cause="failures")
_END = events.StageFinished(stage="host-build", status=StageStatus.FAILED, attempts=1)
_TOLD = events.NotificationDue(key="k", channel="team", topic="failed", text="host-build failed")


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ((), "queued"),
        ((_STARTED,), "connecting"),
        ((_STARTED, _TRY), "connecting"),
        ((_STARTED, _LAUNCHING), "launching"),
        ((_STARTED, _LAUNCHING, _RUNNING), "running"),
        ((_STARTED, _LAUNCHING, _RUNNING, _KILL), "cancelling"),
        ((_STARTED, _LAUNCHING, _KILL, _RUNNING), "cancelling"),
        ((_STARTED, _LAUNCHING, _RUNNING, _STEP_END), "draining"),
        ((_STARTED, _LAUNCHING, _RUNNING, _STEP_END, _ATTEMPT_END), "draining"),
        ((_STARTED, _LAUNCHING, _RUNNING, _STEP_END, _ATTEMPT_END, _RETRY), "backoff"),
        ((_STARTED, _END), "failed"),
        ((_END, _STARTED, _RUNNING), "failed"),
    ],
)
def test_events_lead_to_the_state(told: Sequence[Event], state: str) -> None:
    """The state of a stage follows its events; after its end nothing changes it."""
    story = Story()
    for event in told:
        story.tell(event)
    assert state == story.seen.stages["host-build"].state


def test_a_stage_waits_for_its_predecessors_and_then_for_a_slot() -> None:
    """`waiting` becomes `queued` once every predecessor has ended, and says for whom it waits."""
    story = Story()
    last = story.seen.stages["integration-test"]
    assert (last.state, story.seen.waits_for(last)) == ("waiting", ["yocto-image", "host-build"])
    story.launch("yocto-image").stage_ends("yocto-image", StageStatus.SUCCEEDED)
    assert (last.state, story.seen.waits_for(last)) == ("waiting", ["host-build"])
    story.launch("host-build").stage_ends("host-build", StageStatus.SUCCEEDED)
    assert last.state == "queued"


def test_a_stage_function_runs_between_its_commands() -> None:
    """The end of a command leaves a stage function running: only its return ends the attempt."""
    function = FunctionRef(module="m", qualname="f")
    plan = Plan(name="p", stages=(planned("host-build", 0, "s", function=function),))
    story = Story(plan).launch("host-build")
    story.tell(_STEP_END)
    assert story.seen.stages["host-build"].state == "running"


def test_a_recovered_stage_keeps_its_failures() -> None:
    """A success after a failure is `recovered`, and what failed before can still be told."""
    stage = half_way().seen.stages["host-build"]
    assert stage.recovered
    assert [(failure.attempt, failure.first_error) for failure in stage.failures] == [
        (1, "CMake error in container-manager (SntCommon not found)")
    ]
    assert (stage.attempt, stage.started_at, stage.first_started_at) == (2, START + 240, START)
    assert [attempt.seconds for attempt in stage.history] == [240.0, 1080.0]


def test_a_lost_link_is_a_flag_on_a_running_stage() -> None:
    """A lost link changes no state and is over when the link is back."""
    story = Story().launch("host-build")
    stage = story.seen.stages["host-build"]
    story.tell(events.LinkLost(**_ON, reason="no answer"), 60)
    assert (stage.state, stage.link_lost_since) == ("running", START + 60)
    story.tell(events.LinkRestored(**_ON), 60)
    assert (stage.state, stage.link_lost_since) == ("running", None)


@pytest.mark.parametrize("over", [_STEP_END, _ATTEMPT_END])
def test_a_wait_ends_with_the_job_or_with_its_attempt(over: Event) -> None:
    """A job that is given up while it waits has no end of its own; nothing waits any more."""
    story = Story().launch("host-build")
    stage = story.seen.stages["host-build"]
    story.tell(events.StepWaiting(**_OF, step=1, wait=Wait(kind="lock", name="/b", seconds=5)))
    assert (stage.wait is not None, stage.wait_since) == (True, START - 5)
    story.tell(over)
    assert (stage.wait, stage.wait_since) == (None, None)


@pytest.mark.parametrize(
    ("had", "now", "shown"),
    [(5.0, None, 65.0), (5.0, START + 100, 105.0), (None, START + 100, None)],
)
def test_a_wait_goes_on_while_nothing_happens(
    had: float | None, now: float | None, shown: float | None
) -> None:
    """How long a holder has had it counts to now, else to the newest event; unknown stays so."""
    story = Story().launch("host-build")
    wait = Wait(kind="lock", name="/b", user="mina", seconds=had)
    story.tell(events.StepWaiting(**_OF, step=1, wait=wait))
    story.tell(events.LinkLost(**_ON, reason="no answer"), 60)
    line = run_finished_line(story.seen, now)["stages"]["host-build"]["wait"]
    assert (line["user"], line["seconds"]) == ("mina", shown)


def test_what_comes_behind_a_stage() -> None:
    """Followers are direct, what is behind is not; both come in the order of their numbers."""
    plan = Plan(
        name="p",
        stages=(
            planned("a", 0, "s"),
            planned("b", 1, "s", after=["a"]),
            planned("c", 2, "s"),
            planned("d", 3, "s", after=["a", "b", "c"]),
            planned("e", 4, "s", after=["d"]),
        ),
    )
    seen = Story(plan).seen
    assert [one.name for one in seen.followers("a")] == ["b", "d"]
    assert [one.name for one in seen.behind("a")] == ["b", "d", "e"]
    assert [one.name for one in seen.behind("e")] == []


def test_a_draft_changes_without_the_run() -> None:
    """What events would lead to is seen in the draft alone, message by message too."""
    story = Story().launch("host-build")
    draft = story.seen.draft()
    told: tuple[Event, ...] = (_STEP_END, _ATTEMPT_END, _END, _TOLD)
    for number, event in enumerate(told, 100):
        draft.apply(Recorded(run=story.seen.run, seq=number, at=START, epoch=1, event=event))
    assert (draft.stages["host-build"].state, list(draft.messages)) == ("failed", ["k"])
    assert (story.seen.stages["host-build"].state, list(story.seen.messages)) == ("running", [])
    assert [one.state for one in draft.stages.values()].count("failed") == 1
    assert list(draft.stages) == list(story.seen.stages)
    assert ("host-build" in draft.stages, "zzz" in draft.stages) == (True, False)


def test_a_stage_that_was_moved_has_not_recovered() -> None:
    """A move, and a launch that never was, are no setbacks."""
    story = Story().launch("host-build")
    moved = events.AttemptFinished(**_OF, status=StageStatus.LOST, reason="moved")
    story.tell(moved)
    story.launch("host-build", 2).stage_ends("host-build", StageStatus.SUCCEEDED)
    stage = story.seen.stages["host-build"]
    assert ([moved], [], False) == (stage.failures, stage.setbacks, stage.recovered)


def test_the_next_try_and_attempt_have_a_time() -> None:
    """`retry_at` is when the next try or attempt is due, and nothing once that runs."""
    story = Story()
    stage = story.seen.stages["host-build"]
    story.tell(_STARTED)
    story.tell(_TRY, 10)
    assert stage.retry_at == START + 15
    story.launch("host-build")
    assert stage.retry_at is None
    story.tell(_ATTEMPT_END)
    story.tell(_RETRY, 10)
    assert stage.retry_at == START + 25


def test_the_run_knows_who_drives_it_and_what_people_were_not_told() -> None:
    """Controllers come and go, a cancel stays, and a refused message is remembered."""
    story = Story()
    before = story.seen.controller
    story.tell(events.CancelRequested(by="mina"))
    story.tell(events.CancelRequested(by="dev2"))
    story.tell(events.ControllerDetached(reason="hangup"))
    story.tell(events.NotificationDue(key="k", channel="discord", topic="failed", text="t"))
    assert story.seen.untold == []
    story.tell(events.NotificationResult(key="k", ok=False, message="429"))
    story.tell(events.NotificationResult(key="unknown", ok=False))
    assert (
        before,
        story.seen.controller,
        story.seen.detached,
        story.seen.cancel_requested,
    ) == ((4711, "laptop"), None, "hangup", "mina")
    assert [(due.channel, answer.message) for due, answer in story.seen.untold] == [
        ("discord", "429")
    ]


def test_orphans_are_known_until_they_are_gone() -> None:
    """A job that may be alive is listed with its server until that confirms its death."""
    story = Story()
    stage = story.seen.stages["host-build"]
    story.tell(events.OrphanNoted(**_ON, job="j"))
    assert {("ccu2-builder", "j")} == stage.orphans
    story.tell(events.OrphanGone(**_ON, job="j"))
    assert set() == stage.orphans


def _ended(status: RunStatus, ends: dict[str, dict[str, Any]]) -> RunView:
    story = Story()
    for name, end in ends.items():
        story.launch(name).stage_ends(name, **end)
    story.tell(events.RunFinished(status=status, seconds=9.0, results="/r"))
    return story.seen


@pytest.mark.parametrize(
    ("status", "first", "second", "code"),
    [
        (RunStatus.SUCCEEDED, "succeeded", "succeeded", 0),
        (RunStatus.FAILED, "failed", "succeeded", 1),
        (RunStatus.FAILED, "timed_out", "lost", 1),
        (RunStatus.FAILED, "lost", "succeeded", 3),
        (RunStatus.FAILED, "unreachable", "skipped", 3),
        (RunStatus.FAILED, "no_space", "cancelled", 3),
        (RunStatus.FAILED, "succeeded", "succeeded", 1),
        (RunStatus.CANCELLED, "failed", "cancelled", 130),
    ],
)
def test_exit_code_has_a_precedence(status: RunStatus, first: str, second: str, code: int) -> None:
    """Cancelled beats failed, failed beats infrastructure, infrastructure beats success."""
    ends = {"yocto-image": first, "host-build": second}
    view = _ended(status, {name: {"status": StageStatus(end)} for name, end in ends.items()})
    assert code == exit_code(view)


def test_an_allowed_failure_is_not_in_the_exit_code() -> None:
    """What was allowed to fail does not hide that the infrastructure failed elsewhere."""
    ends: dict[str, dict[str, Any]] = {
        "yocto-image": {"status": StageStatus.FAILED, "allowed": True},
        "host-build": {"status": StageStatus.LOST},
    }
    assert exit_code(_ended(RunStatus.FAILED, ends)) == 3


def test_a_run_without_end_has_the_code_of_a_detached_one() -> None:
    """75 says that the controller left and builds go on; the last line says `interrupted`."""
    view = half_way().seen
    line = run_finished_line(view)
    assert (exit_code(view), line["status"]) == (75, "interrupted")
    assert [stage["status"] for stage in line["stages"].values()] == [
        "running",
        "succeeded",
        "waiting",
    ]
    assert line["seconds"] == 1320.0


def test_the_last_line_has_everything_that_programs_need() -> None:
    """The last line of `run --json` holds the documented keys, with absolute log paths."""
    story = half_way()
    story.stage_ends("yocto-image", StageStatus.FAILED, 60, signal=9, reason="oom", errors=3)
    story.stage_ends("integration-test", StageStatus.SKIPPED, reason="yocto-image failed")
    story.tell(events.RunFinished(status=RunStatus.FAILED, seconds=1380.0, results="/r"))
    line = run_finished_line(story.seen)
    stages = line.pop("stages")
    assert line == {
        "event": "run_finished",
        "run": "0714-2",
        "at": "2026-07-14T13:23:00.000Z",
        "schema": 1,
        "status": "failed",
        "seconds": 1380.0,
        "results": "/home/dev1/results/0714-2",
        "reason": None,
        "exit_code": 1,
        "orphans": [],
    }
    assert stages["yocto-image"] == {
        "status": "failed",
        "exit_code": None,
        "signal": 9,
        "reason": "oom",
        "allowed": False,
        "attempts": 1,
        "server": "yocto-builder",
        "seconds": 1380.0,
        "errors": 3,
        "warnings": 0,
        "first_error": None,
        "log": "/home/dev1/results/0714-2/yocto-image/attempt-1.log",
        "log_complete": True,
        "started_at": "2026-07-14T13:00:00.000Z",
        "from_run": None,
        "wait": None,
    }
    assert tuple(stages["host-build"][key] for key in ("attempts", "warnings", "status")) == (
        2,
        2,
        "succeeded",
    )
    assert tuple(
        stages["integration-test"][key]
        for key in ("status", "reason", "log", "started_at", "attempts")
    ) == ("skipped", "yocto-image failed", None, None, 0)


def test_a_stage_that_an_earlier_run_built_names_that_run() -> None:
    """`from_run` is the parent for a stage that was taken over from it, and null otherwise."""
    story = Story(parent="0714-1")
    story.stage_ends("yocto-image", StageStatus.UP_TO_DATE)
    story.launch("host-build").stage_ends("host-build", StageStatus.SUCCEEDED)
    stages = run_finished_line(story.seen)["stages"]
    assert [stage["from_run"] for stage in stages.values()] == ["0714-1", None, None]


def test_a_stored_run_gives_the_same_view() -> None:
    """`RunView.of` gives what applying each event as it came gave."""
    story = half_way()
    assert story.seen == RunView.of(story.records, lambda _: story.plan)


def test_a_record_without_its_beginning_is_damaged() -> None:
    """A record that does not begin with run_created is refused with a reason, never half read."""
    records = Story().records
    for headless in (records[1:], []):
        with pytest.raises(StoreDamaged, match="does not begin with run_created"):
            RunView.of(headless, lambda _: full_build())
    with pytest.raises(StoreDamaged):
        RunView.start(full_build(), records[1])


_ANY = [
    _STARTED,
    _TRY,
    _LAUNCHING,
    _RUNNING,
    _KILL,
    _STEP_END,
    _ATTEMPT_END,
    _RETRY,
    _END,
    events.AttemptStarted(stage="unknown", attempt=1, server="s"),
    events.LinkLost(**_ON, reason="r"),
    events.LinkRestored(**_ON),
    events.ValueRecorded(**_OF, step=1, key="k"),
    events.OrphanGone(**_ON, job="j"),
    events.NotificationResult(key="k", ok=True),
    events.ControllerDetached(reason="r"),
    events.CancelRequested(by="b"),
    events.RunCreated(pipeline="p", plan={}, nonce="n", results="/r", by="b"),
    events.RunFinished(status=RunStatus.FAILED, seconds=1.0, results="/r"),
]


@given(st.lists(st.sampled_from(_ANY), max_size=30))
def test_no_order_of_events_raises(told: list[Event]) -> None:
    """Any history can be looked at, and its last line is JSON."""
    story = Story()
    for event in told:
        story.tell(event)
    assert json.loads(json.dumps(run_finished_line(story.seen)))
    assert exit_code(story.seen) in {0, 1, 3, 75, 130}


def test_the_newest_event_dates_the_view() -> None:
    """`updated_at` and `seq` are those of the newest event: the age of what is shown."""
    story = Story()
    record: Recorded = story.tell(_STARTED, 30)
    assert (record.at, record.seq) == (story.seen.updated_at, story.seen.seq)


@pytest.mark.parametrize(
    "event",
    [
        events.MoveRequested(stage="a", attempt=0, server="two", by="me"),
        events.RetryScheduled(stage="a", attempt=2, delay=5.0, cause="lease", server="two"),
    ],
)
def test_a_stage_that_goes_elsewhere_is_shown_there(event: Event) -> None:
    """Where nothing of it runs, its server is the one that it waits for."""
    view = StageView(PlannedStage(name="a", index=0, servers=(), command="make"))
    view.apply(event, 0.0)
    assert "two" == view.server
