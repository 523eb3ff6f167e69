"""What runs although nobody drives it is said, wherever somebody may be misled."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from buildorch import api
from buildorch.definitions import Pipeline
from buildorch.flow import Stage
from buildorch.model import Config, Server
from buildorch.testing import FakeBackend, Script
from buildorch.watched import Watched
from cli.user import User, signalled, until

CONFIG = """\
servers:
  here:
    backend: local
    slots: 1
"""


def test_a_job_that_nobody_drives_is_told(user: User) -> None:
    """Its controller left: `servers` lists it, and a run on the same server is warned."""
    user.write("config.yaml", CONFIG)
    user.write("one.yaml", "name: one\nserver: here\nstages:\n- {name: long, command: sleep 60}\n")
    user.write("two.yaml", "name: two\nserver: here\nstages:\n- {name: short, command: 'true'}\n")
    process = user.start("run", "one.yaml", "--config", "config.yaml")
    until(lambda: '"running"' in user.run("status", "--json").out, "it runs")
    run = user.run("status", "--json").last["run"]
    with user.gone(run):
        signalled(process, signal.SIGTERM)
        assert 75 == user.ends(process).code
        (server,) = json.loads(user.run("servers", "--json", "--config", "config.yaml").out)
        assert [f"{run} long (undriven)"] == server["jobs"]
        warned = user.run("run", "two.yaml", "--config", "config.yaml").err
        assert f"{run} long may still run on here, and nobody drives it" in warned
        assert f"buildorch cancel {run}" in warned


def test_a_run_that_ends_while_it_is_looked_up_is_over(tmp_path: Path) -> None:
    """What was stored between the first read and the question who drives it is seen."""
    backend = FakeBackend({"a": [Script(hold=True)]})
    config = Config(servers={"one": Server(name="one", backend="fake")})
    options = api.Options(
        config=config,
        backends={"fake": backend},
        home=tmp_path / "home",
        results=tmp_path / "results",
    )
    handle = api.start(Pipeline("p", Stage(name="a", command="make", server="one")), options)
    until(lambda: backend.running("a"), "it runs")
    with api.history(options) as (places, store):
        watched = Watched(places, store, handle.run_id)
        backend.finish("a")
        assert handle.wait(30) is not None
        kinds = [record.event.kind for record in watched.records()]
    assert watched.over
    assert "run_finished" in kinds
