"""The faults: each is a generator that begins, yields how long it lasts, and mends what it broke.

What it returns is the proof that it bit; None where there was nothing to bite.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Generator, Mapping
from typing import Protocol, TypeAlias

import attrs
from hosts import processes
from hosts.network import Network

from chaos.chat import Chat
from chaos.place import STATE, Place
from chaos.story import FaultStory


@attrs.frozen
class Proof:
    """What shows that a fault bit, and the jobs that it was aimed at."""

    text: str
    jobs: tuple[str, ...] = ()


class World(Protocol):
    """What a fault can reach."""

    chat: Chat

    def place(self, name: str) -> Place:
        """Return a host of the story."""

    def end_controller(self, number: signal.Signals) -> int | None:
        """End the controller by a signal; return its exit code, None where none lives."""

    def resume(self) -> None:
        """Start a controller for the run, where it has not ended."""

    def second_controller(self) -> str | None:
        """Start one more controller; return how it was refused, None where none lives."""

    def cancel(self, *, by_signal: bool) -> bool:
        """Cancel the run; returns whether somebody was there to be told."""


Fault: TypeAlias = Generator[float, None, Proof | None]


def _cut(world: World, fault: FaultStory) -> Fault:
    network = world.place(fault.host).host.network
    network.cut()
    yield fault.seconds
    dropped = network.dropped()
    network.heal()
    return Proof(f"{dropped} packets dropped") if dropped else None


def _reset(world: World, fault: FaultStory) -> Fault:
    network = world.place(fault.host).host.network
    network.cut("reset")
    yield fault.seconds
    count = _rejected(network)
    network.heal()
    return Proof(f"{count} resets sent") if count else None


def _rejected(network: Network) -> int:
    lines = network._firewall("-L INPUT -v -x -n").splitlines()
    return sum(int(line.split()[0]) for line in lines if " REJECT " in f"{line} "[:40])


def _flap(world: World, fault: FaultStory) -> Fault:
    network = world.place(fault.host).host.network
    dropped = 0
    for number in range(2 + fault.amount % 4):
        network.cut()
        yield 0.1 + (fault.amount * (number + 1)) % 7 / 10
        dropped += network.dropped()
        network.heal()
        yield 0.05 + (fault.amount * (number + 3)) % 5 / 10
    return Proof(f"{dropped} packets dropped") if dropped else None


def _delay(world: World, fault: FaultStory) -> Fault:
    place = world.place(fault.host)
    network = place.host.network
    wanted = place.latency + 20 + 2 * fault.amount
    network.delay(wanted)
    yield fault.seconds
    begun = time.monotonic()
    with socket.socket() as probe:
        probe.settimeout(5)
        probe.connect_ex((network.address, 22))
    took = 1000 * (time.monotonic() - begun)
    network.delay(place.latency)
    return Proof(f"a round trip took {took:.0f} ms") if took >= wanted else None


def _sshd_stopped(world: World, fault: FaultStory) -> Fault:
    host = world.place(fault.host).host
    before = host._listener()
    host.stop_sshd()
    yield fault.seconds
    host.start_sshd()
    return Proof(f"sshd was {before}, is {host._listener()}")


def _sshd_restarted(world: World, fault: FaultStory) -> Fault:
    host = world.place(fault.host).host
    before, sessions = host._listener(), len(host.pids("sshd")) - 1
    host.stop_sshd(sessions=True)
    yield min(fault.seconds, 2.0)
    host.start_sshd()
    text = f"sshd was {before}, is {host._listener()}; {sessions} processes of sessions ended"
    return Proof(text) if sessions > 0 else None


def _reboot(world: World, fault: FaultStory) -> Fault:
    place = world.place(fault.host)
    host = place.host
    before = (host.folder / "boot_id").read_text().strip()
    jobs = tuple(one.job for one in place.running)
    place.rebooted = True
    host.network.cut()  # nobody gets in before all is as the story wants it
    host.crash()
    yield min(fault.seconds, 3.0)
    host.boot()
    place.arm()
    host.network.heal()
    after = host.run("cat /proc/sys/kernel/random/boot_id").strip()
    return Proof(f"boot id {before[:8]} became {after[:8]}", jobs) if after != before else None


def _freeze(world: World, fault: FaultStory) -> Fault:
    host = world.place(fault.host).host
    host.freeze()
    frozen = [pid for pid in host.pids() if _state(pid) == "T"]
    yield fault.seconds
    host.thaw()
    return Proof(f"{len(frozen)} processes stood still") if len(frozen) > 2 else None


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - one word of a process
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _supervisor_killed(world: World, fault: FaultStory) -> Fault:
    place = world.place(fault.host)
    for one in place.running[fault.amount % 2 :] or place.running:
        pid = int((place.field(one.job, "supervisor") or "0").split()[0])
        if pid and place.kill(pid):
            yield 0.0
            return Proof(f"supervisor {pid} is gone", (one.job,))
    yield 0.0
    return None


def _agent_killed(world: World, fault: FaultStory) -> Fault:
    agents = world.place(fault.host).agents()
    processes.signal_each(agents, signal.SIGKILL)
    yield 0.1
    gone = [pid for pid in agents if not processes.command_of(pid)]
    return Proof(f"{len(gone)} agents are gone") if gone else None


def _command_killed(world: World, fault: FaultStory) -> Fault:
    place = world.place(fault.host)
    for one in place.running:
        number = (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV)[fault.amount % 3]
        place.host.run(f"kill -{int(number)} {one.pid}", check=False)
        yield 0.2
        if not place.command_of(one.pid):
            return Proof(f"process {one.pid} is gone by {number.name}", (one.job,))
    yield 0.0
    return None


def _folder_removed(world: World, fault: FaultStory) -> Fault:
    place = world.place(fault.host)
    for one in place.running:
        folder = place.jobs / one.job
        if folder.is_dir():
            place.host.run(f"rm -rf {STATE}/jobs/{one.job}", user="build", check=False)
            yield 0.0
            # Its supervisor may record the end while files go: then the folder itself stays.
            gone = not (folder / "alive").exists()
            return Proof(f"{folder.name} is gone", (one.job,)) if gone else None
    yield 0.0
    return None


def _host_disk_full(world: World, fault: FaultStory) -> Fault:
    place = world.place(fault.host)
    fill = "for size in 65536 4096 1; do dd if=/dev/zero bs=$size; done 2>/dev/null >>ballast"
    place.host.run(f"cd {STATE} && {{ {fill}; }}", check=False)
    disk = os.statvfs(place.host.path(STATE))
    yield fault.seconds
    place.host.run(f"rm -f {STATE}/ballast")
    return Proof(f"{disk.f_bavail} blocks were free") if not disk.f_bavail else None


def _controller_killed(world: World, fault: FaultStory) -> Fault:
    code = world.end_controller(signal.SIGKILL)
    yield 0.02 + fault.amount / 50
    world.resume()
    return Proof("exit code -9") if code == -signal.SIGKILL else None


def _controller_killed_twice(world: World, fault: FaultStory) -> Fault:
    first = world.end_controller(signal.SIGKILL)
    yield 0.02
    world.resume()
    yield 0.3 + fault.amount / 80
    second = world.end_controller(signal.SIGKILL)
    yield 0.02 + fault.amount / 100
    world.resume()
    codes = [code for code in (first, second) if code == -signal.SIGKILL]
    return Proof(f"exit codes {codes}") if codes else None


def _detached(world: World, fault: FaultStory) -> Fault:
    code = world.end_controller(signal.SIGTERM)
    yield 0.02 + fault.amount / 50
    world.resume()
    return Proof("exit code 75") if code == 75 else None


def _second_controller(world: World, fault: FaultStory) -> Fault:
    del fault
    refused = world.second_controller()
    yield 0.0
    return Proof(refused) if refused else None


def _chat_down(world: World, fault: FaultStory) -> Fault:
    before = world.chat.troubled
    world.chat.mode = ("busy", "broken", "silent")[fault.amount % 3]
    yield fault.seconds
    count, mode = world.chat.troubled - before, world.chat.mode
    world.chat.mode = "fine"
    return Proof(f"{mode} to {count} requests") if count else None


def _cancelled(world: World, fault: FaultStory) -> Fault:
    told = world.cancel(by_signal=bool(fault.amount % 2))
    yield 0.0
    return Proof("somebody was told") if told else None


KINDS: Mapping[str, Callable[[World, FaultStory], Fault]] = {
    "cut": _cut,
    "reset": _reset,
    "flap": _flap,
    "delay": _delay,
    "sshd stopped": _sshd_stopped,
    "sshd restarted": _sshd_restarted,
    "reboot": _reboot,
    "freeze": _freeze,
    "supervisor killed": _supervisor_killed,
    "agent killed": _agent_killed,
    "command killed": _command_killed,
    "folder removed": _folder_removed,
    "host disk full": _host_disk_full,
    "controller killed": _controller_killed,
    "controller killed twice": _controller_killed_twice,
    "second controller": _second_controller,
    "detached": _detached,
    "chat down": _chat_down,
    "cancelled": _cancelled,
}

#: Those that leave a host or this machine in no state for another one of them.
LASTING = {
    *("cut", "reset", "flap", "delay", "sshd stopped", "sshd restarted", "reboot", "freeze"),
    *("controller killed", "controller killed twice", "second controller", "detached"),
    *("cancelled", "host disk full", "chat down"),
}
