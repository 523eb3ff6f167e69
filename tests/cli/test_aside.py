"""stdout is data: nothing that user code prints gets between."""

from __future__ import annotations

import json

from cli.user import User

NOISY = """\
import subprocess
from buildorch import StageContext, pipeline, stage

print("imported")

@stage
def noisy(c: StageContext) -> None:
    print("printed")
    subprocess.run(["echo", "a child"], check=True)
    c.run("echo logged")

@pipeline
def loud():
    return noisy
"""


def test_only_json_lines_are_on_stdout(user: User) -> None:
    """What a module, a stage function and its children print goes to stderr."""
    user.write("loud.py", NOISY)
    done = user.run("run", "loud.py", "--json")
    events = [json.loads(line)["event"] for line in done.out.splitlines()]
    assert ("run_created", "run_finished") == (events[0], events[-1])
    assert all(text in done.err for text in ("imported", "printed", "a child"))
    assert {"valid": True, "problems": []} == json.loads(user.run("check", "loud.py", "--json").out)


def test_a_traceback_shows_the_users_frames(user: User) -> None:
    """A failing stage function's log has its own lines, not those of the library."""
    user.write("broken.py", NOISY.replace('c.run("echo logged")', 'raise ValueError("no luck")'))
    assert 1 == user.run("run", "broken.py").code
    log = user.run("logs", "last", "noisy").out
    assert 'raise ValueError("no luck")' in log
    assert "buildorch/runner" not in log


def test_a_dry_run_is_not_json(user: User) -> None:
    """A run that is only explained does not pretend to answer in JSON."""
    user.write("loud.py", NOISY)
    done = user.run("run", "loud.py", "--dry-run", "--json")
    assert (2, "") == (done.code, done.out)
    assert "check --json" in done.err


def test_a_dry_run_refuses_what_the_run_would_refuse(user: User) -> None:
    """An option that is no duration is wrong also where nothing runs."""
    user.write("loud.py", NOISY)
    done = user.run("run", "loud.py", "--dry-run", "--abandon-after", "1x")
    assert (2, True) == (done.code, "'1x' is no duration" in done.err), done
