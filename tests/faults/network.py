"""Faults of the network between this machine and a host, each with the proof that it bit."""

from __future__ import annotations

from hosts.commands import run, wait_for
from hosts.host import Host

#: What a cut by reset lets out of the host: nothing but its resets.
_RESETS_ONLY = (
    "-I OUTPUT -j DROP",
    "-I OUTPUT -p tcp --tcp-flags RST RST -j ACCEPT",
    "-I INPUT -p tcp -j REJECT --reject-with tcp-reset",
)


class Wire:
    """The network of one host, cut in the ways that a real one is.

    Args:
        host: The host.
    """

    def __init__(self, host: Host) -> None:
        self._host = host

    def _rule(self, rule: str) -> str:
        self._host.network.changed = True  # whatever it is, it is undone after the test
        return run(*self._host.network.enter, "iptables", "-w", "10", *rule.split())

    def silence(self) -> None:
        """Swallow every packet, in both directions."""
        self._host.network.cut()

    def deafen(self) -> None:
        """Swallow what the host says; it still hears us."""
        self._rule("-I OUTPUT -j DROP")

    def reset(self) -> None:
        """Answer every packet with a reset, and let the host say nothing else."""
        for rule in _RESETS_ONLY:
            self._rule(rule)

    def heal(self) -> None:
        """Undo any cut."""
        self._host.network.heal()

    def bites(self) -> int:
        """Return how many packets were swallowed or answered with a reset since the cut."""
        lines = self._rule("-L -v -x -n").splitlines()
        rows = [line.split() for line in lines]
        return sum(int(row[0]) for row in rows if row[2:3] in (["DROP"], ["REJECT"]))

    def await_bite(self, known: int = 0, seconds: float = 10.0) -> None:
        """Wait until a cut has swallowed or reset more than *known* packets."""
        wait_for(lambda: self.bites() > known, "a fault that did not bite", seconds)
