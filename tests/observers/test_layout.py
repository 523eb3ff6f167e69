"""Whole boards compared as text, and the laws that hold for every board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch import events
from buildorch.job import Wait
from buildorch.model import Plan, RunStatus, StageStatus
from buildorch.observers.layout import render
from buildorch.observers.look import Look, width_of
from buildorch.observers.progress import Left, StageProgress, Totals, time_left, totals
from observers.story import KOREA, START, Story, full_build, half_way, planned

_LOOK = Look(zone=KOREA)
_HALF = {
    "yocto-image": StageProgress(
        percent=80.0,
        last_line="linux-s32 do_compile, task 3293 of 4116, sstate 97%",
        warnings=10,
        eta=540.0,
    ),
    "integration-test": StageProgress(eta=3600.0),
}


def _board(
    story: Story,
    progress: Mapping[str, StageProgress],
    width: int,
    height: int | None = None,
    *,
    look: Look = _LOOK,
    later: float = 0.0,
) -> str:
    lines = render(
        story.seen, progress, story.at + later, width, height, look=look, hint="detached: d"
    )
    return "\n".join(line.text for line in lines)


def _text(board: str) -> str:
    """Return an expected board as it is written below, without the first and last line break."""
    return board.strip("\n")


def test_the_board_of_the_day_in_80_columns() -> None:
    """The board shows what runs, what recovered and what waits, in exactly 80 columns."""
    assert _board(half_way(), _HALF, 80, 24, later=840) == _text("""
CCU2 Full Build Pipeline  run 0714-2  by dev1  22:36:00
────────────────────────────────────────────────────────────────────────────────
Stage 1: yocto-image       yocto-builder [████████░░]  80%    36min  left  9min
         linux-s32 do_compile, task 3293 of 4116, sstate 97%
Stage 2: host-build        ccu2-builder  [██████████] done    22min  recovered
         try 1: CMake error in container-manager (SntCommon not found)
Stage 3: integration-test  test-runner   [waiting]     after yocto-image
────────────────────────────────────────────────────────────────────────────────
Errors: 1 (recovered)  Warnings: 12  ETA: 1h 9min (23:45)
detached: d
""")


def test_the_board_without_drawing_characters() -> None:
    """Where blocks cannot be drawn, `#`, `-` and `..` stand in the same columns."""
    look = Look.ascii("ascii")
    story = half_way()
    board = _board(story, _HALF, 80, look=look)
    assert board.isascii()
    assert "yocto-builder [########--]  80%    22min  left  9min" in board
    assert "-" * 80 in board


def test_the_board_in_40_columns() -> None:
    """Narrow boards leave out servers, bars and the time left, and keep names readable."""
    assert _board(half_way(), _HALF, 40, later=840) == _text("""
CCU2 Full Build P…  run 0714-2  22:36:00
────────────────────────────────────────
1: yocto-image         80%    36min
   linux-s32 do_compile, task 3293 of 4…
2: host-build         done    22min
   try 1: CMake error in container-mana…
3: integration-test  waiting  after yoc…
────────────────────────────────────────
Errors: 1 (recovered)  Warnings: 12
detached: d
""")


def test_the_board_in_20_columns() -> None:
    """Even 20 columns show names and percents."""
    assert _board(half_way(), _HALF, 20, later=840) == _text("""
CCU2 Full Build Pip…
────────────────────
1: yocto-ima…    80%
 linux-s32 do_compi…
2: host-build   done
 try 1: CMake error…
3: integrati…  wait…
────────────────────
Errors: 1 (recovere…
detached: d
""")


def _troubled() -> Story:
    """Return a run with a stage in each kind of trouble."""
    names = ("build", "lint", "docs", "image", "flash", "push", "clean", "old")
    plan = Plan(
        name="trouble",
        stages=tuple(planned(name, index, "srv") for index, name in enumerate(names)),
    )
    story = Story(plan, parent="0714-1")
    story.launch("build").stage_ends(
        "build", StageStatus.FAILED, 60, exit_code=2, first_error="a.c:1: [red]boom\x1b[31m"
    )
    story.launch("lint").stage_ends(
        "lint", StageStatus.FAILED, 5, exit_code=1, first_error="style", allowed=True
    )
    story.launch("docs")
    story.tell(events.LinkLost(stage="docs", attempt=1, server="srv", reason="no answer"), 55)
    story.tell(events.AttemptStarted(stage="image", attempt=1, server="srv"))
    story.tell(
        events.ConnectFailed(
            stage="image",
            attempt=1,
            server="srv",
            reason="refused",
            message="nothing listens on srv port 22",
            tries=2,
            retry_in=130.0,
        )
    )
    story.launch("flash").attempt_ends("flash", StageStatus.LOST, reason="rebooted")
    story.retries("flash", 125)
    story.launch("push")
    story.tell(events.KillRequested(stage="push", attempt=1, step=1, reason="cancelled"))
    story.stage_ends("old", StageStatus.UP_TO_DATE)
    story.at += 120
    return story


def test_every_kind_of_trouble_says_what_it_is() -> None:
    """Failed, allowed, unlinked, connecting, retried, stopping, queued: each in its own words."""
    progress = {"docs": StageProgress(last_line="hidden while the link is lost")}
    assert _board(_troubled(), progress, 80) == _text("""
trouble  run 0714-2  by dev1  22:04:00
────────────────────────────────────────────────────────────────────────────────
Stage 1: build  srv [FAILED]      1min, Exit code 2
         a.c:1: [red]boom
Stage 2: lint   srv [FAILED]      5s, allowed, Exit code 1
         style
Stage 3: docs   srv [running]             3min
         no answer since 22:02 (2min): the build goes on, reconnecting
Stage 4: image  srv [connecting]  try 2: refused, again in 10s
         nothing listens on srv port 22
Stage 5: flash  srv [retry]       try 2 in 5s
         try 1: The server rebooted
Stage 6: push   srv [stopping]    2min, cancelled
Stage 7: clean  srv [queued]      for a free slot
Stage 8: old    srv [up to date]  from run 0714-1
────────────────────────────────────────────────────────────────────────────────
Errors: 2  Warnings: 0
detached: d
""")


def test_a_wait_says_for_what_and_who_has_it() -> None:
    """A command that has not begun shows no bar; a bitbake that waits for another's has one."""
    stages = (planned("tests", 0, "rack"), planned("image", 1, "yocto"))
    story = Story(Plan(name="waits", stages=stages))
    rack = Wait(kind="lock", name="rack/1", user="mina", run="0714-1", stage="t", seconds=600.0)
    build = Wait(kind="bitbake", name="/build", user="mina", pid=7)
    for name, wait in (("tests", rack), ("image", build)):
        story.launch(name)
        story.tell(events.StepWaiting(stage=name, attempt=1, step=1, wait=wait))
    assert _board(story, {}, 80) == _text("""
waits  run 0714-2  by dev1  22:00:00
────────────────────────────────────────────────────────────────────────────────
Stage 1: tests  rack  [waiting]     rack/1, 1st in line
         held by mina, run 0714-1 t, since 21:50
Stage 2: image  yocto [running]               0s
         held by mina, pid 7
────────────────────────────────────────────────────────────────────────────────
Errors: 0  Warnings: 0
detached: d
""")


def test_a_finished_run_says_how_it_ended() -> None:
    """A board of a run that is over has its end instead of an ETA, and no keys to press."""
    story = half_way()
    story.stage_ends("yocto-image", StageStatus.NO_SPACE, 60, reason="no_space")
    story.stage_ends("integration-test", StageStatus.SKIPPED, reason="yocto-image no_space")
    story.tell(events.RunFinished(status=RunStatus.FAILED, seconds=1380.0, results="/r"))
    assert _board(story, {}, 80) == _text("""
CCU2 Full Build Pipeline  run 0714-2  by dev1  22:23:00
────────────────────────────────────────────────────────────────────────────────
Stage 1: yocto-image       yocto-builder [NO SPACE]    23min, The disk is full
Stage 2: host-build        ccu2-builder  [██████████] done    22min  recovered
         try 1: CMake error in container-manager (SntCommon not found)
Stage 3: integration-test  test-runner   [skipped]     yocto-image no_space
────────────────────────────────────────────────────────────────────────────────
Errors: 2 (1 recovered)  Warnings: 2  failed in 23min
""")


def test_a_cancel_is_said() -> None:
    """While a run is being cancelled every board says so, a wide one who asked, without an ETA."""
    story = half_way()
    story.tell(events.CancelRequested(by="mina"))
    footer = "Cancelling, asked by mina  Errors: 1 (recovered)  Warnings: 12\n"
    assert footer in _board(story, _HALF, 80)
    assert "Cancelling" in _board(story, _HALF, 20)


def test_korean_names_align() -> None:
    """Wide characters take two columns: what follows them stands in one column everywhere."""
    plan = Plan(
        name="빌드",
        title="전체 빌드",
        stages=(
            planned("이미지-빌드", 0, "서버1"),
            planned("host", 1, "s2"),
            planned("통합-시험", 2, "서버3", after=("이미지-빌드",)),
        ),
    )
    story = Story(plan, by="민아").launch("이미지-빌드").launch("host")
    progress = {
        "이미지-빌드": StageProgress(percent=50, last_line="작업 1/2 진행 중", eta=60),
        "host": StageProgress(percent=7),
    }
    assert _board(story, progress, 80) == _text("""
전체 빌드  run 0714-2  by 민아  22:00:00
────────────────────────────────────────────────────────────────────────────────
Stage 1: 이미지-빌드  서버1 [█████░░░░░]  50%       0s  left  1min
         작업 1/2 진행 중
Stage 2: host         s2    [░░░░░░░░░░]   7%       0s
Stage 3: 통합-시험    서버3 [waiting]     after 이미지-빌드
────────────────────────────────────────────────────────────────────────────────
Errors: 0  Warnings: 0
detached: d
""")


def _many() -> Story:
    """Return a run of 40 stages: 12 done, one failed, one recovered, two running, the rest not."""
    names = [f"stage-{number:02d}" for number in range(1, 41)]
    stages = [
        planned(name, index, "srv", after=() if index < 20 else (names[index - 20],))
        for index, name in enumerate(names)
    ]
    story = Story(Plan(name="many", stages=tuple(stages)))
    for name in names[:12]:
        story.launch(name).stage_ends(name, StageStatus.SUCCEEDED, 1)
    story.launch(names[12]).stage_ends(
        names[12], StageStatus.FAILED, 1, exit_code=1, first_error="boom"
    )
    story.launch(names[13]).attempt_ends(names[13], StageStatus.FAILED, first_error="once")
    story.retries(names[13]).launch(names[13], 2).stage_ends(names[13], StageStatus.SUCCEEDED, 1)
    story.stage_ends("stage-33", StageStatus.SKIPPED, reason="stage-13 failed")
    return story.launch(names[14]).launch(names[15])


_MANY = {
    "stage-15": StageProgress(percent=10.0, last_line="compiling"),
    "stage-16": StageProgress(percent=20.0, last_line="linking"),
}


def test_forty_stages_fold_to_what_matters() -> None:
    """In 16 lines: what failed, runs and recovered in full, then the next; the rest is counted."""
    assert _board(_many(), _MANY, 80, 16) == _text("""
many  run 0714-2  by dev1  22:00:14
────────────────────────────────────────────────────────────────────────────────
Stage 13: stage-13  srv [FAILED]      1s, Exit code 1
          boom
Stage 14: stage-14  srv [██████████] done       1s  recovered
          try 1: once
Stage 15: stage-15  srv [█░░░░░░░░░]  10%       0s
          compiling
Stage 16: stage-16  srv [██░░░░░░░░]  20%       0s
          linking
Stage 17: stage-17  srv [queued]      for a free slot
Stage 18: stage-18  srv [queued]      for a free slot
+12 done  +15 queued  +1 skipped  +6 waiting
────────────────────────────────────────────────────────────────────────────────
Errors: 2 (1 recovered)  Warnings: 0
detached: d
""")


@pytest.mark.parametrize(
    ("height", "board"),
    [
        (
            7,
            """
many  run 0714-2  by dev1  22:00:14
13: stage-13  [FAILED]      1s, Exit code 1
14: stage-14  [██████████] done       1s  recovered
15: stage-15  [█░░░░░░░░░]  10%       0s
16: stage-16  [██░░░░░░░░]  20%       0s
+12 done  +17 queued  +1 skipped  +6 waiting
Errors: 2 (1 recovered)  Warnings: 0
""",
        ),
        (
            4,
            """
many  run 0714-2  by dev1  22:00:14
13: stage-13  [FAILED]      1s, Exit code 1
+13 done  +2 running  +17 queued  +1 skipped  +6 waiting
Errors: 2 (1 recovered)  Warnings: 0
""",
        ),
        (1, "many  run 0714-2  by dev1  22:00:14"),
    ],
)
def test_the_less_room_the_less_is_said(height: int, board: str) -> None:
    """Low terminals lose rules, hints and details first, then what matters least."""
    assert _board(_many(), _MANY, 60, height) == _text(board)


def test_details_go_before_stages() -> None:
    """Where every stage fits without its detail, none is folded away."""
    board = _board(half_way(), _HALF, 80, 6)
    assert [line.split()[1] for line in board.splitlines() if line.startswith("Stage")] == [
        "1:",
        "2:",
        "3:",
    ]
    assert "+" not in board


def test_percent_is_below_100_until_the_end() -> None:
    """Only the end of a stage makes it 100 %, whatever its tool prints."""
    story = Story().launch("yocto-image")
    board = _board(story, {"yocto-image": StageProgress(percent=100.0)}, 80)
    assert "99%" in board
    assert "done" not in board


def test_a_second_attempt_is_told_with_its_log() -> None:
    """While an attempt runs its last line is shown with its number; before, what failed."""
    story = Story().launch("host-build").attempt_ends("host-build", StageStatus.FAILED)
    story.retries("host-build").launch("host-build", 2)
    assert "try 1: failed" in _board(story, {}, 80)
    assert "try 2: make" in _board(story, {"host-build": StageProgress(last_line="make")}, 80)


def test_time_left_is_the_longest_chain() -> None:
    """The run is over when its longest chain is; with an unknown stage nobody knows."""
    story = half_way()
    assert time_left(story.seen, _HALF) == Left(540 + 3600)
    assert time_left(story.seen, {"yocto-image": _HALF["yocto-image"]}) is None


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (80, "ETA: 1h 9min (23:31, give or take 9min)"),
        (60, "ETA: 1h 9min (23:31)"),
        (40, "Warnings: 12"),
    ],
)
def test_how_far_an_end_may_be_wrong_is_left_out_first(width: int, said: str) -> None:
    """On a narrow board the end stays longer than its spread."""
    sure = {name: attrs.evolve(one, spread=400.0) for name, one in _HALF.items()}
    (line,) = [one for one in _board(half_way(), sure, width).splitlines() if "Warnings" in one]
    assert line.endswith(said)


def test_a_spread_is_known_where_all_of_the_chain_is() -> None:
    """The parts of the longest chain add up as independent times do; others do not count."""
    story = half_way()
    chain = {"yocto-image": (540.0, 30.0), "integration-test": (3600.0, 40.0)}
    known = {name: StageProgress(eta=eta, spread=by) for name, (eta, by) in chain.items()}
    assert time_left(story.seen, known) == Left(4140.0, 50.0)
    unsure = {**known, "yocto-image": StageProgress(eta=540.0)}
    assert time_left(story.seen, unsure) == Left(4140.0)


def test_a_guess_is_marked() -> None:
    """A percent of the history alone has a tilde."""
    board = _board(half_way(), {"yocto-image": StageProgress(percent=40.0, guessed=True)}, 80)
    assert "~40%" in board


def test_totals_count_failures_without_a_known_error() -> None:
    """A failed stage counts as an error although its log names none; an allowed one does not."""
    found = totals(_troubled().seen, {})
    assert (found.errors, found.recovered, found.warnings) == (2, 0, 0)


def _waiting_for_an_orphan() -> Story:
    story = half_way()
    server = "yocto-builder"
    story.tell(events.OrphanNoted(stage="host-build", attempt=1, server=server, job="j"))
    return story


@pytest.mark.parametrize("width", [20, 40, 60, 80])
def test_a_job_that_may_live_is_the_first_word_of_the_footer(width: int) -> None:
    """What a run hangs on is cut last: while stages go on, once they ended, and in a cancel."""
    story = _waiting_for_an_orphan()
    goes_on = "A job may still run on yocto-builder"
    assert goes_on[: width - 1] in _board(story, _HALF, width)
    story.stage_ends("yocto-image", StageStatus.SUCCEEDED, 60)
    story.stage_ends("integration-test", StageStatus.SKIPPED)
    waits = "Waiting for yocto-builder to confirm that a job is dead"
    assert waits[: width - 1] in _board(story, {}, width)
    story.tell(events.CancelRequested(by="mina"))
    waits = "Cancelling: waiting for yocto-builder to confirm that a job is dead"
    assert waits[: width - 1] in _board(story, {}, width)


def _locked(**fields: Any) -> Story:
    story = Story().launch("yocto-image").launch("host-build")
    wait = Wait(kind="lock", name="/srv/build/ccu2/rack", place=2, user="mina", **fields)
    story.tell(events.StepWaiting(stage="host-build", attempt=1, step=1, wait=wait))
    return story


def test_nobody_knows_how_long_a_lock_takes() -> None:
    """While a stage waits for a lock there is no ETA, nor is there one of no time at all."""
    known = {name: StageProgress(eta=60.0) for name in Story().seen.stages}
    assert time_left(Story().seen, known) == Left(120.0)
    assert time_left(_locked().seen, known) is None
    nothing = {name: StageProgress(eta=0.0) for name in Story().seen.stages}
    assert "ETA" not in _board(Story(), nothing, 80)


@pytest.mark.parametrize("width", [40, 50, 60, 70, 80, 100])
def test_a_narrow_board_keeps_the_place_and_the_holders_stage(width: int) -> None:
    """The lock's name and the run's id are cut first, then it is not said since when."""
    story = _locked(run="20260714-093012-4fa2c1", stage="tests", seconds=600.0)
    board = _board(story, {}, width)
    assert "2nd in" in board
    assert ("2nd in line" in board) == (width > 40)
    assert "held by mina, run 20260714-0930" in board
    assert "tests" in board
    assert ("20260714-093012-4fa2c1" in board) == (width >= 70)


def test_a_move_is_no_error() -> None:
    """A stage that goes on elsewhere has not failed: neither while it is due nor in the end."""
    story = Story().launch("host-build")
    story.attempt_ends("host-build", StageStatus.LOST, 5, reason="moved", errors=3)
    story.tell(events.RetryScheduled(stage="host-build", attempt=2, delay=0.0, cause="moved"))
    assert totals(story.seen, {}) == Totals(errors=0, recovered=0, warnings=0)
    story.launch("host-build", 2).stage_ends("host-build", StageStatus.SUCCEEDED, 5)
    assert totals(story.seen, {}) == Totals(errors=0, recovered=0, warnings=0)


_HOSTILE = st.text(alphabet="ab [red]\x1b\r\n\t한글日\u202e\u0301\udcff█é", max_size=60)


@given(
    name=_HOSTILE,
    line=_HOSTILE,
    width=st.integers(1, 130),
    height=st.one_of(st.none(), st.integers(1, 40)),
    look=st.sampled_from((_LOOK, Look.ascii("cp949"))),
)
def test_no_board_is_wider_or_higher_than_the_terminal(
    name: str, line: str, width: int, height: int | None, look: Look
) -> None:
    """Whatever names and logs hold, the board fits and holds nothing that a terminal obeys."""
    plan = full_build()
    story = Story(Plan(name=name, stages=plan.stages), by=name).launch("host-build")
    story.attempt_ends("host-build", StageStatus.FAILED, first_error=line)
    story.retries("host-build", 100).launch("yocto-image")
    progress = {"yocto-image": StageProgress(percent=50.0, last_line=line, eta=1e6)}
    board = render(story.seen, progress, START, width, height, look=look, hint=name and "d")
    assert 1 <= len(board) <= (height or 40)
    for row in board:
        assert width_of(row.text) <= width
        assert row.text.isprintable()
