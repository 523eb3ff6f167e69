"""parallel-ssh: the lines of a command's output, written as they come."""

from __future__ import annotations

from logs_told import HERE, ToldOfLog, measured
from pssh.clients import SSHClient


def _work() -> None:
    told = ToldOfLog()
    world = told.world
    client = SSHClient(told.address, user=world["user"], pkey=world["key"], allow_agent=False)
    output = client.run_command(told.command)
    with HERE.open("w") as file:
        file.writelines(f"{line}\n" for line in output.stdout)
    client.wait_finished(output)


measured(_work)
