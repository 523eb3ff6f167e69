"""Fabric: a command's output to `out_stream`."""

from __future__ import annotations

from fabric import Connection
from logs_told import HERE, ToldOfLog, measured


def _work() -> None:
    told = ToldOfLog()
    world = told.world
    keys = {"key_filename": world["key"], "allow_agent": False, "look_for_keys": False}
    with (
        Connection(told.address, user=world["user"], connect_kwargs=keys) as connection,
        HERE.open("w") as file,
    ):
        connection.run(told.command, out_stream=file, in_stream=False)


measured(_work)
