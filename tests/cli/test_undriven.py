"""What runs although nobody drives it is said, wherever somebody may be misled."""

from __future__ import annotations

import json
import signal

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
