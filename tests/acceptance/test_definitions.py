"""What is wrong in a file is told before any server is touched; what it says is never run twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hosts.host import Host

from acceptance.laptop import SEED, Laptop
from acceptance.team import Place, Team

_HOSTILE = "../../x; rm -rf ~"


def _named(name: str) -> str:
    return SEED.replace("name: host-build", f"name: {json.dumps(name)}", 1)


_BAD = {
    "unknown server": (SEED.replace("ccu2-builder", "ccu-builder"), "did you mean"),
    "unknown stage": (SEED.replace("[host-build]", "[host-biuld]"), "host-build"),
    "cycle": (SEED.replace("depends_on: []", "depends_on: [integration-test]"), "cycle"),
    "duplicate": (SEED.replace("yocto-image", "host-build"), "host-build"),
    "unclear time": (SEED.replace("timeout: 30m", "timeout: 1:30"), "1:30"),
    "unknown key": (SEED.replace("timeout: 30m", "timeuot: 30m"), "timeout"),
    "broken yaml": (SEED + "  - [", "bad.yaml:"),
    "hostile name": (_named(_HOSTILE), "x; rm -rf ~"),
    "two words": (_named("host build"), "host build"),
    "substitution": (_named("$(touch x)"), "touch x"),
}


def _log_logins(host: Host) -> Path:
    """Let sshd write down every login; return the file as seen from here."""
    host.stop_sshd()
    host.run("/usr/sbin/sshd -E /workspace/sshd.log")
    return host.folder / "workspace/sshd.log"


def test_bad_definitions_touch_no_server(
    hosts: tuple[Host, ...], team: Team, laptop: Laptop
) -> None:
    """Each ends with 2, names its place, and no sshd hears of it; a good one is heard."""
    logs = [_log_logins(host) for host in hosts]
    quiet = [log.read_text() for log in logs]
    for about, (text, words) in _BAD.items():
        done = laptop.run("run", laptop.file("bad.yaml", text))
        assert done.code == 2, (about, done)
        assert words in done.err, (about, done)
        assert "bad.yaml:" in done.err, (about, done)
        assert "Traceback" not in done.err
    assert laptop.run("check", "bad.yaml").code == 2
    assert laptop.run("check", "pipeline.yaml").code == 0
    assert laptop.run("run", "pipeline.yaml", "--dry-run").code == 0
    assert quiet == [log.read_text() for log in logs]
    assert [] == [one for place in team.places for one in place.traces]
    assert laptop.run("servers").code == 0
    assert all("Accepted publickey" in log.read_text() for log in logs)


def test_a_hostile_name_reaches_nothing(team: Team, laptop: Laptop) -> None:
    """A stage that is named like a path and a command is refused, whoever asks for it."""
    laptop.file("kept", "")
    for words in (
        ["run", laptop.file("bad.yaml", _named(_HOSTILE))],
        ["run", _HOSTILE],
        ["run", "pipeline.yaml", "--only", _HOSTILE],
        ["logs", _HOSTILE, _HOSTILE],
        ["resume", _HOSTILE],
        ["status", _HOSTILE],
        ["cancel", _HOSTILE],
    ):
        done = laptop.run(*words)
        assert done.code == 2, (words, done)
        assert "Traceback" not in done.err
    assert (laptop.work / "kept").exists()
    assert not (laptop.work / "results").exists()
    assert [] == [one for place in team.places for one in place.traces]


#: Values that a shell would not leave alone.
_VALUES = {
    "substitution": "$(touch /workspace/pwned)",
    "backticks": "`touch /workspace/pwned`",
    "commands": "x; touch /workspace/pwned # && touch /workspace/pwned | touch /workspace/pwned",
    "quotes": "'; touch /workspace/pwned; '\"; touch /workspace/pwned; \"",
    "lines": "a\ntouch /workspace/pwned\n\tb\\n",
    "words": " two  words * ? ~ $HOME ${HOME} %s ! \\ ",
    "letters": "값 ümlaut \u202e \U0001f680",
}


def _shown(place: Place) -> dict[str, Any]:
    path = place.path("/workspace/ccu-2.0/shown.json")
    shown: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return shown


def _assert_not_run(team: Team) -> None:
    assert not any(list(place.host.folder.glob("**/pwned")) for place in team.places)


def test_values_of_the_environment_are_not_read_by_a_shell(team: Team, laptop: Laptop) -> None:
    """Values with metacharacters arrive as they were written, from pipeline and configuration."""
    names = {f"VALUE_{name.upper()}": value for name, value in _VALUES.items()}
    stage = {
        "name": "a",
        "title": _VALUES["substitution"],
        "server": "ccu2-builder",
        "workdir": "/workspace/ccu-2.0",
        "command": "./build.py",
        "env": names,
    }
    laptop.set_config(
        lambda text: text.replace(
            "host: h2\n", f"host: h2\n    env: {json.dumps({'SERVER': _VALUES['commands']})}\n"
        )
    )
    team.ccu2.tell({"show": [*names, "SERVER", "BUILDORCH_STAGE"]})
    text = json.dumps({"pipeline": {"name": "odd", "stages": [stage]}}, ensure_ascii=False)
    done = laptop.run("run", laptop.file("odd.yaml", text), "--json", "--no-notify")
    assert done.code == 0, done
    expected = {**names, "SERVER": _VALUES["commands"], "BUILDORCH_STAGE": "a"}
    assert expected == _shown(team.ccu2)["values"]
    _assert_not_run(team)


def test_arguments_and_folders_are_not_read_by_a_shell(team: Team, laptop: Laptop) -> None:
    """A command that is a list is run as it is, in a folder of any name."""
    folder = "/workspace/$(touch pwned) it's; `x`"
    team.ccu2.path(f"{folder}/x").parent.mkdir()
    stage = {
        "name": "a",
        "server": "ccu2-builder",
        "workdir": folder,
        "command": [team.ccu2.program, *_VALUES.values()],
    }
    team.ccu2.tell({"show": []})
    text = json.dumps({"pipeline": {"name": "odd", "stages": [stage]}}, ensure_ascii=False)
    done = laptop.run("run", laptop.file("odd.yaml", text), "--json", "--no-notify")
    assert done.code == 0, done
    assert [*_VALUES.values()] == _shown(team.ccu2)["arguments"]
    assert folder == _shown(team.ccu2)["folder"]
    _assert_not_run(team)


_PYTHON = """\
from buildorch import Flow, pipeline, stage


@stage(server="ccu2-builder", workdir="/workspace/ccu-2.0")
def shown(value: str) -> list[str]:
    return ["./build.py", value]


@pipeline
def odd(value: str) -> Flow:
    return shown(value=value)
"""


@pytest.mark.parametrize("value", _VALUES.values(), ids=_VALUES)
def test_parameters_are_not_read_by_a_shell(team: Team, laptop: Laptop, value: str) -> None:
    """A parameter arrives as it was typed, as an argument and in the environment."""
    team.ccu2.tell({"show": ["BUILDORCH_PARAM_VALUE"]})
    typed = f"value={value}"
    name = laptop.file("odd.py", _PYTHON)
    done = laptop.run("run", name, "--json", "--no-notify", "--param", typed)
    assert done.code == 0, done
    assert [value] == _shown(team.ccu2)["arguments"]
    assert {"BUILDORCH_PARAM_VALUE": value} == _shown(team.ccu2)["values"]
    _assert_not_run(team)
