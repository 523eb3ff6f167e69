"""What the programs of the row of logs share: where the log is, and how they report."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from told import tell

#: The file here that takes the log.
HERE = Path("here.log")


class ToldOfLog:
    """The arguments of a program: `HOSTS.json LOG [HOW]`.

    Attributes:
        world: The hosts, the user and its key.
        address: Where the host is.
        log: Path of the log there.
        command: Prints it.
        how: What else was said.
    """

    def __init__(self) -> None:
        hosts, self.log, *self.how = sys.argv[1:]
        self.world = json.loads(Path(hosts).read_text())
        self.address = self.world["hosts"][0]["address"]
        self.command = f"cat {self.log}"


def measured(work: Callable[[], object]) -> None:
    """Do the work and print how long it took."""
    begun = time.perf_counter()
    work()
    tell(time.perf_counter() - begun, 1, 1)
