"""run, retry and resume: what is written where, and with which code it ends."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import pytest

from cli.user import Outcome, User, signalled, until

GOOD = """\
TIME good started by ME: 2 stages, run RUN
TIME a started on local
TIME a succeeded after Ns
TIME b started on local
TIME b succeeded after Ns
good succeeded in Ns, run RUN
  1  a  done  Ns  local
  2  b  done  Ns  local
Results: HERE/results/RUN
"""

BAD = """\
TIME bad started by ME: 3 stages, run RUN
TIME a started on local
TIME a succeeded after Ns
TIME b started on local
TIME b failed after Ns: error: no such thing
    | b.c:1: error: no such thing
TIME c skipped: b failed
bad FAILED in Ns, run RUN
  1  a  done     Ns  local
  2  b  FAILED   Ns  local  Exit code 3
     b.c:1: error: no such thing
  3  c  skipped             b failed
Results: HERE/results/RUN
Log:     buildorch logs RUN b
Retry:   buildorch retry RUN
"""


def lines(outcome: Outcome) -> list[dict[str, object]]:
    """Return the lines of stdout as JSON."""
    return [json.loads(line) for line in outcome.out.splitlines()]


def bad(user: User) -> None:
    """Write a pipeline whose second of three stages fails."""
    user.stages("bad", a="echo hi", b="echo 'b.c:1: error: no such thing'; exit 3", c="echo late")


def words_of(summary: str) -> str:
    """Return a text without what its columns and its own words differ in."""
    return re.sub(r"(?<=after Ns: ).*", "", summary)


def test_a_run_is_told_in_plain_lines(user: User) -> None:
    """Without a terminal a run is told in lines on stderr, ends with its summary, and with 0."""
    user.stages("good", a="echo hi", b="echo there")
    outcome = user.run("run", "good.yaml")
    assert (outcome.code, outcome.out) == (0, "")
    assert user.plain(outcome.err) == GOOD
    assert "\x1b" not in outcome.err


def test_a_failure_is_told_with_what_to_do(user: User) -> None:
    """A failed run ends with 1; its summary names the log and the command that tries again."""
    bad(user)
    outcome = user.run("run", "bad.yaml", NO_COLOR="1")
    assert (outcome.code, outcome.out) == (1, "")
    assert words_of(user.plain(outcome.err)) == words_of(BAD)
    for command in re.findall(r"buildorch (\w+) \S+", outcome.err):
        assert user.run(command, "--help").code == 0


def test_quiet_says_only_the_end(user: User) -> None:
    """`-q` leaves the summary of a good run, and says what goes wrong in a bad one."""
    user.stages("good", a="echo hi", b="echo there")
    summary = GOOD[GOOD.index("good succeeded") :]
    assert user.plain(user.run("run", "good.yaml", "-q").err) == summary
    bad(user)
    said = user.run("run", "bad.yaml", "-q").err
    assert "b failed" in said
    assert "started" not in said


def test_json_is_alone_on_stdout_and_ends_with_the_end(user: User) -> None:
    """Each line is an event with its place and time; the last is `run_finished`, with all said."""
    bad(user)
    outcome = user.run("run", "bad.yaml", "--json")
    assert (outcome.code, outcome.err) == (1, "")
    found = lines(outcome)
    assert [one["seq"] for one in found] == list(range(1, len(found) + 1))
    assert {one["run"] for one in found} == {outcome.last["run"]}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", str(one["at"])) for one in found)
    last = outcome.last
    assert (last["event"], last["status"], last["exit_code"]) == ("run_finished", "failed", 1)
    assert [stage["status"] for stage in last["stages"].values()] == [
        "succeeded",
        "failed",
        "skipped",
    ]
    failed = last["stages"]["b"]
    assert (failed["exit_code"], failed["attempts"], failed["server"]) == (3, 1, "local")
    assert Path(failed["log"]).read_text() == "b.c:1: error: no such thing\n"
    assert Path(last["results"]) == user.folder / "results" / last["run"]


@pytest.mark.parametrize(
    ("words", "ran"),
    [
        (["--until", "b"], {"a", "b"}),
        (["--only", "c"], {"c"}),
        (["--skip", "b"], {"a", "c"}),
        (["--only", "a", "--only", "c"], {"a", "c"}),
    ],
)
def test_a_selection_runs_what_it_names(user: User, words: list[str], ran: set[str]) -> None:
    """`--only`, `--until` and `--skip` choose the stages of the run."""
    user.stages("abc", a="true", b="true", c="true")
    last = user.run("run", "abc.yaml", "--json", "--results", "elsewhere", *words).last
    assert set(last["stages"]) == ran
    assert last["status"] == "succeeded"
    assert Path(last["results"]).parent == user.folder / "elsewhere"


def test_the_same_pipeline_runs_once(user: User) -> None:
    """A second run of a pipeline is refused by name, unless it is asked for."""
    user.stages("slow", a="echo begun; sleep 60")
    run = user.run("run", "slow.yaml", "--detach").out.strip()
    with user.gone(run):
        refused = user.run("run", "slow.yaml")
        assert (refused.code, refused.out) == (2, "")
        assert f"pipeline 'slow' is already running as {run} (process " in refused.err
        second = user.run("run", "slow.yaml", "--detach", "--allow-parallel").out.strip()
        assert second != run
        with user.gone(second):
            assert user.run("status", "--json").last["run"] == second


def test_a_retry_repeats_what_went_wrong(user: User) -> None:
    """A retry is a new run of the stored plan: what went well counts, with its log and parent."""
    user.stages("bad", a="echo x >> a.count", b="test -e mended", c="echo late")
    first = user.run("run", "bad.yaml", "--json").last
    assert first["status"] == "failed"
    user.write("mended", "")
    user.stages("bad", a="exit 9", b="exit 9", c="exit 9")
    retried = user.run("retry", "--json")
    last = retried.last
    assert (retried.code, last["status"]) == (0, "succeeded")
    assert last["run"] != first["run"]
    assert {name: stage["status"] for name, stage in last["stages"].items()} == {
        "a": "up_to_date",
        "b": "succeeded",
        "c": "succeeded",
    }
    assert last["stages"]["a"]["from_run"] == first["run"]
    assert last["stages"]["a"]["log"] == first["stages"]["a"]["log"]
    assert (user.folder / "a.count").read_text() == "x\n"
    assert json.loads(user.run("history", "--json").out.splitlines()[0])["parent"] == first["run"]


def test_there_is_nothing_to_retry(user: User) -> None:
    """A run that went well, or goes on, is not repeated; the message says what to do."""
    user.stages("good", a="true")
    user.run("run", "good.yaml")
    fine = user.run("retry")
    assert fine.code == 2
    assert "succeeded: there is nothing to try again" in fine.err
    user.stages("slow", a="sleep 60")
    run = user.run("run", "slow.yaml", "--detach").out.strip()
    with user.gone(run):
        going = user.run("retry", run)
        assert going.code == 2
        assert f"run {run} has not ended; `buildorch resume {run}`" in going.err


STEPS = """\
from buildorch import Pipeline, stage


@stage
def build(c):
    c.run("echo one >> count; echo one")
    c.run("while [ ! -e go ]; do sleep 0.05; done; echo two >> count; echo two")


@stage
def test(c):
    c.run("echo three >> count")


steps = Pipeline("steps", build >> test)
"""


def test_a_killed_controller_is_resumed(user: User) -> None:
    """After `kill -9` the run is interrupted; resume attaches to what runs, and repeats nothing."""
    user.write("steps.py", STEPS)
    process = user.start("run", "steps.py")
    until(user.log_has("build", "one\n"))
    signalled(process, signal.SIGKILL)
    user.ends(process)
    left = user.run("status")
    assert "INTERRUPTED: nobody drives this run; builds on the servers go on." in left.out
    assert user.run("status", "--json").last["status"] == "interrupted"
    waited = user.run("wait")
    assert (waited.code, "it is interrupted; `buildorch resume" in waited.err) == (75, True)
    user.write("go", "")
    resumed = user.run("resume")
    assert resumed.code == 0
    assert "steps started by" not in resumed.err
    assert (user.folder / "count").read_text() == "one\ntwo\nthree\n"
    again = user.run("resume")
    assert again.code == 2
    assert "has ended: succeeded" in again.err


@pytest.mark.parametrize(
    ("number", "words", "code", "status"),
    [
        (signal.SIGINT, [], 130, "cancelled"),
        (signal.SIGTERM, ["--ci"], 130, "cancelled"),
        (signal.SIGTERM, [], 75, "interrupted"),
        (signal.SIGHUP, [], 75, "interrupted"),
    ],
)
def test_signals_cancel_or_leave(
    user: User, number: signal.Signals, words: list[str], code: int, status: str
) -> None:
    """Ctrl-C cancels; SIGTERM and SIGHUP leave, but SIGTERM cancels with `--ci`."""
    user.stages("slow", a="echo begun; exec sleep 60")
    process = user.start("run", "slow.yaml", "--json", *words)
    until(user.log_has("a", "begun"))
    signalled(process, number)
    outcome = user.ends(process)
    with user.gone(outcome.last["run"]):
        assert (outcome.code, outcome.last["status"]) == (code, status)
        assert outcome.last["event"] == "run_finished"
        assert ("goes on without us; `buildorch resume" in outcome.err) == (code == 75)


def test_the_second_interrupt_says_what_may_still_run(user: User) -> None:
    """A tree that does not go is named with its server; the cancel stays, and is finished later."""
    user.stages("deaf", a="trap '' TERM; echo begun; while :; do sleep 0.1; done", b="true")
    process = user.start("run", "deaf.yaml")
    until(user.log_has("a", "begun"))
    signalled(process, signal.SIGINT)
    until(lambda: "cancelling" in user.run("status", "--json").out)
    signalled(process, signal.SIGINT)
    outcome = user.ends(process)
    assert outcome.code == 75
    run = user.run("status", "--json").last["run"]
    assert outcome.err.splitlines()[-1] == (
        f"run {run} was left while it was cancelled; not confirmed to be gone: a on local. "
        f"The cancel stays recorded: `buildorch cancel {run}` finishes it"
    )
    cancelled = user.run("cancel")
    assert cancelled.code == 0
    assert "a cancelled after" in cancelled.err
    assert user.run("wait").code == 130


def test_a_service_waits_less_than_ten_seconds(user: User) -> None:
    """With `--ci` even a tree that takes no TERM is gone before a build service loses patience."""
    user.stages("deaf", a="trap '' TERM; echo begun; while :; do sleep 0.1; done")
    process = user.start("run", "deaf.yaml", "--ci")
    until(user.log_has("a", "begun"))
    before = time.monotonic()
    signalled(process, signal.SIGTERM)
    assert user.ends(process).code == 130
    assert time.monotonic() - before < 9


def test_the_demo_needs_nothing(user: User) -> None:
    """The demo runs three stages as real processes, and tells programs as every run does."""
    outcome = user.run("demo", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert set(outcome.last["stages"]) == {"yocto-image", "host-build", "integration-test"}
    image = outcome.last["stages"]["yocto-image"]
    assert (image["status"], image["warnings"]) == ("succeeded", 1)
