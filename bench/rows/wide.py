"""Many short stages over three hosts: what a stage costs when eight run at once on each."""

from __future__ import annotations

from bench.peers import ansible, openssh
from bench.peers.libraries import ASYNCSSH, BUILDORCH, FABRIC, PARALLEL_SSH, PARAMIKO, PYINFRA
from bench.row import Row
from bench.targets import all_of, no_slower, none_lost

_COUNT, _HOSTS, _WIDTH = 600, 3, 8

#: Runs of those that are slow, or lose stages.
_SLOW = 2

ROW = Row(
    name="wide",
    title="600 `true` over 3 hosts, 8 slots each",
    contenders=(
        BUILDORCH.contender("wide", _COUNT, hosts=_HOSTS, width=_WIDTH),
        ASYNCSSH.contender("wide", _COUNT, hosts=_HOSTS, width=5, called="asyncssh, 5 at once"),
        ASYNCSSH.contender("wide", _COUNT, hosts=_HOSTS, width=_WIDTH),
        openssh.contender(openssh.MASTER, "wide", _COUNT, hosts=_HOSTS, width=_WIDTH),
        PARAMIKO.contender("wide", _COUNT, hosts=_HOSTS, width=_WIDTH),
        FABRIC.contender("wide", _COUNT, hosts=_HOSTS, width=_WIDTH, times=_SLOW),
        FABRIC.contender(
            "wide",
            _COUNT,
            hosts=_HOSTS,
            width=_WIDTH,
            own=True,
            called="Fabric, 8 connections",
            times=_SLOW,
        ),
        PARALLEL_SSH.contender("wide", _COUNT, hosts=_HOSTS, width=_WIDTH, times=_SLOW),
        PYINFRA.contender("wide", _COUNT, hosts=_HOSTS, times=_SLOW),
        ansible.contender("raw", _COUNT, hosts=_HOSTS, times=1),
    ),
    target=all_of(none_lost(), no_slower(openssh.MASTER)),
    columns={"each_ms": "ms a stage"},
    bar="each_ms",
    note=(
        "A library that shares one connection among eight threads loses commands: sshd allows "
        "ten sessions on a connection, and closes one a little later than it says so. "
        "pyinfra and Ansible run one command at a time on each host."
    ),
)
