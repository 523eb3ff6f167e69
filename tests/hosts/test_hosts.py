"""The hosts themselves: what a fault of theirs looks like, so that other tests can rely on it."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from hosts.bed import Bed
from hosts.host import Host
from hosts.loopback import Loopback


def _ssh(host: Host, command: str) -> subprocess.CompletedProcess[str]:
    words = ["ssh", "-F", str(host.client / "ssh_config"), host.name, command]
    return subprocess.run(words, text=True, capture_output=True, check=False)


def _dial(host: Host, timeout: float = 1.0) -> float:
    """Connect to the host's sshd."""
    with socket.create_connection((host.network.address, 22), timeout):
        return timeout


def test_hosts_are_apart(hosts: tuple[Host, ...]) -> None:
    """Each host has its own name, boot id, home and workspace, and strict ssh reaches it."""
    facts = "hostname; cat /proc/sys/kernel/random/boot_id; id -un; touch ~/mine /workspace/mine"
    answers = [_ssh(host, facts).stdout.split() for host in hosts]
    assert [[a[0], a[2]] for a in answers] == [["h1", "build"], ["h2", "build"], ["h3", "build"]]
    assert len({answer[1] for answer in answers}) == 3
    assert all((host.home() / "mine").exists() for host in hosts)
    assert all((host.folder / "workspace/mine").exists() for host in hosts)


def test_a_silent_cut_swallows_packets_and_heals(hosts: tuple[Host, ...]) -> None:
    """A cut by drop lets no connection through and says nothing; its counter proves it."""
    hosts[0].network.cut()
    with pytest.raises(TimeoutError):
        _dial(hosts[0], 0.5)
    assert hosts[0].network.dropped() > 0
    assert _dial(hosts[1])
    hosts[0].network.heal()
    assert _dial(hosts[0], 5)


def test_a_reset_refuses(hosts: tuple[Host, ...]) -> None:
    """A cut by reset answers at once."""
    hosts[0].network.cut("reset")
    with pytest.raises(ConnectionRefusedError):
        _dial(hosts[0])


def test_a_reboot_gives_a_new_boot_id_and_an_empty_tmp(hosts: tuple[Host, ...]) -> None:
    """After a reboot nothing of before runs, /tmp is empty and /workspace is still there."""
    read = "cat /proc/sys/kernel/random/boot_id"
    before = hosts[0].run(read)
    hosts[0].run("touch /tmp/x /workspace/kept; sleep 100 >/dev/null 2>&1 </dev/null &")
    hosts[0].reboot()
    assert before != hosts[0].run(read)
    assert hosts[0].run("ls /tmp").strip() == ""
    assert "kept" in hosts[0].run("ls /workspace")
    assert hosts[0].pids("sleep") == []


def test_a_delay_is_felt_both_ways(hosts: tuple[Host, ...]) -> None:
    """A delay of 50 ms makes a connection take 100 ms."""
    import time  # noqa: PLC0415 - measured here only

    hosts[0].network.delay(50)
    start = time.monotonic()
    _dial(hosts[0])
    assert 0.1 <= time.monotonic() - start < 0.5


def test_traffic_is_counted_at_the_link(hosts: tuple[Host, ...]) -> None:
    """A connection adds packets in both directions."""
    before = hosts[2].network.traffic()
    _dial(hosts[2])
    after = hosts[2].network.traffic()
    assert after.sent_packets > before.sent_packets
    assert after.received_bytes > before.received_bytes


def test_a_hidden_program_is_gone_until_the_host_is_mended(hosts: tuple[Host, ...]) -> None:
    """A program that is hidden cannot be found, and comes back."""
    hosts[0].hide("/usr/bin/python3")
    assert hosts[0].run("command -v python3", check=False) == ""
    hosts[0].restore()
    assert hosts[0].run("command -v python3").strip() == "/usr/bin/python3"


def test_a_cable_between_hosts_reaches_what_we_cannot(bed: Bed) -> None:
    """A host is reachable on a cable from another host."""
    first, second, _ = bed.hosts
    address = bed.link(first, second)
    probe = f"timeout 2 bash -c 'read -t 2 line </dev/tcp/{address}/22; echo $line'"
    assert first.run(probe).startswith("SSH-2.0")


def test_sshd_on_loopback_gives_its_own_home(sshd: Loopback) -> None:
    """A session on the loopback sshd sees a home folder of the test's own."""
    words = ["ssh", "-F", str(sshd.ssh_config), "here", "echo $HOME"]
    answer = subprocess.run(words, text=True, capture_output=True, check=True).stdout
    assert sshd.home == Path(answer.strip())
