"""parallel-ssh: one connection for each slot of each host, or one with all commands on it."""

from __future__ import annotations

import time

from pssh.clients import ParallelSSHClient, SSHClient
from pssh.exceptions import SessionError
from told import Told, tell

TOLD = Told()


def _rounds() -> int:
    """Run one command on each slot at a time, as `run_command` does."""
    slots = [address for address in TOLD.hosts for _ in range(TOLD.width)]
    client = ParallelSSHClient(slots, user=TOLD.user, pkey=TOLD.key, allow_agent=False)
    done = 0
    for _ in range(TOLD.count // len(slots)):
        outputs = client.run_command(TOLD.command, stop_on_errors=False)
        client.join(outputs)
        done += sum(output.exit_code == 0 for output in outputs)
    return done


def _at_once() -> int:
    """Run all commands at once on one connection."""
    client = SSHClient(TOLD.hosts[0], user=TOLD.user, pkey=TOLD.key, allow_agent=False)
    outputs = []
    for _ in range(TOLD.count):
        try:
            outputs.append(client.run_command(TOLD.command))
        except SessionError:
            continue  # lost: it is not counted
    for output in outputs:
        client.wait_finished(output)
    return sum(output.exit_code == 0 for output in outputs)


begun = time.perf_counter()
done = _at_once() if TOLD.kind == "sleep" else _rounds()
tell(time.perf_counter() - begun, TOLD.count, done)
