"""asyncssh: one connection for each host, on which WIDTH commands run at once."""

from __future__ import annotations

import asyncio
import time

import asyncssh
from told import Told, tell

TOLD = Told()


async def _slot(connection: asyncssh.SSHClientConnection, count: int) -> int:
    done = 0
    for _ in range(count):
        try:
            done += (await connection.run(TOLD.command)).exit_status == 0
        except asyncssh.Error:
            continue  # lost: it is not counted
    return done


async def _host(address: str) -> int:
    async with asyncssh.connect(
        address,
        username=TOLD.user,
        client_keys=[TOLD.key],
        known_hosts=TOLD.known_hosts,
        config=None,
        agent_path=None,
    ) as connection:
        return sum(await asyncio.gather(*(_slot(connection, share) for share in TOLD.shares)))


async def _all() -> int:
    return sum(await asyncio.gather(*map(_host, TOLD.hosts)))


begun = time.perf_counter()
done = asyncio.run(_all())
tell(time.perf_counter() - begun, TOLD.count, done)
