"""What the programs of all peers share: the hosts that they are told of, and how they report."""

from __future__ import annotations

import json
import statistics
import sys
from itertools import pairwise
from pathlib import Path

#: The work of one stage, by the kind of row. All hosts have the clock of this machine.
COMMANDS = {
    "chain": "true",
    "wide": "true",
    "crowd": "true",
    "sleep": "sleep 5",
    "idle": "sleep 85",
    "notice": "date +%s.%N; sleep 0.1; exec date +%s.%N",
}


class Told:
    """The arguments of a program: `KIND HOSTS.json COUNT [WIDTH]`.

    Attributes:
        kind: A key of COMMANDS.
        command: What each stage runs.
        count: How many stages.
        width: How many at once on each host.
        hosts: Addresses.
        names: Their names in the ssh_config.
    """

    def __init__(self, words: list[str] | None = None) -> None:
        self.kind, hosts, count, *width = words or sys.argv[1:]
        self.command = COMMANDS[self.kind]
        self.count = int(count)
        self.width = int(width[0]) if width else 1
        world = json.loads(Path(hosts).read_text())
        self.user, self.key = world["user"], world["key"]
        self.known_hosts, self.ssh_config = world["known_hosts"], world["ssh_config"]
        self.hosts = [host["address"] for host in world["hosts"]]
        self.names = [host["name"] for host in world["hosts"]]

    @property
    def shares(self) -> list[int]:
        """How many stages each slot of a host works off, one after the other."""
        slots = len(self.hosts) * self.width
        return [len(range(slot, self.count, slots)) for slot in range(self.width)]


def tell(seconds: float, asked: int, done: int, **figures: float) -> None:
    """Print what came of it, as the last line."""
    print(json.dumps({"seconds": seconds, "asked": asked, "done": done, **figures}))


def noticed(stages: list[tuple[str, float]]) -> dict[str, float]:
    """Return how late ends were known, and how late what depends on them began.

    Args:
        stages: Of each link of a chain, what its command printed, and when its end was known
            as Unix time.
    """
    stamps = [tuple(map(float, output.split())) for output, _ in stages]
    known = [at - end for (_, end), (_, at) in zip(stamps, stages, strict=True)]
    begun = [later[0] - end for (_, end), later in pairwise(stamps)]
    return {
        "known_ms": statistics.median(known) * 1e3,
        "begun_ms": statistics.median(begun) * 1e3,
    }
