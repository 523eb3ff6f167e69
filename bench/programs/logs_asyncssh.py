"""asyncssh: the output of a process redirected to a file, in bytes."""

from __future__ import annotations

import asyncio

import asyncssh
from logs_told import HERE, ToldOfLog, measured


async def _work() -> None:
    told = ToldOfLog()
    async with asyncssh.connect(
        told.address,
        username=told.world["user"],
        client_keys=[told.world["key"]],
        known_hosts=told.world["known_hosts"],
        config=None,
        agent_path=None,
    ) as connection:
        await connection.run(told.command, stdout=str(HERE), encoding=None, check=True)


measured(lambda: asyncio.run(_work()))
