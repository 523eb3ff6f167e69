"""What happens to a server while it builds: sshd goes, power goes, it stands still."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from hosts.commands import wait_for

from buildorch import events
from faults.scene import SILENT, Scene, stage, state_of


def _assert_untouched(scene: Scene) -> None:
    """Fail unless the one attempt of the stage succeeded with all of its log."""
    scene.assert_ran(("image", 1))
    scene.assert_whole()
    assert 1 == len(scene.told(events.AttemptFinished, status="succeeded"))


@pytest.mark.parametrize("sessions", [False, True])
def test_sshd_is_restarted(scene: Scene, *, sessions: bool) -> None:
    """With its sessions the link is lost and comes back; without them nothing is noticed."""
    handle = scene.start(stage())
    scene.until(events.StepStarted)
    listener = scene.host.run("cat /run/sshd.pid")
    scene.host.stop_sshd(sessions=sessions)
    scene.host.start_sshd()
    assert listener != scene.host.run("cat /run/sshd.pid"), "a fault that did not bite"
    if sessions:
        scene.until(events.LinkRestored)
    scene.go()
    assert scene.finish(handle).ok
    assert sessions == bool(scene.told(events.LinkLost))
    _assert_untouched(scene)


@pytest.mark.parametrize("away", [False, True])
def test_a_reboot_loses_the_attempt_and_no_other(scene: Scene, *, away: bool) -> None:
    """During a job or while nobody looked: lost by a reboot, and one more attempt."""
    handle = scene.start(stage())
    scene.await_trace()
    scene.until(events.StepStarted)
    before = scene.backend.server_facts.boot_id
    if away:
        handle.detach()
        scene.finish(handle)
    scene.host.reboot()
    scene.go()
    result = scene.finish(scene.resume() if away else handle)
    assert before != scene.backend.server_facts.boot_id, "a fault that did not bite"
    assert result.ok
    assert [("lost", "rebooted"), ("succeeded", None)] == [
        (end.status, end.reason) for end in scene.told(events.AttemptFinished)
    ]
    assert ["infrastructure"] == [one.cause for one in scene.told(events.RetryScheduled)]
    scene.assert_ran(("image", 1), ("image", 2))
    scene.assert_whole(".0.2.1", attempt=2)


@pytest.mark.parametrize(("lost_after", "alerts"), [(600.0, 0), (0.1, 1)])
def test_a_server_that_stands_still_is_waited_for(
    scene: Scene, lost_after: float, alerts: int
) -> None:
    """Frozen and thawed: the build goes on where it was; people are told where it takes long."""
    defaults = attrs.evolve(scene.config.defaults, lost_after=lost_after)
    scene.config = attrs.evolve(scene.config, defaults=defaults)
    handle = scene.start(stage(command=SILENT))
    scene.await_trace()
    scene.until(events.StepStarted)
    wait_for(lambda: _frozen(scene), "a fault that did not bite")
    scene.go()
    scene.until(events.LinkLost)
    if alerts:
        scene.until(events.NotificationDue, topic="link_lost")
    assert not scene.told(events.StepFinished)
    scene.host.thaw()
    assert scene.finish(handle).ok
    assert alerts == len(scene.messages("link_lost"))
    _assert_untouched(scene)


def _frozen(scene: Scene) -> bool:
    """Freeze the host once more, and tell whether that caught all that the account runs."""
    scene.host.freeze()
    states = [state_of(Path(f"/proc/{pid}")) for pid in scene.alive()]
    return bool(states) and set(states) == {"T"}


def test_a_job_folder_that_is_removed_before_the_resume(scene: Scene) -> None:
    """Nobody looked meanwhile: lost for that reason, its command ended, and one more attempt."""
    handle = scene.start(stage())
    _, _, pid = scene.await_trace()
    scene.until(events.StepStarted)
    handle.detach()
    scene.finish(handle)
    scene.host.run(f"rm -rf {_there(scene)}")
    assert not _exists(scene)
    again = scene.resume()
    scene.await_trace(2)
    assert not scene.host.path(f"/proc/{pid}").exists(), "the first command still runs"
    scene.go()
    assert scene.finish(again).ok
    first, second = scene.told(events.AttemptFinished)
    assert ("lost", "folder removed") == (first.status, first.reason)
    assert "succeeded" == second.status
    scene.assert_ran(("image", 1), ("image", 2))


def _there(scene: Scene) -> str:
    return f"{scene.backend.server_facts.state_dir}/jobs/{scene.job_folder().name}"


def _exists(scene: Scene) -> bool:
    return bool(list(scene.state_dir.glob("jobs/*.0.1.1")))


def test_a_job_folder_that_is_removed_under_the_job(scene: Scene) -> None:
    """The job is ended, lost for that reason, and there is one more attempt."""
    handle = scene.start(stage())
    _, _, pid = scene.await_trace()
    scene.until(events.StepStarted)
    scene.host.run(f"rm -rf {_there(scene)}")
    scene.await_trace(2)
    assert not scene.host.path(f"/proc/{pid}").exists(), "the first command still runs"
    scene.go()
    assert scene.finish(handle).ok
    assert "folder removed" == scene.told(events.AttemptFinished)[0].reason
    scene.assert_ran(("image", 1), ("image", 2))


def test_a_supervisor_that_is_killed(scene: Scene) -> None:
    """The command that it left alive is ended first; then it is lost, and tried once more."""
    handle = scene.start(stage())
    _, _, pid = scene.await_trace()
    scene.until(events.StepStarted)
    supervisor = scene.supervisor()
    # Stopped it does not end by itself, nor for being asked to.
    scene.host.run(f"kill -STOP {pid}; kill -9 {supervisor}")
    scene.await_trace(2)
    assert not scene.host.path(f"/proc/{pid}").exists(), "the first command still runs"
    assert not scene.host.path(f"/proc/{supervisor}").exists(), "a fault that did not bite"
    scene.go()
    assert scene.finish(handle).ok
    first, second = scene.told(events.AttemptFinished)
    assert ("lost", "supervisor killed") == (first.status, first.reason)
    assert "succeeded" == second.status
    assert ["infrastructure"] == [one.cause for one in scene.told(events.RetryScheduled)]
    scene.assert_ran(("image", 1), ("image", 2))


def test_a_supervisor_that_is_killed_beside_a_finished_command(scene: Scene) -> None:
    """Its command ended and nobody was left to say how: lost, not a success nor a failure."""
    handle = scene.start(stage())
    _, _, pid = scene.await_trace()
    scene.until(events.StepStarted)
    supervisor = scene.supervisor()
    scene.host.run(f"kill -STOP {supervisor}; touch /home/{scene.user}/go")
    wait_for(lambda: _gone(scene, pid), "the command has ended")
    scene.host.run(f"kill -9 {supervisor}")
    assert scene.finish(handle).ok
    first, second = scene.told(events.AttemptFinished)
    assert ("lost", "supervisor killed", None) == (first.status, first.reason, first.exit_code)
    assert "succeeded" == second.status
    scene.assert_ran(("image", 1), ("image", 2))


def _gone(scene: Scene, pid: int) -> bool:
    """Tell whether a process has ended; nobody may have asked for its end yet."""
    return state_of(scene.host.path(f"/proc/{pid}")) in ("", "Z")
