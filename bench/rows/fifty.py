"""Fifty stages at once on one host whose sshd is as Debian ships it."""

from __future__ import annotations

from bench.peers import ansible, openssh, parallel
from bench.peers.libraries import ASYNCSSH, BUILDORCH, FABRIC, PARALLEL_SSH, PARAMIKO, POLLING
from bench.row import Row
from bench.targets import all_of, at_most, none_lost

_COUNT = 50

#: Runs of those that are slow, or lose most.
_SLOW = 2

ROW = Row(
    name="fifty",
    title="50 stages of `sleep 5` at once on one host, default sshd",
    contenders=(
        BUILDORCH.contender("sleep", _COUNT, width=_COUNT),
        ansible.contender("async sleep", _COUNT, times=_SLOW),
        ASYNCSSH.contender("sleep", _COUNT, width=_COUNT),
        ASYNCSSH.contender("sleep", _COUNT, width=8, called="asyncssh, 8 at once", times=1),
        PARAMIKO.contender("sleep", _COUNT, width=_COUNT, times=_SLOW),
        FABRIC.contender("sleep", _COUNT, width=_COUNT, times=_SLOW),
        PARALLEL_SSH.contender("sleep", _COUNT, width=_COUNT, times=_SLOW),
        openssh.contender(openssh.MASTER, "sleep", _COUNT, width=_COUNT),
        parallel.at_once("sleep 5", _COUNT),
        POLLING.contender("sleep", _COUNT, times=1),
    ),
    target=all_of(
        none_lost(),
        at_most("seconds", 5.6, "s"),
        at_most("peak_mb", 90, "MB"),
        at_most("threads", 12, "threads"),
    ),
    columns={"seconds": "seconds", "peak_mb": "peak MB", "threads": "threads"},
    note=(
        "sshd allows ten sessions on a connection and refuses new connections when ten have not "
        "logged in yet. Memory and threads are the program's with its children."
    ),
)
