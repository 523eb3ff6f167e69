"""pyinfra by its API: operations on all hosts in parallel, without waiting for each other."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()  # before anything else is imported, as its own program does

# ruff: noqa: E402
import time

from pyinfra.api import Config, Inventory, State
from pyinfra.api.connect import connect_all
from pyinfra.api.operation import add_op
from pyinfra.api.operations import run_ops
from pyinfra.operations import server
from told import Told, tell

TOLD = Told()


def _state() -> State:
    data = {
        "ssh_user": TOLD.user,
        "ssh_key": TOLD.key,
        "ssh_known_hosts_file": TOLD.known_hosts,
        "ssh_config_file": "/dev/null",
        "ssh_allow_agent": False,
        "ssh_look_for_keys": False,
    }
    return State(Inventory((TOLD.hosts, data)), Config())


def _all() -> int:
    state = _state()
    connect_all(state)
    each = TOLD.count // len(TOLD.hosts)
    for number in range(each):
        add_op(state, server.shell, name=f"stage {number}", commands=[TOLD.command])
    run_ops(state, no_wait=True)
    return sum(state.results[host].success_ops for host in state.inventory)


begun = time.perf_counter()
done = _all()
tell(time.perf_counter() - begun, TOLD.count, done)
