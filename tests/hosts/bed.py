"""The hosts of one test process, in a place of their own among all test processes."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from pathlib import Path
from typing import TextIO

from hosts import processes
from hosts.commands import BedError, run
from hosts.host import Host
from hosts.network import Network

_ROOT = Path("/tmp/buildorch-hosts")
_PLACES = 100
_IN_ONE_NET = 250
_PROGRAMS = ("ip", "iptables", "unshare", "nsenter", "setpriv", "ssh", "ssh-keygen")
_SSH_CONFIG = """\
Host *
    User build
    IdentityFile {client}/id_ed25519
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {client}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
    ConnectTimeout 10
"""


def why_not() -> str | None:
    """Return why no hosts can be made here, or None."""
    if os.geteuid():
        return "hosts need root: network namespaces and iptables"
    missing = [name for name in _PROGRAMS if not shutil.which(name)]
    if not Path("/usr/sbin/sshd").exists():
        missing.append("sshd")
    return f"hosts need {', '.join(missing)}, which are not installed" if missing else None


class Bed:
    """A number of hosts, which exist between `make` and `remove`."""

    def __init__(self) -> None:
        self._number, self._lock = _take_place()
        self.folder = _ROOT / str(self._number)
        self.client = self.folder / "client"
        self.hosts: tuple[Host, ...] = ()

    def make(self, count: int = 3) -> None:
        """Make *count* hosts: `h1`, `h2`, ... and a client's ssh_config that knows them."""
        self._remove_leftovers()
        self.client.mkdir(parents=True)
        Path("/workspace").mkdir(exist_ok=True)  # where hosts mount their own
        key = self.client / "id_ed25519"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "client", "-f", key)
        self.hosts = tuple(self._host(number) for number in range(1, count + 1))
        for host in self.hosts:
            host.make()
        self._write_client_files()

    def _host(self, number: int) -> Host:
        folder = self.folder / f"h{number}"
        network = Network(f"{self._prefix}{number}", self._subnet(number), folder)
        return Host(f"h{number}", folder, network, self.client)

    def _subnet(self, number: int) -> str:
        """Return the first three numbers of a host's addresses; the third ends at 255."""
        if number < _IN_ONE_NET:
            return f"{self._net}.{number}"
        return f"10.{self._number}.{number - _IN_ONE_NET}"

    @property
    def _prefix(self) -> str:
        return f"bo{self._number}h"

    @property
    def _net(self) -> str:
        return f"10.{100 + self._number}"

    def link(self, first: Host, second: Host) -> str:
        """Lay a cable between two hosts; return the address of *second* on it."""
        number = 10 * (self.hosts.index(first) + 1) + self.hosts.index(second) + 1
        return first.network.link_to(second.network, f"{self._net}.{100 + number}")

    def _write_client_files(self) -> None:
        known = [f"{h.name},{h.network.address} {h.public_key}\n" for h in self.hosts]
        (self.client / "known_hosts").write_text("".join(known))
        names = [f"Host {h.name}\n    HostName {h.network.address}\n" for h in self.hosts]
        general = _SSH_CONFIG.format(client=self.client)
        (self.client / "ssh_config").write_text("".join(names) + general)

    def remove(self) -> None:
        """End and remove everything."""
        for host in self.hosts:
            host.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def _remove_leftovers(self) -> None:
        """Remove what a test process that was killed left in this place."""
        for path in Path("/run/netns").glob(f"{self._prefix}*"):
            host = self._host(int(path.name.removeprefix(self._prefix)))
            host.network.delay(0)
            inode = path.stat().st_ino
            processes.signal_each(processes.in_namespace("net", inode), signal.SIGKILL)
            host.network.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


def _take_place() -> tuple[int, TextIO]:
    """Take the first place that no living test process holds; its lock ends with the process."""
    _ROOT.mkdir(parents=True, exist_ok=True)
    for number in range(_PLACES):
        lock = (_ROOT / f"{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
        else:
            return number, lock
    raise BedError(f"all {_PLACES} places for hosts are taken")
