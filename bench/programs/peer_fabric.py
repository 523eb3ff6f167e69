"""Fabric: `KIND HOSTS COUNT WIDTH [own]`, one connection for each host, or for each slot."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from fabric import Connection
from invoke.exceptions import Failure, ThreadException
from paramiko import SSHException
from told import Told, noticed, tell

OWN = sys.argv[5:] == ["own"]
TOLD = Told(sys.argv[1:5])
STAGES: list[tuple[str, float]] = []


def _connected(address: str) -> Connection:
    keys = {"key_filename": TOLD.key, "allow_agent": False, "look_for_keys": False}
    connection = Connection(address, user=TOLD.user, connect_kwargs=keys)
    connection.open()
    return connection


def _slot(connection: Connection, count: int) -> int:
    done = 0
    for _ in range(count):
        try:
            result = connection.run(TOLD.command, hide=True, in_stream=False)
        except (Failure, ThreadException, SSHException, EOFError):
            continue  # lost: it is not counted
        STAGES.append((result.stdout, time.time()))
        done += 1
    return done


def _all() -> int:
    each = TOLD.width if OWN else 1
    with ThreadPoolExecutor(len(TOLD.hosts) * TOLD.width) as threads:
        connections = list(threads.map(_connected, [a for a in TOLD.hosts for _ in range(each)]))
        using = connections if OWN else [c for c in connections for _ in range(TOLD.width)]
        done = sum(threads.map(_slot, using, TOLD.shares * len(TOLD.hosts)))
    for connection in connections:
        connection.close()
    return done


begun = time.perf_counter()
done = _all()
seconds = time.perf_counter() - begun
tell(seconds, TOLD.count, done, **(noticed(STAGES) if TOLD.kind == "notice" else {}))
