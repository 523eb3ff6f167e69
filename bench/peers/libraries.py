"""Peers that are Python libraries: each has a program of its own in `bench/programs`."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from bench.bench import Bench
from bench.peers import openssh
from bench.peers.installed import Peer
from bench.row import OURS, Contender, Sample, own_version


@attrs.frozen
class Library:
    """A library, and the program that works with it: `PROGRAM KIND HOSTS.json COUNT [WIDTH]`.

    Attributes:
        name: As it is shown.
        program: Its program.
        peer: How it is installed; None is this environment, which is ours.
        version: Tells its version, where it has no *peer*.
    """

    name: str
    program: str
    peer: Peer | None = None
    version: Callable[[], str] = own_version

    def contender(
        self,
        kind: str,
        count: int,
        *,
        hosts: int = 1,
        width: int = 1,
        own: bool = False,
        called: str = "",
        times: int | None = None,
    ) -> Contender:
        """Return it as a contender.

        Args:
            kind: The kind of work: a key of `told.COMMANDS`.
            count: How many stages.
            hosts: On how many hosts.
            width: How many at once on each.
            own: Whether each slot has its own connection, where the program has that choice.
            called: Another name, where one row has it twice.
            times: It is run at most that often.
        """
        more = ("own",) if own else ()
        words = " ".join(map(str, (kind, "HOSTS.json", count, width, *more)))
        shown = f"python bench/programs/{self.program}.py {words}"

        def run(bench: Bench) -> Sample:
            told = bench.hosts(hosts).told
            words = (kind, told, count, width, *more)
            if self.peer is None:
                return bench.program(self.program, *words)
            return bench.program(self.program, *words, python=self.peer.python)

        version = self.version if self.peer is None else self.peer.version
        return Contender(called or self.name, shown, run, version, times)


BUILDORCH = Library(OURS, "ours_ssh")
ASYNCSSH = Library("asyncssh", "peer_asyncssh", Peer("asyncssh", "2.24.1"))
PARAMIKO = Library("paramiko, TCP_NODELAY", "peer_paramiko", Peer("paramiko", "5.1.0"))
FABRIC = Library("Fabric", "peer_fabric", Peer("fabric", "3.2.3", ("paramiko==5.1.0",)))
PARALLEL_SSH = Library("parallel-ssh", "peer_pssh", Peer("parallel-ssh", "2.16.0.post1"))
PYINFRA = Library("pyinfra", "peer_pyinfra", Peer("pyinfra", "3.10.0"))
CLUSTERSHELL = Library("ClusterShell", "peer_clustershell", Peer("ClusterShell", "1.10.1"))
POLLING = Library("nohup, poll every 30 s", "peer_poll", version=openssh.version)
