"""Odd servers: no writable home, no programs in /tmp, and a clock that is wrong and jumps."""

from __future__ import annotations

import ast
import re
import time
from pathlib import Path

import pytest

import buildorch.remote
from buildorch import events
from faults.scene import HELD, MakeScene, Scene, stage

_REMOTE = Path(buildorch.remote.__file__).parent

_NOEXEC = "-t tmpfs own"

#: Where Debian and its like keep what fakes clocks.
_FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"


@pytest.mark.parametrize("part", ["python", "sh"])
def test_a_home_that_is_read_only(scene: Scene, part: str) -> None:
    """The state lies elsewhere; the build is as any other, in a workdir that can be written."""
    _take_part(scene, part)
    scene.mount("-t tmpfs -o mode=1777 own", "/var/tmp")
    home = f"/home/{scene.user}"
    scene.mount(f"--bind -o ro {home}", home)
    assert "Read-only" in scene.host.run(f"touch {home}/x 2>&1 || true", user=scene.user)
    handle = scene.start(stage(command=HELD.replace("$HOME", "$PWD"), workdir=scene.workspace()))
    scene.until(events.StepStarted)
    assert not str(scene.backend.server_facts.state_dir).startswith(home)
    (scene.work / "go").touch()
    assert scene.finish(handle).ok
    assert ["image 1"] == [
        line.rpartition(" ")[0] for line in (scene.work / "trace").read_text().splitlines()
    ]
    scene.assert_whole()


def _take_part(scene: Scene, part: str) -> None:
    if part == "sh":
        scene.host.hide("/usr/bin/python3")


@pytest.mark.parametrize("part", ["python", "sh"])
def test_no_program_may_run_in_tmp(scene: Scene, part: str) -> None:
    """/tmp, /var/tmp and the home are mounted noexec: nothing of ours is executed from there."""
    _take_part(scene, part)
    home = f"/home/{scene.user}"
    for folder, what in {"/tmp": _NOEXEC, "/var/tmp": _NOEXEC, home: f"--bind {home}"}.items():
        scene.mount(f"-o noexec {what}", folder)
        program = f"{folder}/program"
        scene.host.run(f"echo '#!/bin/sh' >{program}; chmod 755 {program}")
        refused = scene.host.run(f"{program} 2>&1; rm {program}", check=False)
        assert "Permission denied" in refused, "a fault that did not bite"
    scene.go()
    assert scene.run(stage()).ok
    assert part == scene.backend.server_facts.agent
    scene.assert_ran(("image", 1))
    scene.assert_whole()


def test_a_clock_that_is_hours_off_and_steps_back(make_scene: MakeScene) -> None:
    """All on the server sees a clock 5 h ahead that then goes back 11 h: nothing follows from it.

    The limits of the job hold to the second, its end and its log are whole.
    """
    scene = make_scene()
    clock = _fake_clock(scene, "+5h")
    command = f"date +%s >$HOME/before\n{HELD}date +%s >$HOME/after\n"
    handle = scene.start(stage(command=command, timeout=30.0, idle_timeout=20.0))
    scene.await_trace()
    scene.until(events.StepStarted)
    clock.write_text("-6h")
    scene.go()
    result = scene.finish(handle)
    assert result.ok, scene.seen.records
    before, after = (int((scene.home / name).read_text()) for name in ("before", "after"))
    assert before - time.time() > 4 * 3600, "a fault that did not bite"
    assert before - after > 10 * 3600, "a fault that did not bite"
    (finished,) = scene.told(events.StepFinished)
    assert 0 < (finished.end.seconds or 0) < 25
    scene.assert_ran(("image", 1))
    scene.assert_whole()


def test_limits_hold_though_the_clock_steps_back(scene: Scene) -> None:
    """A job that takes too long is ended in its time, whatever clock the server shows."""
    clock = _fake_clock(scene, "+0")
    handle = scene.start(stage(timeout=2.0, command=f"date +%s >$HOME/before\n{HELD}"))
    begun = time.monotonic()
    scene.await_trace()
    clock.write_text("-6h")
    result = scene.finish(handle, 15)
    assert 2.0 <= time.monotonic() - begun < 6.0
    end = result.stages["image"].finished
    assert end is not None
    assert "timed_out" == end.status


def _fake_clock(scene: Scene, offset: str) -> Path:
    """Let everything that logins start see another wall clock; return the file that sets it."""
    library = scene.host.run(f"echo {_FAKETIME}").strip()
    assert "*" not in library, "libfaketime is not installed"
    file = f"/home/{scene.user}/clock"
    clock = scene.home / "clock"
    clock.write_text(offset)
    world = {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": file,
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # a kernel's own does not jump either
        "FAKETIME_DONT_RESET": "1",
    }
    words = " ".join(f"{key}={value}" for key, value in world.items())
    scene.host.configure_sshd(SetEnv=words)
    return clock


#: What asks for the wall clock, and where that is right: the age of what is cleaned up, which
#: is compared with times that the same clock gave.
_WALL = re.compile(r"time\.time|datetime|gmtime|localtime|st_[amc]time|os\.utime")
_ALLOWED = {"cleaning.py"}


def test_the_server_part_never_asks_for_the_time_of_day() -> None:
    """Limits, heartbeats and ends are measured by the monotonic clock alone."""
    for path in (_REMOTE / "agent").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        asked = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        found = [text for text in asked if _WALL.search(text)]
        assert not found or path.name in _ALLOWED, (path, found)
    for path in _REMOTE.glob("*.sh"):
        code = re.sub(r"(?m)(^|\s)#.*$", "", path.read_text(encoding="utf-8"))
        assert not re.search(r"\bdate\b|-nt\b|-ot\b|-newer", code), path
