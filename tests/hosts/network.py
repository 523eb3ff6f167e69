"""The network of one host: a namespace, a pair of links, and ways to break them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Literal

import attrs

from hosts import processes
from hosts.commands import BedError, run, wait_for


@attrs.frozen
class Traffic:
    """Counters of a host's link since it was made.

    Attributes:
        sent_packets: Packets from this machine to the host.
        sent_bytes: Their bytes.
        received_packets: Packets from the host.
        received_bytes: Their bytes.
    """

    sent_packets: int
    sent_bytes: int
    received_packets: int
    received_bytes: int


class Network:
    """The link between this machine and a host.

    Args:
        name: Name of the namespace; device names begin with it.
        subnet: Its first three numbers: this machine is `.1`, the host `.2`.
        folder: Where the pid of the delaying process is kept.
    """

    def __init__(self, name: str, subnet: str, folder: Path) -> None:
        self.name = name
        self.client_address = f"{subnet}.1"
        self.address = f"{subnet}.2"
        self.changed = False
        self._outer, self._inner, self._tun = (f"{name}{end}" for end in "abt")
        self._delay_pid = folder / "delay.pid"

    @property
    def inode(self) -> int | None:
        """Inode of the namespace, or None before it is made."""
        try:
            return Path(f"/run/netns/{self.name}").stat().st_ino
        except OSError:
            return None

    @property
    def enter(self) -> list[str]:
        """The words that start a program in the namespace."""
        return ["nsenter", f"--net=/run/netns/{self.name}"]

    def make(self) -> None:
        """Make the namespace and both ends of the link."""
        run("ip", "netns", "add", self.name)
        run(
            *("ip", "-batch", "-"),
            stdin=f"link add {self._outer} type veth peer name {self._inner} netns {self.name}\n"
            f"addr add {self.client_address}/24 dev {self._outer}\n"
            f"link set {self._outer} up\n",
        )
        run(
            *("ip", "-n", self.name, "-batch", "-"),
            stdin=f"addr add {self.address}/24 dev {self._inner}\n"
            f"link set {self._inner} up\nlink set lo up\n",
        )

    def remove(self) -> None:
        """Remove the link and the namespace."""
        run("ip", "link", "del", self._outer, check=False)  # at once: the namespace's end is late
        run("ip", "netns", "del", self.name, check=False)

    def connect(self) -> None:
        """Plug the cable in at the host."""
        run("ip", "-n", self.name, "link", "set", self._inner, "up")

    def disconnect(self) -> None:
        """Pull the cable out at the host: here the route stays, and leads nowhere."""
        self.changed = True
        run("ip", "-n", self.name, "link", "set", self._inner, "down", check=False)

    def cut(self, how: Literal["drop", "reset", "link"] = "drop") -> None:
        """Lose the network: silently, with resets, or as a cable that is pulled out."""
        self.changed = True
        if how == "link":
            self.disconnect()
        elif how == "reset":  # at INPUT only: at OUTPUT it would swallow its own resets
            self._firewall("-I INPUT -p tcp -j REJECT --reject-with tcp-reset")
        else:
            self._firewall("-I INPUT -j DROP")
            self._firewall("-I OUTPUT -j DROP")

    def heal(self) -> None:
        """Undo any cut."""
        self.connect()
        self._firewall("-F")

    def restore(self) -> None:
        """Undo any change."""
        if self.changed:
            self.delay(0)
            self.heal()
            self.changed = False

    def dropped(self) -> int:
        """Return how many packets a cut has swallowed so far: proof that it bit."""
        lines = self._firewall("-L -v -x -n").splitlines()
        return sum(int(line.split()[0]) for line in lines if " DROP " in f"{line} "[:40])

    def _firewall(self, rule: str) -> str:
        return run(*self.enter, "iptables", "-w", "10", *rule.split())

    def traffic(self) -> Traffic:
        """Read the counters of the link; while there is a delay, of the one that delays."""
        delaying = Path(f"/sys/class/net/{self._tun}")
        device = delaying if delaying.exists() else Path(f"/sys/class/net/{self._outer}")
        folder = device / "statistics"
        names = ("tx_packets", "tx_bytes", "rx_packets", "rx_bytes")
        return Traffic(*(int((folder / name).read_text()) for name in names))

    def delay(self, milliseconds: float) -> None:
        """Hold each packet for that long, in either direction; 0 ends it."""
        self._end_delay()
        if milliseconds <= 0:
            return
        self.changed = True
        ready, write_end = os.pipe()
        addresses = (self.address, self.client_address)
        words = [self.name, self._tun, *addresses, str(milliseconds / 1000), str(write_end)]
        relay = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("delay.py")), *words],
            pass_fds=[write_end],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        relay.returncode = 0  # ended by its pid, maybe from another run: nobody waits for it
        os.close(write_end)
        self._delay_pid.write_text(str(relay.pid))
        with os.fdopen(ready, "rb") as pipe:
            if pipe.read() != b"up":
                raise BedError(f"the delay of {self.name} did not start")

    def _end_delay(self) -> None:
        """End the delaying process; its devices and routes go with it."""
        if not self._delay_pid.exists():
            return
        pid = int(self._delay_pid.read_text())
        self._delay_pid.unlink()
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and b"delay.py" in command.read_bytes():
            processes.signal_each([pid], signal.SIGKILL)
            # Its devices are gone with it, not with the signal; the next one wants their names.
            wait_for(lambda: not processes.command_of(pid), f"the delay of {self.name} has ended")

    def link_to(self, other: Network, subnet: str) -> str:
        """Lay a cable between two hosts that this machine is not on; return *other*'s address.

        Args:
            other: The network of the other host.
            subnet: First three numbers of the cable's addresses.
        """
        ours, theirs = f"{self.name}x", f"{other.name}y"
        run("ip", "-n", self.name, "link", "del", ours, check=False)
        peer = ("peer", "name", theirs, "netns", other.name)
        run("ip", "-n", self.name, "link", "add", ours, "type", "veth", *peer)
        for network, device, number in ((self, ours, 1), (other, theirs, 2)):
            run("ip", "-n", network.name, "addr", "add", f"{subnet}.{number}/24", "dev", device)
            run("ip", "-n", network.name, "link", "set", device, "up")
        return f"{subnet}.2"
