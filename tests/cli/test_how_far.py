"""How far a run is, for programs; and what a failure brings along."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.user import User, until

_HALF = "echo '[1/2] cc a.c'; until [ -e go ]; do sleep 0.05; done; echo '[2/2] cc b.c'"


def test_a_program_is_told_how_far_a_run_is(user: User) -> None:
    """`status --json` has progress and time left while a run is under way, and null where not."""
    user.stages("slow", build=_HALF, test="true")
    for known in (False, True):
        run = user.run("run", "slow.yaml", "--detach").out.strip()
        with user.gone(run):
            until(user.log_has("build", "[1/2]"))
            now = user.run("status", run, "--json").last
            build, test = now["stages"]["build"], now["stages"]["test"]
            assert build["progress"] == 50.0
            assert test["progress"] is None
            assert (test["eta"] is not None) is known
            assert (now["eta"] is not None) is known
            user.write("go", "")
            assert user.run("wait", run).code == 0
            over = user.run("status", run, "--json").last
            assert "eta" not in over
            assert "progress" not in over["stages"]["build"]
        (user.folder / "go").unlink()


def _results(user: User, stage: str) -> list[Path]:
    folder = user.folder / "results" / "latest" / stage / "artifacts"
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("command", "options", "found"),
    [
        ("false", "", ["1"]),
        ("false", "retry: 1", ["2"]),
        ("true", "retry: 1", ["1"]),
        ("sleep 60", "timeout: 1s", []),
        ("false", "setup: 'false'", []),
    ],
)
def test_the_last_failure_brings_its_report(
    user: User, command: str, options: str, found: list[str]
) -> None:
    """A stage that failed leaves what it made: not what is tried again, nor what never ran."""
    script = json.dumps(f"echo $BUILDORCH_ATTEMPT >report.xml; {command}")
    stage = f"{{name: test, artifacts: report.xml, command: {script}, {options}}}"
    user.write("one.yaml", f"name: one\nstages:\n  - {stage}\n")
    done = user.run("run", "one.yaml", "--json")
    events = [json.loads(line) for line in done.out.splitlines()]
    (end,) = [one for one in events if one["event"] == "stage_finished"]
    stored = [one["path"] for one in events if one["event"] == "artifact_stored"]
    files = _results(user, "test")
    assert [path.read_text().strip() for path in files] == found
    assert len(stored) == len(found)
    assert (end["status"] == "succeeded") is (command == "true")


def test_a_failure_without_files_is_no_odder_for_that(user: User) -> None:
    """That nothing matches is a warning of a success; a failure has its own reason."""
    for command, warned in (("false", False), ("true", True)):
        stage = f"{{name: test, artifacts: none, command: {command}}}"
        user.write("one.yaml", f"name: one\nstages:\n  - {stage}\n")
        done = user.run("run", "one.yaml", "--json")
        events = [json.loads(line) for line in done.out.splitlines()]
        (end,) = [one for one in events if one["event"] == "stage_finished"]
        assert ("warning" in end) is warned
