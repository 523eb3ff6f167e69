"""Laws of plain lines: one a fact, safe to print, with the end of a failed log and a summary."""

from __future__ import annotations

import io
import re

import pytest

from buildorch import events
from buildorch.job import Wait
from buildorch.model import FunctionRef, Plan, RunStatus, StageStatus
from buildorch.observers.lines import Lines, no_tail
from buildorch.observers.look import Look
from buildorch.observers.sentences import unconfirmed
from buildorch.view import RunView
from observers.story import KOREA, Story, half_way, planned

_LOOK = Look(zone=KOREA)


def _told(story: Story, *, quiet: bool = False, verbose: bool = False, log: str = "") -> str:
    """Return the lines of a whole story, without the summary."""
    stream = io.StringIO()
    tail = (lambda _: log.splitlines()) if log else no_tail
    lines = Lines(stream, tail=tail, look=_LOOK, quiet=quiet, verbose=verbose)
    view: RunView | None = None
    for record in story.records:
        if view is None:
            view = RunView.start(story.plan, record)
        else:
            view.apply(record)
        lines.see(view, record)
    return stream.getvalue()


def test_a_run_is_told_line_by_line() -> None:
    """Each fact is one line with its local time; a failure shows the end of its log."""
    story = half_way()
    story.tell(
        events.LinkLost(stage="yocto-image", attempt=1, server="yocto-builder", reason="cut"), 60
    )
    story.tell(events.LinkRestored(stage="yocto-image", attempt=1, server="yocto-builder"), 60)
    story.stage_ends("yocto-image", StageStatus.SUCCEEDED, 60, warning="odd")
    story.launch("integration-test")
    story.tell(
        events.KillRequested(stage="integration-test", attempt=1, step=1, reason="timeout"), 5
    )
    story.stage_ends("integration-test", StageStatus.TIMED_OUT, 5, reason="timeout", signal=9)
    log = "one\n\x1b[31m[red]two\x1b[0m\n"
    assert _told(story, log=log) == (
        "22:00:00 ccu2-full-build started by dev1: 3 stages, run 0714-2\n"
        "22:00:00 yocto-image started on yocto-builder\n"
        "22:00:00 host-build started on ccu2-builder (attempt 1 of 2)\n"
        "22:04:00 host-build failed after 4min: "
        "CMake error in container-manager (SntCommon not found)\n"
        "    | one\n"
        "    | [red]two\n"
        "22:04:00 host-build attempt 2 of 2 starts now\n"
        "22:04:00 host-build started on ccu2-builder (attempt 2 of 2)\n"
        "22:22:00 host-build recovered after 22min\n"
        "22:23:00 yocto-image connection to yocto-builder lost (cut): "
        "the build goes on there, reconnecting\n"
        "22:24:00 yocto-image connected to yocto-builder again\n"
        "22:25:00 yocto-image succeeded after 25min: odd\n"
        "22:25:00 integration-test started on test-runner\n"
        "22:25:05 integration-test is being stopped (timeout)\n"
        "22:25:10 integration-test timed out after 10s: "
        "Killed by signal 9, Longer than its timeout\n"
        "    | one\n"
        "    | [red]two\n"
    )


_CONNECT = {"stage": "host-build", "attempt": 1, "server": "ccu2-builder"}


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            events.ConnectFailed(
                stage="host-build",
                attempt=1,
                server="ccu2-builder",
                reason="refused",
                message="nothing listens",
                tries=1,
                retry_in=5.0,
            ),
            "host-build cannot connect to ccu2-builder (try 1): nothing listens; next try in 5s",
        ),
        (
            events.ConnectFailed(
                stage="host-build",
                attempt=1,
                server="ccu2-builder",
                reason="refused",
                message="nothing listens",
                tries=4,
                fallback="spare",
            ),
            "host-build cannot connect to ccu2-builder (try 4): nothing listens; goes to spare",
        ),
        (
            events.RetryScheduled(
                stage="host-build", attempt=2, delay=10.0, cause="infrastructure"
            ),
            "host-build attempt 2 starts in 10s, since the infrastructure failed",
        ),
        (
            events.StepWaiting(
                stage="host-build",
                attempt=1,
                step=1,
                wait=Wait(kind="lock", name="rack/1", place=2, user="mina", seconds=60.0),
            ),
            "host-build waits for rack/1, 2nd in line: held by mina, for 1min",
        ),
        (events.StepWaiting(stage="host-build", attempt=1, step=1), "host-build goes on"),
        (events.CancelRequested(by="mina"), "cancel requested by mina"),
        (
            events.ControllerDetached(reason="hangup"),
            "detached (hangup): builds on the servers go on; buildorch resume 0714-2",
        ),
        (
            events.OrphanNoted(stage="host-build", attempt=1, server="s", job="j"),
            (
                "host-build may still run on s; "
                "it is stopped once that answers, while a run waits for it"
            ),
        ),
        (
            events.OrphanGone(stage="host-build", attempt=1, server="s", job="j"),
            "host-build is gone from s",
        ),
        (
            events.StageFinished(stage="host-build", status=StageStatus.SKIPPED, reason="a failed"),
            "host-build skipped: a failed",
        ),
        (
            events.StageFinished(stage="host-build", status=StageStatus.FAILED, allowed=True),
            "host-build failed: allowed to fail",
        ),
    ],
)
def test_a_fact_is_one_line(event: events.Event, line: str) -> None:
    """Each kind of fact has its sentence."""
    story = Story()
    story.tell(event)
    assert _told(story).splitlines()[1:] == [f"22:00:00 {line}"]


def test_a_channel_that_was_not_told_is_named() -> None:
    """A refused message is a line; one that was taken is none."""
    story = Story()
    story.tell(events.NotificationDue(key="k", channel="discord", topic="failed", text="t"))
    story.tell(events.NotificationResult(key="k", ok=False, message="429"))
    story.tell(events.NotificationResult(key="k", ok=True))
    assert _told(story).splitlines()[1:] == ["22:00:00 discord was not told (failed): 429"]


def test_quiet_tells_what_goes_wrong() -> None:
    """With `quiet` only trouble is told."""
    told = _told(half_way(), quiet=True)
    assert [line[:33] for line in told.splitlines()] == ["22:04:00 host-build failed after "]


def test_verbose_tells_details() -> None:
    """With `verbose` connections, commands and files are told as well."""
    story = Story().launch("yocto-image")
    story.tell(events.ArtifactStored(stage="yocto-image", path="a.wic", size=3000, sha256="0"))
    details = re.compile(r"driven by|connecting to|step 1 on|collected a.wic \(3,000")
    assert details.findall(_told(story)) == []
    assert details.findall(_told(story, verbose=True)) == [
        "driven by",
        "connecting to",
        "step 1 on",
        "collected a.wic (3,000",
    ]


def test_a_stage_function_starts_once() -> None:
    """A stage function is told to start when it does, not with each of its commands."""
    function = FunctionRef(module="m", qualname="f")
    stage = planned("f", 0, "ccu2-builder", function=function)
    story = Story(Plan(name="p", stages=(stage,)))
    story.tell(events.AttemptStarted(stage="f", attempt=1, server="ccu2-builder"))
    for step in (0, 1, 2):
        story.tell(events.StepStarted(stage="f", attempt=1, step=step))
    assert _told(story).splitlines()[1:] == ["22:00:00 f started on ccu2-builder"]


def test_the_summary_comes_once_at_the_end() -> None:
    """`close` writes the summary, a second `close` nothing."""
    stream = io.StringIO()
    lines = Lines(stream, look=_LOOK)
    story = half_way()
    story.tell(events.RunFinished(status=RunStatus.SUCCEEDED, seconds=60.0, results="/r"))
    lines.see(story.seen, story.records[-1])
    lines.close()
    lines.close()
    assert stream.getvalue().count("CCU2 Full Build Pipeline succeeded in 1min, run 0714-2\n") == 1


def test_a_stream_that_is_gone_stops_nothing() -> None:
    """A closed pipe ends the lines, never the run."""
    stream = io.StringIO()
    lines = Lines(stream, look=_LOOK)
    stream.close()
    story = half_way()
    lines.see(story.seen, story.records[-1])
    lines.close()


_WAITS = (
    "waits for s to confirm that nothing of run 0714-2 lives there; "
    "`buildorch cancel 0714-2 --abandon` ends it without that"
)


def _orphaned() -> Story:
    story = half_way()
    story.tell(events.OrphanNoted(stage="host-build", attempt=1, server="s", job="j"))
    return story


def test_a_cancel_says_whom_it_waits_for_and_how_it_ends_without() -> None:
    """A job that may live, or a server that does not answer, is named with the way out."""
    story = _orphaned()
    assert _WAITS not in _told(story)
    story.tell(events.CancelRequested(by="mina"))
    assert _told(story).count(_WAITS) == 1
    silent = half_way()
    silent.tell(events.CancelRequested(by="mina"))
    silent.tell(events.LinkLost(stage="yocto-image", attempt=1, server="s", reason="no answer"))
    told = _told(silent)
    assert "waits for yocto-builder to confirm" in told
    assert "--abandon" in told


def test_a_run_that_waits_for_nobody_says_so_by_nothing() -> None:
    """There is nothing to confirm without a job that may live, and none once it is abandoned."""
    assert unconfirmed(half_way().seen, _LOOK) == ""
    story = _orphaned()
    assert unconfirmed(story.seen, _LOOK) == _WAITS
    story.tell(events.AbandonRequested(by="mina"))
    assert unconfirmed(story.seen, _LOOK) == ""


def test_what_is_abandoned_is_not_said_to_be_stopped() -> None:
    """A job that nobody waits for may live on: where to look is said instead."""
    story = half_way()
    story.tell(events.AbandonRequested(by="mina"))
    story.tell(events.OrphanNoted(stage="yocto-image", attempt=1, server="s", job="j"))
    story.attempt_ends("yocto-image", StageStatus.LOST, reason="abandoned")
    told = _told(story)
    assert "it is stopped" not in told
    assert told.count("`buildorch servers`") == 2
