"""Whole summaries and states as text."""

from __future__ import annotations

import pytest

from buildorch import events
from buildorch.model import RunStatus, StageStatus
from buildorch.observers.look import Look
from buildorch.observers.progress import StageProgress
from buildorch.observers.summary import status_text, summary
from observers.story import KOREA, Story, half_way

_LOOK = Look(zone=KOREA)


def _failed() -> Story:
    story = half_way()
    story.stage_ends("yocto-image", StageStatus.SUCCEEDED, 60, warnings=1, warning="odd")
    story.launch("integration-test").stage_ends(
        "integration-test",
        StageStatus.FAILED,
        300,
        exit_code=1,
        first_error="test_restart: \x1b[31massert 3 == 4",
        log_complete=False,
    )
    story.tell(events.NotificationDue(key="k", channel="discord", topic="finished", text="t"))
    story.tell(events.NotificationResult(key="k", ok=False, message="429"))
    story.tell(events.RunFinished(status=RunStatus.FAILED, seconds=1680.0, results="/r"))
    return story


def test_the_summary_of_a_failed_run() -> None:
    """A row a stage, what broke below it, where the results are, and what to do now."""
    assert summary(_failed().seen, _LOOK) == (
        "CCU2 Full Build Pipeline FAILED in 28min, run 0714-2\n"
        "  1  yocto-image       done    23min  yocto-builder  1 warning\n"
        "     odd\n"
        "  2  host-build        done    22min  ccu2-builder   recovered, 2 warnings\n"
        "     try 1: CMake error in container-manager (SntCommon not found)\n"
        "  3  integration-test  FAILED  5min   test-runner    Exit code 1, log incomplete\n"
        "     test_restart: assert 3 == 4\n"
        "Not told: discord (429)\n"
        "Results: /home/dev1/results/0714-2\n"
        "Log:     buildorch logs 0714-2 integration-test\n"
        "Retry:   buildorch retry 0714-2\n"
    )


def test_the_summary_of_a_run_that_was_left() -> None:
    """A run without an end says that builds go on, what may still run where, and how to resume."""
    story = half_way()
    story.tell(events.OrphanNoted(stage="host-build", attempt=1, server="ccu2-builder", job="j"))
    assert summary(story.seen, _LOOK) == (
        "CCU2 Full Build Pipeline not over: its controller has left, builds on the servers go on,"
        " run 0714-2\n"
        "  1  yocto-image       running         yocto-builder\n"
        "  2  host-build        done     22min  ccu2-builder   recovered, 2 warnings\n"
        "     try 1: CMake error in container-manager (SntCommon not found)\n"
        "     job j may still run on ccu2-builder\n"
        "  3  integration-test  waiting\n"
        "Results: /home/dev1/results/0714-2\n"
        "Resume:  buildorch resume 0714-2\n"
        "Cancel:  buildorch cancel 0714-2\n"
    )


def test_status_of_a_run_that_is_driven() -> None:
    """`status` shows the board as it is now, and who drives the run."""
    story = half_way()
    text = status_text(story.seen, alive=True, now=story.at + 60, look=_LOOK)
    assert text.startswith("CCU2 Full Build Pipeline  run 0714-2  by dev1  22:23:00\n")
    assert "[running]            23min" in text
    assert text.endswith("Driven by process 4711 on laptop\n")


def test_status_of_an_interrupted_run() -> None:
    """An interrupted run shows its last facts, their age, no estimates, and how to resume."""
    story = half_way()
    story.tell(events.ControllerDetached(reason="hangup"))
    progress = {name: StageProgress(percent=80.0, eta=60.0) for name in story.seen.stages}
    text = status_text(
        story.seen, alive=False, now=story.at + 7200, progress=progress, look=_LOOK, width=80
    )
    assert text == (
        "CCU2 Full Build Pipeline  run 0714-2  by dev1  22:22:00\n" + "─" * 80 + "\n"
        "Stage 1: yocto-image       yocto-builder [████████░░]  80%    22min\n"
        "Stage 2: host-build        ccu2-builder  [██████████] done    22min  recovered\n"
        "         try 1: CMake error in container-manager (SntCommon not found)\n"
        "Stage 3: integration-test  test-runner   [waiting]     after yocto-image\n"
        + "─"
        * 80
        + "\n"
        "Errors: 1 (recovered)  Warnings: 2\n"
        "INTERRUPTED (hangup): nobody drives this run; builds on the servers go on.\n"
        "The facts above are from 2026-07-14 22:22 (2h ago).\n"
        "Resume:  buildorch resume 0714-2\n"
        "Cancel:  buildorch cancel 0714-2\n"
    )


@pytest.mark.parametrize("seen", [True, False])
def test_status_of_an_interrupted_cancel(seen: bool) -> None:
    """Where the cancel is ordered, seen by a controller or not, no build is said to go on."""
    story = half_way()
    if seen:
        story.tell(events.CancelRequested(by="mina"))
    story.tell(events.ControllerDetached(reason="hangup"))
    text = status_text(story.seen, alive=False, now=story.at, ordered=not seen, look=_LOOK)
    assert "go on" not in text
    assert "the kill of its builds is ordered, and not all of it is confirmed." in text


def test_status_of_a_run_that_is_over() -> None:
    """A run that is over has its summary and when that was."""
    story = _failed()
    text = status_text(story.seen, alive=False, now=story.at + 600, look=_LOOK)
    assert text == summary(story.seen, _LOOK) + "Ended 22:28 (10min ago)\n"


def test_a_summary_names_the_logs_that_are_worth_a_look() -> None:
    """Only stages that failed by something that a log tells have a `logs` line."""
    story = Story()
    story.stage_ends("yocto-image", StageStatus.CANCELLED)
    story.stage_ends("host-build", StageStatus.LOST, reason="rebooted")
    story.tell(events.RunFinished(status=RunStatus.CANCELLED, seconds=1.0, results="/r"))
    text = summary(story.seen, _LOOK)
    assert [line for line in text.splitlines() if "logs" in line] == [
        "Log:     buildorch logs 0714-2 host-build"
    ]
    assert "cancelled in 1s" in text


@pytest.mark.parametrize("alive", [True, False])
def test_a_job_that_may_live_is_listed_driven_or_not(alive: bool) -> None:
    """Whoever looks at a run sees for which server it cannot end, and how it ends without it."""
    story = half_way()
    story.tell(events.OrphanNoted(stage="host-build", attempt=1, server="s", job="j"))
    text = status_text(story.seen, alive=alive, now=story.at, look=_LOOK)
    assert "Waits for s to confirm that job j is dead\n" in text
    assert "Abandon: buildorch cancel 0714-2 --abandon\n" in text
