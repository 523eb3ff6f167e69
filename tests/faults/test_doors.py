"""Odd ways in: crowded doors, and logins that talk a lot before anything is said."""

from __future__ import annotations

import socket
import subprocess
from collections import Counter

import pytest
from hosts.host import Host

from buildorch import events
from faults.scene import MakeScene, Scene, sha256, stage

_SMALL = """\
echo "$BUILDORCH_STAGE $BUILDORCH_ATTEMPT $$" >>"$HOME/trace"
echo "this is $BUILDORCH_STAGE"
"""

#: A login shell's own files, whichever of them it reads.
_STARTUP_FILES = (".bashrc", ".profile", ".zshrc", ".zshenv", ".tcshrc", ".cshrc")

#: 1 MB on stdout and on stderr, in words that every login shell knows.
_NOISE = "head -c 1000000 /dev/zero | tr '\\0' x\nsh -c 'head -c 1000000 /dev/zero >&2'\n"


@pytest.mark.parametrize(
    "options", [{}, {"MaxSessions": "1"}, {"MaxStartups": "1:100:1", "MaxSessions": "1"}]
)
def test_fifty_jobs_at_once_on_one_host(scene: Scene, options: dict[str, str]) -> None:
    """With the defaults of sshd or a narrower door: none is lost, each has its own log."""
    if options:
        scene.host.configure_sshd(**options)
    names = [f"stage-{number}" for number in range(50)]
    result = scene.run(*(stage(name, _SMALL) for name in names), seconds=60)
    assert result.ok
    assert {1} == {one.attempt for one in result.stages.values()}
    assert [] == scene.told(events.LinkLost)
    scene.assert_ran(*((name, 1) for name in names))
    for name in names:
        log = scene.folder / "results/latest" / name / "attempt-1.log"
        assert f"this is {name}\n" == log.read_text()


def test_a_door_that_was_full_is_tried_again(scene: Scene) -> None:
    """All places before the login are taken: the run waits its turn, and loses nothing."""
    scene.host.configure_sshd(MaxStartups="1:100:1")
    with _guest(scene.host):
        handle = scene.start(stage("image", _SMALL))
        failed = scene.until(events.ConnectFailed)
    assert "MaxStartups" in failed.message
    assert scene.finish(handle).ok
    scene.assert_ran(("image", 1))


def _guest(host: Host) -> socket.socket:
    """Stand in the door: connect, wait until sshd has noticed, and do not log in."""
    guest = socket.create_connection((host.network.address, 22), 5)
    guest.recv(100)
    return guest


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "fish", "csh"])
def test_a_noisy_login(make_scene: MakeScene, shell: str) -> None:
    """A banner, a motd and 2 MB from the login shell's own files change nothing."""
    scene = make_scene(login_shell=f"/usr/bin/{shell}")
    scene.host.run("echo BANNER >/etc/ssh/banner")
    scene.host.configure_sshd(Banner="/etc/ssh/banner", PrintMotd="yes")
    _make_noise(scene)
    scene.go()
    assert scene.run(stage()).ok
    scene.assert_ran(("image", 1))
    scene.assert_whole()
    log = (scene.folder / "results/latest/image/log").read_bytes()
    assert Counter(log)[b"x"[0]] == 0
    assert b"BANNER" not in log
    assert sha256(_expected()) == sha256(log)


def _expected() -> bytes:
    return "".join(f"line {number}\n" for number in range(1, 201)).encode() + b"the end\n"


def _make_noise(scene: Scene) -> None:
    for name in _STARTUP_FILES:
        (scene.home / name).write_text(_NOISE)
    (scene.home / ".config/fish").mkdir(parents=True)
    (scene.home / ".config/fish/config.fish").write_text(_NOISE)
    scene.host.run(f"chown -R {scene.user}: /home/{scene.user}")
    user = scene.user
    words = ["ssh", "-F", str(scene.folder / "ssh_config"), f"{user}@{scene.host.name}", "true"]
    said = subprocess.run(words, capture_output=True, check=False)
    assert b"BANNER" in said.stderr, "a fault that did not bite"
    noisy = len(said.stdout) >= 1_000_000
    # dash reads nothing where it is told what to run: its noise can come from nowhere.
    assert noisy or scene.shell == "dash", "a fault that did not bite"


@pytest.mark.parametrize("locale", ["C", "ko_KR.EUC-KR"])
def test_a_locale_that_is_not_utf_8(scene: Scene, locale: str) -> None:
    """Korean text is UTF-8 in command, environment and log, whatever the account's locale is."""
    locales = "/etc/ssh/locales"  # a folder of this host alone
    if locale != "C":
        scene.host.run(
            f"mkdir -p {locales}; localedef -c -i ko_KR -f EUC-KR {locales}/{locale}", check=False
        )
    scene.host.configure_sshd(SetEnv=f"LC_ALL={locale} LOCPATH={locales}", AcceptEnv="")
    words = ["ssh", "-F", str(scene.folder / "ssh_config"), f"{scene.user}@{scene.host.name}"]
    said = subprocess.run([*words, "locale charmap"], capture_output=True, check=True, text=True)
    charmap = {"C": "ANSI_X3.4-1968", "ko_KR.EUC-KR": "EUC-KR"}[locale]
    assert charmap == said.stdout.strip(), "a fault that did not bite"
    command = "echo '빌드 시작'; echo \"$WORDS\"; python3 -c 'print(\"파이썬\")'; locale charmap"
    result = scene.run(stage(command=command, env={"WORDS": "환경"}))
    assert result.ok
    log = (scene.folder / "results/latest/image/log").read_text("utf-8")
    assert ["빌드 시작", "환경", "파이썬", "UTF-8"] == log.splitlines()
