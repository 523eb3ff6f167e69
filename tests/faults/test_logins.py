"""What a person logs in with is gone half way, or the server is not the one that it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from hosts.commands import run, wait_for

from buildorch import events
from faults.identity import Agent, Certificate
from faults.scene import At, MakeScene, Scene, stage

_OTHER_KEY = "/etc/ssh/another_host_key"


@pytest.fixture(name="login", params=[Certificate, Agent])
def _login(
    request: pytest.FixtureRequest, make_scene: MakeScene, tmp_path: Path
) -> Iterator[tuple[Scene, Certificate | Agent]]:
    """Give a scene whose server takes one identity only, and that identity, logged in."""
    lines = f"Host *\n    IdentityFile {tmp_path}/id\n    IdentityAgent {tmp_path}/agent\n"
    scene = make_scene(ssh=lines)
    identity = request.param(scene, tmp_path)
    identity.log_in()
    yield scene, identity
    identity.close()


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Log in again"), ("ko", "다시 로그인 필요")]
)
def test_a_login_that_ends_half_way(
    login: tuple[Scene, Certificate | Agent], language: str, words: str
) -> None:
    """The builds go on, people are told once to log in again, and after that nothing is to do."""
    scene, identity = login
    scene.config = attrs.evolve(scene.config, language=language)
    handle = scene.start(stage("image"), stage("docs"))
    scene.await_trace(2)
    wait_for(lambda: len(scene.told(events.StepStarted)) == 2, "both are known to run")
    identity.log_out()
    _lose_link(scene)
    scene.until(events.LinkLost, barred="login refused")
    tries = scene.backend.noticed
    wait_for(lambda: scene.backend.noticed >= tries + 3, "it goes on trying")
    assert not scene.told(events.LinkRestored), "a fault that did not bite"
    assert not scene.told(events.StepFinished)
    identity.log_in()
    wait_for(lambda: len(scene.told(events.LinkRestored)) == 2, "both links are back", 20)
    scene.go()
    assert scene.finish(handle).ok
    (told,) = scene.messages("barred")
    assert words in told.text
    assert "one" in told.text
    assert [] == scene.messages("link_lost")
    scene.assert_ran(("image", 1), ("docs", 1))


def _lose_link(scene: Scene) -> None:
    scene.wire.reset()
    scene.wire.await_bite()
    wait_for(lambda: scene.backend.noticed, "the cut is noticed")
    scene.wire.heal()


def test_a_long_loss_is_told_once_where_a_login_is_missing(
    make_scene: MakeScene, tmp_path: Path
) -> None:
    """`lost_after` passes while nobody logs in, and the controller is another: still one alert."""
    scene = make_scene(ssh=f"Host *\n    IdentityFile {tmp_path}/id\n")
    defaults = attrs.evolve(scene.config.defaults, lost_after=0.5)
    scene.config = attrs.evolve(scene.config, defaults=defaults)
    identity = Certificate(scene, tmp_path)
    identity.log_in()
    handle = scene.start(stage())
    scene.until(events.StepStarted)
    identity.log_out()
    _lose_link(scene)
    scene.until(events.NotificationDue, topic="barred")
    key = scene.messages("barred")[0].key
    scene.until(events.NotificationResult, key=key)
    handle.detach()
    scene.finish(handle)
    tries = scene.backend.noticed
    again = scene.resume()
    wait_for(lambda: scene.backend.noticed >= tries + 4, "it goes on trying")
    identity.log_in()
    scene.until(events.LinkRestored)
    scene.go()
    assert scene.finish(again).ok
    assert 1 == len([text for text in scene.sent if "Log in again" in text])
    assert 0 == len([text for text in scene.sent if "no answer" in text])
    scene.assert_ran(("image", 1))


def _change_host_key(scene: Scene) -> None:
    """Let sshd show another key than the one that is known, and end all connections."""
    there = scene.host.path(_OTHER_KEY)
    if not there.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", there)
    scene.host.configure_sshd(HostKey=_OTHER_KEY)
    scene.host.stop_sshd(sessions=True)
    scene.host.start_sshd()
    shown = run("ssh-keyscan", "-t", "ed25519", scene.host.network.address, check=False)
    assert there.with_suffix(".pub").read_text().split()[1] in shown, "a fault that did not bite"


def test_a_host_key_that_changes_between_attempts(scene: Scene) -> None:
    """The second attempt ends unreachable at once with the message; nothing is sent there."""

    def change() -> None:
        _change_host_key(scene)
        wait_for(lambda: scene.backend.noticed, "the connection is gone")

    scene.watchers.append(At(events.RetryScheduled, change))
    failing = 'echo "$BUILDORCH_STAGE $BUILDORCH_ATTEMPT $$" >>"$HOME/trace"; exit 1'
    result = scene.run(stage(command=failing, retry=2))
    end = result.stages["image"].finished
    assert end is not None
    assert "unreachable" == end.status
    assert "another_host_key" not in (end.reason or "")
    assert "known_hosts" in (end.reason or "")
    (failed,) = scene.told(events.ConnectFailed)
    assert ("host key changed", 1) == (failed.reason, failed.tries)
    assert 1 == scene.backend.linked
    scene.assert_ran(("image", 1))
    (told,) = scene.messages("unreachable")
    assert "UNREACHABLE" in told.text


def test_a_host_key_that_changes_under_a_build(scene: Scene) -> None:
    """The link is not made again, people are told once; with the old key the run goes on."""
    handle = scene.start(stage())
    scene.until(events.StepStarted)
    _change_host_key(scene)
    scene.until(events.LinkLost, barred="host key changed")
    tries = scene.backend.noticed
    wait_for(lambda: scene.backend.noticed >= tries + 2, "it goes on trying")
    assert 1 == scene.backend.linked
    scene.host.configure_sshd()
    scene.until(events.LinkRestored)
    scene.go()
    assert scene.finish(handle).ok
    (told,) = scene.messages("barred")
    assert "once that is mended" in told.text
    scene.assert_ran(("image", 1))
    scene.assert_whole()
