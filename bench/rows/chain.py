"""A chain on one host: what a stage costs when the next one waits for it."""

from __future__ import annotations

from bench.peers import ansible, openssh
from bench.peers.libraries import ASYNCSSH, BUILDORCH, FABRIC, PARALLEL_SSH, PARAMIKO, PYINFRA
from bench.row import Row
from bench.targets import all_of, faster, no_slower, none_lost

_COUNT = 200

#: Runs of those that are slow, and far from ours.
_SLOW = 2

ROW = Row(
    name="chain",
    title="Chain of 200 `true`, one host",
    contenders=(
        BUILDORCH.contender("chain", _COUNT),
        ASYNCSSH.contender("chain", _COUNT),
        PARAMIKO.contender("chain", _COUNT),
        openssh.contender(openssh.MASTER, "chain", _COUNT),
        FABRIC.contender("chain", _COUNT),
        PARALLEL_SSH.contender("chain", _COUNT, times=_SLOW),
        PYINFRA.contender("chain", _COUNT, times=_SLOW),
        ansible.contender("command", _COUNT, times=1),
        openssh.contender(openssh.ALONE, "chain", _COUNT, times=1),
    ),
    target=all_of(none_lost(), no_slower(openssh.MASTER), faster(FABRIC.name, 8)),
    columns={"each_ms": "ms a stage"},
    bar="each_ms",
    note=(
        "Only buildorch detaches each command from the connection, records it and keeps its log. "
        "Ansible is timed with the start of its program."
    ),
)
