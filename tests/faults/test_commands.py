"""How commands end that did not choose to: by signals, for want of memory, of disk space."""

from __future__ import annotations

import pytest
from hosts.commands import run

from buildorch import RunResult, events
from faults.memory import memory_limit
from faults.scene import MakeScene, Scene, stage

#: Notes its start, waits until it may, then wants 300 MB, and says if it got them.
_HUNGRY = """\
echo "$BUILDORCH_STAGE $BUILDORCH_ATTEMPT $$" >>"$HOME/trace"
while [ ! -e "$HOME/go" ]; do sleep 0.05; done
exec python3 -c 'len(bytearray(300_000_000)); print("enough")'
"""


def _end(result: RunResult, name: str = "image") -> events.StageFinished:
    finished = result.stages[name].finished
    assert finished is not None
    return finished


@pytest.mark.parametrize("number", [9, 15, 11])
def test_a_command_that_is_killed_by_a_signal(scene: Scene, number: int) -> None:
    """Somebody kills it on the server: failed by that signal, and no exit code is made up."""
    handle = scene.start(stage())
    _, _, pid = scene.await_trace()
    scene.host.run(f"kill -{number} {pid}")
    end = _end(scene.finish(handle))
    assert ("failed", number, None) == (end.status, end.signal, end.exit_code)
    assert f"killed by signal {number}" == end.reason
    (told,) = scene.messages("failed")
    assert f"Killed by signal {number}" in told.text
    scene.assert_ran(("image", 1))


def test_a_command_that_the_kernel_kills_for_want_of_memory(scene: Scene) -> None:
    """The OOM killer's SIGKILL is told as what it is: the command's end, by signal 9."""
    handle = scene.start(stage(command=_HUNGRY))
    _, _, pid = scene.await_trace()
    with memory_limit(60_000_000) as limit:
        limit.add(_from_here(scene, pid))
        scene.go()
        end = _end(scene.finish(handle))
        assert limit.kills == 1, "a fault that did not bite"
    assert ("failed", 9, None) == (end.status, end.signal, end.exit_code)
    scene.assert_ran(("image", 1))


def _from_here(scene: Scene, pid: int) -> int:
    """Return the number that a process of the host has on this machine."""
    for here in scene.alive():
        numbers = run("grep", "^NSpid:", f"/proc/{here}/status").split()
        if numbers[-1] == str(pid):
            return here
    raise AssertionError(f"no process {pid} on {scene.host.name}")


def test_a_command_that_gets_no_more_memory(scene: Scene) -> None:
    """A limit of the account (ulimit -v) makes the command fail itself: its own exit code."""
    scene.go()
    end = _end(scene.run(stage(command=f"ulimit -v 200000\n{_HUNGRY}")))
    assert ("failed", 1, None) == (end.status, end.exit_code, end.signal)
    assert "MemoryError" in (end.first_error or "")


#: What bitbake's disk monitor writes when it gives up, as bitbake 2.0 and later do.
_MONITOR = """\
WARNING: The free space of /workspace/build/tmp (/dev/sda1) is running low (0.512GB left)
ERROR: No new tasks can be executed since the disk space monitor action is "STOPTASKS"!
ERROR: Immediately halt since the disk space monitor action is "HALT"!
"""


def test_a_full_disk_that_only_the_disk_monitor_noticed(scene: Scene) -> None:
    """The disk has room by the time anybody looks: bitbake's log says why it gave up."""
    end = _end(scene.run(stage(command=f"cat <<'EOF'\n{_MONITOR}EOF\nexit 1\n")))
    assert "no_space" == end.status
    assert "disk" in (end.reason or "")


def test_a_disk_monitor_that_only_warned_is_no_full_disk(scene: Scene) -> None:
    """A build that went well after a warning has succeeded."""
    warning = _MONITOR.splitlines()[0]
    assert "succeeded" == _end(scene.run(stage(command=f"echo '{warning}'"))).status


def test_a_full_disk_below_the_build(scene: Scene) -> None:
    """ENOSPC in the workdir: no_space, with the numbers of the disk."""
    _small_disk(scene, "/workspace/small", "3m")
    command = "head -c 10000000 /dev/zero >image"
    end = _end(scene.run(stage(command=command, workdir="/workspace/small")))
    assert "no_space" == end.status
    assert "the disk of /workspace/small is full" in (end.reason or "")
    (told,) = scene.messages("failed")
    assert "NO SPACE" in told.text


def test_a_full_disk_that_has_room_again_when_anybody_looks(scene: Scene) -> None:
    """The command removed what filled the disk, and said ENOSPC in its log: no_space."""
    _small_disk(scene, "/workspace/small", "3m")
    command = "LC_ALL=C head -c 10000000 /dev/zero >image || { rm image; exit 1; }"
    end = _end(scene.run(stage(command=command, workdir="/workspace/small")))
    assert "no_space" == end.status
    assert "No space left on device" in (end.reason or "")


def _small_disk(scene: Scene, folder: str, size: str) -> None:
    """Mount a small disk that is the account's own; it goes with the scene."""
    scene.mount(f"-t tmpfs -o size={size},mode=755,uid=$(id -u {scene.user}) small", folder)


def test_a_full_disk_below_the_log(make_scene: MakeScene) -> None:
    """The job's own folder has no room: the log stops, the end is recorded, and says no_space."""
    state = "/workspace/state"
    scene = make_scene(state_dir=state)
    _small_disk(scene, state, "2m")
    command = "head -c 5000000 /dev/zero | tr '\\0' x\necho on\n"
    end = _end(scene.run(stage(command=command)))
    assert "no_space" == end.status, end
    assert f"the disk of {state}" in (end.reason or "")
    free = scene.host.run(f"df --output=avail {state} | tail -n 1")
    assert int(free) < 1024, "a fault that did not bite"
    scene.assert_whole()
