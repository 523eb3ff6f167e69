"""status, history, wait and cancel: a run from another process."""

from __future__ import annotations

import json
import re
import signal

import pytest

from cli.conftest import Here
from cli.user import User, signalled, until

OVER = """\
ab succeeded in Ns, run RUN
  1  a  done  Ns  local
  2  b  done  Ns  local
Results: HERE/results/RUN
"""

LIVE = """\
slow  run RUN  by ME
────────────────────────────────────────────────────────────────────────────────
Stage 1: a  local [running]               Ns
         begun
Stage 2: b  local [waiting]     after a
────────────────────────────────────────────────────────────────────────────────
Errors: 0  Warnings: 0
"""


def slow(user: User) -> str:
    """Start a run that goes on until the file `go` is there, and return its id."""
    user.stages("slow", a="echo begun; while [ ! -e go ]; do sleep 0.05; done", b="echo there")
    run = user.run("run", "slow.yaml", "--detach").out.strip()
    until(user.log_has("a", "begun"))
    return run


def test_a_run_that_is_over(user: User, here: Here) -> None:
    """`status` of the newest run is its summary; `--json` is the last line of `run --json`."""
    user.stages("ab", a="true", b="true")
    ended = user.run("run", "ab.yaml", "--json").last
    shown = here("status")
    assert (shown.code, shown.err) == (0, "")
    assert user.plain(shown.out).startswith(OVER)
    found = json.loads(here("status", ended["run"][:17], "--json").out)
    for key in ("event", "seq", "epoch"):
        del ended[key]
    assert found == {**ended, "running": False}


def test_a_run_that_goes_on(user: User) -> None:
    """`status` of a live run is its board as text; `-f` follows it to its end, line by line."""
    run = slow(user)
    with user.gone(run):
        shown = user.run("status")
        assert shown.code == 0
        plain = re.sub(r"by \w+  TIME", "by ME", user.plain(shown.out))
        assert plain.startswith(LIVE)
        found = user.run("status", "--json").last
        assert (found["status"], found["running"], found["exit_code"]) == ("running", True, None)
        assert found["stages"]["a"]["status"] == "running"
        assert found["stages"]["b"]["status"] == "waiting"
        following = [user.start("status", "-f"), user.start("status", "-f", "--json")]
        user.write("go", "")
        lines, events = (user.ends(process) for process in following)
        assert (lines.code, events.code) == (0, 0)
        assert "slow succeeded in" in lines.out
        assert (events.last["event"], events.last["status"]) == ("run_finished", "succeeded")
        assert json.loads(events.out.splitlines()[0])["event"] == "run_created"


def test_ctrl_c_leaves_only_the_view(user: User) -> None:
    """Whoever stops looking ends nothing."""
    run = slow(user)
    with user.gone(run):
        watching = [
            user.start("status", "-f"),
            user.start("logs", "last", "a", "-f"),
            user.start("wait"),
        ]
        first = [process.stdout for process in watching[:2]]
        assert all(stream is not None and stream.readline() for stream in first)
        signalled(watching[0], signal.SIGINT)
        signalled(watching[1], signal.SIGINT)
        assert [user.ends(process).code for process in watching[:2]] == [0, 0]
        assert user.run("status", "--json").last["status"] == "running"
        user.write("go", "")
        assert user.ends(watching[2]).code == 0


def test_a_cancel_is_confirmed(user: User) -> None:
    """`cancel` ends when all is gone, and says so; the controller's run ends with 130."""
    run = slow(user)
    waiting = user.start("wait", run)
    cancelled = user.run("cancel", run)
    assert (cancelled.code, cancelled.out) == (0, "")
    assert f"cancelling run {run}, driven by process" in cancelled.err
    assert "a is being stopped (cancelled)" in cancelled.err
    assert "a cancelled after" in cancelled.err
    assert "b cancelled" in cancelled.err
    assert user.ends(waiting).code == 130
    again = user.run("cancel", run)
    assert (again.code, again.err) == (
        2,
        f"buildorch: run {run} has ended already: cancelled\n",
    )


def test_the_history_is_a_list(user: User, here: Here) -> None:
    """The newest run comes first, under the short name that every command takes."""
    assert here("history").err == "no runs yet; `buildorch demo` makes one\n"
    user.stages("good", a="true")
    user.stages("bad", a="exit 4")
    user.run("run", "good.yaml")
    user.run("run", "bad.yaml")
    shown = here("history").out.splitlines()
    assert [re.split(r"\s{2,}", line)[2] for line in shown] == ["failed", "succeeded"]
    runs = [json.loads(line) for line in here("history", "--json").out.splitlines()]
    assert [(one["pipeline"], one["status"]) for one in runs] == [
        ("bad", "failed"),
        ("good", "succeeded"),
    ]
    assert [line.split()[0] for line in shown] == [one["short"] for one in runs]
    found = json.loads(here("status", runs[1]["short"], "--json").out)
    assert found["run"] == runs[1]["run"]
    assert len(here("history", "--limit", "1").out.splitlines()) == 1
    assert "good" in here("history", "--pipeline", "good", "--limit", "1").out


@pytest.mark.parametrize("command", ["status", "logs", "wait", "cancel", "resume", "retry"])
def test_runs_that_are_not_there(user: User, here: Here, command: str) -> None:
    """Each command says the same of a run that nobody knows, and ends with 2."""
    none = here(command)
    assert (none.code, none.out) == (2, "")
    assert none.err == "buildorch: no run is called 'last'; this machine has no runs yet\n"
    user.stages("good", a="true")
    run = user.run("run", "good.yaml", "--json").last["run"]
    other = here(command, "zzz")
    assert (other.code, other.out) == (2, "")
    assert "no run is called 'zzz'; the newest are" in other.err
    assert run in other.err
