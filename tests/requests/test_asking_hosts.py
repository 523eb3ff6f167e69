"""Requests on real hosts: each line on its own server, and the stop hook where the build is."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from hosts.host import Host

from buildorch import Config, Server
from buildorch.model import BuildType
from buildorch.planner import find_server
from buildorch.requests import requested

REQUEST = """\
pipeline:
  1. yocto: build linux-s32
  2. host: build container-manager (after 1)
  3. test: run tests (after 2)
"""
SIDE_BY_SIDE = """\
parallel:
  - yocto: build linux-s32
  - host: build vam
  - host: build dpm
"""

#: A tool that says where it is, and what it was given.
_TOOL = '#!/bin/sh\necho "$(basename $0) $* in $(pwd)"\n'
_BED = "/home/build/bed"


def _server(host: Host, alias: str, build_type: str, tool: str) -> Server:
    """Return *host* as a server with a tool of the build type in its folder."""
    host.run(f"mkdir -p {_BED}; cat >{_BED}/{tool}; chmod +x {_BED}/{tool}", stdin=_TOOL)
    server = host.server(alias=alias, build_type=build_type, workdir=_BED)
    return attrs.evolve(server, setup=f"PATH={_BED}:$PATH")


@pytest.fixture(name="config")
def _config(hosts: tuple[Host, ...]) -> Config:
    servers = [
        _server(hosts[0], "yocto", "bitbake", "bitbake"),
        _server(hosts[1], "host", "build.py", "build.py"),
        _server(hosts[2], "test", "pytest", "pytest"),
    ]
    return Config(servers={server.name: server for server in servers})


def ran(text: str, config: Config, folder: Path) -> dict[str, str]:
    """Run what *text* asks for; return the stages' logs in the order of the plan."""
    pipeline = requested(text, config, lambda name: find_server(name, config))
    results = folder / "results"
    found = pipeline.run(config=config, home=folder / "state", results=results).check()
    logs = {name: results / "latest" / name / "attempt-1.log" for name in found.stages}
    return {name: log.read_text(encoding="utf-8") for name, log in logs.items()}


def test_each_line_runs_on_its_server(config: Config, tmp_path: Path) -> None:
    """Both kinds of requests run as they are written: commands, servers and folders fit."""
    assert ran(REQUEST, config, tmp_path / "one") == {
        "yocto-build-linux-s32": f"bitbake linux-s32 in {_BED}\n",
        "host-build-container-manager": f"build.py --module container-manager in {_BED}\n",
        "test-run": f"pytest -v in {_BED}\n",
    }
    assert ran(SIDE_BY_SIDE, config, tmp_path / "two") == {
        "yocto-build-linux-s32": f"bitbake linux-s32 in {_BED}\n",
        "host-build-vam": f"build.py --module vam in {_BED}\n",
        "host-build-dpm": f"build.py --module dpm in {_BED}\n",
    }


@pytest.mark.parametrize("part", ["python", "sh"])
def test_the_hook_runs_when_time_is_up(hosts: tuple[Host, ...], tmp_path: Path, part: str) -> None:
    """A build that is out of time is stopped by its hook, on the server, with both server parts."""
    host = hosts[0]
    if part == "sh":
        host.hide("/usr/bin/python3")
    kind = BuildType(name="slow", verbs={"build": "sleep 4711"}, stop="echo stopped >hook")
    server = host.server(build_type="slow", workdir="/home/build")
    config = Config(servers={server.name: server}, build_types={"slow": kind})
    pipeline = requested(f"{server.name}: build", config, lambda name: find_server(name, config))
    timed = attrs.evolve(pipeline, timeout=1)
    result = timed.run(config=config, home=tmp_path / "state", results=tmp_path / "results")
    [stage] = result.stages.values()
    assert stage.status == "timed_out"
    assert host.run("cat /home/build/hook; rm /home/build/hook") == "stopped\n"
    assert not [line for line in host.commands() if "sleep 4711" in line]
