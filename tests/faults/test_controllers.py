"""Controllers that die, that come two at a time, and whose store is in other hands."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hosts.commands import wait_for

import buildorch
from buildorch import events
from buildorch.errors import RunOwned, StoreError
from faults.scene import Scene, stage

_HERE = Path(__file__).parent
_ROOT = Path(buildorch.__file__).parents[1]
_PARTS = 6
_MOST_EVENTS = 90

_CONFIG = """\
servers:
  one: {{host: h1, user: {user}, ssh_config: {ssh_config}, slots: 10}}
notifications:
  here: {{enabled: true}}
"""


@pytest.mark.parametrize("part", range(_PARTS))
def test_controllers_killed_at_any_event_twice_in_a_row(scene: Scene, part: int) -> None:
    """A retry, artifacts, a function: killed after each event, resumed, killed, resumed.

    Each command ran once, logs and artifacts are whole, and no message came twice unmarked.
    """
    (scene.folder / "pipeline.py").write_text((_HERE / "pipeline.py").read_text())
    config = _CONFIG.format(user=scene.user, ssh_config=scene.folder / "ssh_config")
    (scene.folder / "buildorch.yaml").write_text(config)
    order = scene.folder / "order.json"
    order.write_text(json.dumps({"events": [*range(part + 1, _MOST_EVENTS, _PARTS)]}))
    lived = _lived(order)
    killed = [one for one in lived if one["ends"][0] == signal.SIGKILL]
    assert [one["number"] for one in killed] == [
        *range(part + 1, part + 1 + _PARTS * len(killed), _PARTS)
    ]
    assert len(killed) >= 4, "a fault that did not bite"
    assert any(one["ends"][1] == signal.SIGKILL for one in killed), lived
    for one in killed:
        assert one["ends"][2] == 0, one
        _assert_as_if_nobody_had_died(scene, one["number"])


def _lived(order: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(_HERE / "dying.py"), str(order)],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(_ROOT), "HOME": str(order.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _assert_as_if_nobody_had_died(scene: Scene, number: int) -> None:
    (results,) = (scene.folder / f"results-{number}").glob("[0-9]*")
    run = results.name
    traces = [line.split() for line in (scene.home / "trace").read_text().splitlines()]
    ran = Counter(tuple(words[1:]) for words in traces if words[0] == run)
    steps = [("image", "1", "-"), ("image", "2", "-")]
    steps += [("checks", "1", "first"), ("checks", "1", "second")]
    assert Counter(steps) == ran, number
    assert "first\nsecond 42\n" == (results / "checks/attempt-1.log").read_text(), number
    assert "attempt 2\n" == (results / "image/attempt-2.log").read_text(), number
    there = (scene.home / f"image-{run}.bin").read_bytes()
    assert there == (results / f"image/artifacts/image-{run}.bin").read_bytes(), number
    lines = (scene.folder / f"sent-{number}").read_text(encoding="utf-8").splitlines()
    sent = [json.loads(line) for line in lines]
    plain = [text for text in sent if "(may repeat)" not in text]
    assert {1} == set(Counter(plain).values()), (number, plain)
    assert [text for text in sent if "Pipeline complete" in text], (number, sent)


def test_of_two_that_resume_one_is_refused(scene: Scene) -> None:
    """The second controller of a run that was left is refused, and told who drives it."""
    handle = scene.start(stage())
    scene.until(events.StepStarted)
    handle.detach()
    scene.finish(handle)
    again = scene.resume()
    with pytest.raises(RunOwned) as refused:
        scene.resume()
    assert again.run_id in str(refused.value)
    assert f"process {os.getpid()}" in str(refused.value)
    scene.go()
    assert scene.finish(again).ok
    scene.assert_ran(("image", 1))
    scene.assert_whole()


def test_a_store_that_another_program_keeps_locked(scene: Scene) -> None:
    """A long writer: the controller leaves with the reason, the build goes on, resume ends it."""
    handle = scene.start(stage())
    scene.until(events.StepStarted)
    database = scene.folder / "state/runs.db"
    with sqlite3.connect(database, isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        scene.go()
        with pytest.raises(StoreError) as left:
            scene.finish(handle, 60)
        writer.execute("ROLLBACK")
    writer.close()
    assert "locked" in str(left.value), "a fault that did not bite"
    assert f"buildorch resume {handle.run_id}" in str(left.value)
    assert "go on" in str(left.value)
    wait_for((scene.job_folder() / "exit").exists, "the build has ended by itself")
    assert scene.finish(scene.resume()).ok
    scene.assert_ran(("image", 1))
    scene.assert_whole()


def test_a_store_that_is_locked_for_a_moment(scene: Scene) -> None:
    """A short writer is waited for: nothing is lost and nobody leaves."""
    handle = scene.start(stage())
    scene.until(events.StepStarted)
    database = scene.folder / "state/runs.db"
    with sqlite3.connect(database, isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        scene.go()
        wait_for((scene.job_folder() / "exit").exists, "the build has ended by itself")
        assert not scene.told(events.StepFinished), "a fault that did not bite"
        writer.execute("ROLLBACK")
    writer.close()
    assert scene.finish(handle).ok
    scene.assert_ran(("image", 1))
    scene.assert_whole()
