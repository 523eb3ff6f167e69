"""`--detach`: a controller of its own, which outlives whatever started it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from cli.terminal import Terminal
from cli.user import Outcome, User, alive, until

SLOW = "echo begun; while [ ! -e go ]; do sleep 0.05; done"


def timed(user: User, *words: str) -> tuple[Outcome, float]:
    """Start a detached run; returns how long that took as well."""
    before = time.monotonic()
    outcome = user.run("run", "slow.yaml", "--detach", *words)
    return outcome, time.monotonic() - before


def quickest_of_more(user: User) -> float:
    """Return the shortest time of some more: a machine may have had other things to do."""
    took = []
    for _ in range(5):
        outcome, seconds = timed(user, "--allow-parallel")
        user.run("cancel", outcome.out.strip())
        took.append(seconds)
    return min(took)


def test_the_id_is_all_of_stdout(user: User) -> None:
    """It prints one line within 3 s and ends with 0; by then the run is stored and driven."""
    user.stages("slow", a=SLOW, b="true")
    outcome, took = timed(user)
    run = outcome.out.removesuffix("\n")
    with user.gone(run):
        assert outcome.code == 0
        assert took < 3 or quickest_of_more(user) < 3
        known = user.run("status", run, "--json").last
        assert (known["run"], known["status"]) == (run, "running")
        assert f"`buildorch status {run}` shows it" in outcome.err
        user.write("go", "")
        assert user.run("wait", run).code == 0


def test_a_program_gets_an_object(user: User) -> None:
    """With `--json` stdout is one object: id, results folder, and the controller's diary."""
    user.stages("quick", a="true")
    begun = user.run("run", "quick.yaml", "--detach", "--json").last
    assert set(begun) == {"run", "results", "log"}
    assert user.run("wait", begun["run"]).code == 0
    assert Path(begun["results"], "a", "attempt-1.log").exists()
    assert "event=run.finished" in Path(begun["log"]).read_text()
    assert not list(Path(begun["log"]).parent.glob("starting-*"))


def test_it_outlives_its_terminal(user: User, terminal: Terminal) -> None:
    """When the terminal is closed, the run goes on, and others follow and end it."""
    user.stages("slow", a=SLOW, b="echo there")
    terminal.command("$B run slow.yaml --detach; echo code=$?")
    terminal.until("code=0")
    run = user.run("status", "--json").last["run"]
    with user.gone(run):
        until(user.log_has("a", "begun"))
        terminal.hang_up()
        following = user.start("logs", run, "a", "-f")
        assert following.stdout is not None
        assert following.stdout.readline() == "begun\n"
        user.write("go", "")
        assert user.ends(following).code == 0
        assert user.run("wait", run).code == 0


def test_what_keeps_it_from_beginning_is_told(user: User) -> None:
    """A run that cannot begin is no success: the reason and its code are the usual ones."""
    user.stages("slow", a=SLOW)
    run = user.run("run", "slow.yaml", "--detach").out.strip()
    with user.gone(run):
        second = user.run("run", "slow.yaml", "--detach")
        assert (second.code, second.out) == (2, "")
        assert second.err.startswith(f"buildorch: pipeline 'slow' is already running as {run}")
        again = user.run("resume", run, "--detach")
        assert (again.code, again.out) == (2, "")
        assert f"run {run} is driven by process" in again.err
    (user.folder / "file").touch()
    nowhere = user.run("run", "slow.yaml", "--detach", "--results", "file/below")
    assert (nowhere.code, nowhere.out) == (2, "")
    assert "results folder" in nowhere.err
    controllers = Path(user.environ["BUILDORCH_HOME"], "controllers")
    assert not list(controllers.glob("starting-*"))


def test_it_goes_with_no_service(user: User) -> None:
    """`--ci` is for whoever waits: it does not go with `--detach`."""
    user.stages("slow", a=SLOW)
    both = user.run("run", "slow.yaml", "--detach", "--ci")
    assert (both.code, both.out) == (2, "")
    assert "take one of them" in both.err


def test_an_interrupted_run_is_resumed_detached(user: User) -> None:
    """`resume --detach` picks a run up; its controller goes on with the diary of the first."""
    user.stages("slow", a=SLOW)
    process = user.start("run", "slow.yaml")
    until(user.log_has("a", "begun"))
    process.kill()
    user.ends(process)
    resumed = user.run("resume", "--detach", "--json")
    assert resumed.code == 0
    user.write("go", "")
    assert user.run("wait").code == 0
    diary = Path(resumed.last["log"]).read_text().splitlines()
    names = [line.split("event=")[1].split()[0] for line in diary]
    assert names.count("run.created") == 1
    assert names.count("controller.attached") == 2
    assert names[-1] == "run.finished"


def test_a_stage_may_run_on_without_it(user: User) -> None:
    """SIGTERM lets a detached controller leave; its jobs go on, and the diary has the reason."""
    user.stages("slow", a=SLOW)
    begun = user.run("run", "slow.yaml", "--detach", "--json").last
    with user.gone(begun["run"]):
        until(user.log_has("a", "begun"))
        attached = next(
            json.loads(line)
            for line in _events(user)
            if json.loads(line)["event"] == "controller_attached"
        )
        os.kill(attached["pid"], 15)
        until(lambda: not alive(attached["pid"]))
        assert user.run("status", "--json").last["status"] == "interrupted"
        assert "event=controller.detached" in Path(begun["log"]).read_text()


def _events(user: User) -> list[str]:
    """Return the lines of `status -f --json` so far."""
    process = user.start("status", "-f", "--json")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    process.terminate()
    process.communicate()
    return lines
