"""Connecting across a network that can break: silent hosts, jump hosts, crowded doors."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hosts.bed import Bed
from hosts.commands import wait_for
from hosts.host import Host

from buildorch.backends.ssh import SshBackend
from buildorch.errors import (
    ConnectError,
    ConnectRefused,
    ConnectTimedOut,
    HostKeyUnknown,
    ServerUnusable,
)
from buildorch.model import Server


def _server(to: Host, tmp_path: Path, *lines: str, **fields: object) -> Server:
    config = tmp_path / "ssh_config"
    config.write_text("\n".join(lines) + "\n" + (to.client / "ssh_config").read_text())
    return to.server(ssh_config=str(config), **fields)


def _fails(server: Server) -> ConnectError:
    with pytest.raises(ConnectError) as failure:
        SshBackend().connection(server)
    return failure.value


def test_a_silent_host_is_given_up_in_time(hosts: tuple[Host, ...], tmp_path: Path) -> None:
    """A cut that answers nothing ends after ConnectTimeout, with host and port."""
    hosts[0].network.cut()
    start = time.monotonic()
    error = _fails(_server(hosts[0], tmp_path, "ConnectTimeout 1"))
    assert 0.9 < time.monotonic() - start < 3
    assert isinstance(error, ConnectTimedOut)
    assert f"{hosts[0].network.address}:22" in str(error)
    assert hosts[0].network.dropped() > 0


def test_a_machine_that_is_off_is_told(hosts: tuple[Host, ...], tmp_path: Path) -> None:
    """A host without power is no route or no answer, never a refusal."""
    hosts[0].crash()
    assert isinstance(_fails(_server(hosts[0], tmp_path, "ConnectTimeout 5")), ConnectTimedOut)


def test_a_frozen_machine_times_out(hosts: tuple[Host, ...], tmp_path: Path) -> None:
    """The kernel answers, sshd does not."""
    hosts[0].freeze()
    error = _fails(_server(hosts[0], tmp_path, "ConnectTimeout 1"))
    assert isinstance(error, ConnectTimedOut)
    assert "did not say who it is" in str(error)


def test_a_stopped_sshd_refuses(hosts: tuple[Host, ...]) -> None:
    """The machine is there, sshd is not."""
    hosts[0].stop_sshd()
    assert isinstance(_fails(hosts[0].server()), ConnectRefused)


def test_a_hidden_host_is_reached_through_another(bed: Bed, tmp_path: Path) -> None:
    """ProxyJump: both hops are verified and closed, and the inner one answers as itself."""
    gate, inner, _ = bed.hosts
    address = bed.link(gate, inner)
    lines = ("Host inner", f" HostName {address}", " HostKeyAlias h2", " ProxyJump h1", "Host *")
    server = _server(gate, tmp_path, *lines, name="inner", host="inner")
    with SshBackend().connection(server) as connection:
        assert connection.run("hostname", hide=True).stdout.strip() == "h2"
        hop = connection.gateway
    assert not hop.is_connected


def test_the_key_of_a_hidden_host_is_checked_as_well(bed: Bed, tmp_path: Path) -> None:
    """A hop is no reason to trust what lies behind it, nor the hop itself."""
    gate, inner, _ = bed.hosts
    address = bed.link(gate, inner)
    lines = ("Host inner", f" HostName {address}", " ProxyJump h1", "Host *")
    error = _fails(_server(gate, tmp_path, *lines, name="inner", host="inner"))
    assert isinstance(error, HostKeyUnknown)
    assert "through h1" in str(error)
    strange = ("Host h1", " HostKeyAlias unheard-of", "Host h2", " ProxyJump h1", "Host *")
    error = _fails(_server(gate, tmp_path, *strange, name="h2", host="h2"))
    assert isinstance(error, HostKeyUnknown)
    assert "h1, on the way to h2" in str(error)


def test_a_jump_host_that_cannot_go_on_is_named(bed: Bed, tmp_path: Path) -> None:
    """Refused behind the hop, forbidden by the hop, hop down: three different messages."""
    gate, inner, _ = bed.hosts
    address = bed.link(gate, inner)
    lines = ("Host inner", f" HostName {address}", " HostKeyAlias h2", " ProxyJump h1", "Host *")
    server = _server(gate, tmp_path, *lines, name="inner", host="inner")
    inner.stop_sshd()
    refused = _fails(server)
    gate.configure_sshd(AllowTcpForwarding="no")
    forbidden = _fails(server)
    gate.stop_sshd()
    down = _fails(server)
    assert [ConnectRefused, ServerUnusable, ConnectRefused] == [
        type(error) for error in (refused, forbidden, down)
    ]
    assert f"h1 cannot connect to {address}:22" in str(refused)
    assert "AllowTcpForwarding" in str(forbidden)
    assert "h1, on the way to inner" in str(down)


def test_logins_at_once_are_bounded(hosts: tuple[Host, ...]) -> None:
    """A backend never has more than three logins under way with one host."""
    # sshd hears of the end of a login a little later than we do: hence 6, not 3.
    hosts[0].configure_sshd(MaxStartups="6:100:6")
    backend = SshBackend()
    with ThreadPoolExecutor(12) as pool:
        connections = list(pool.map(backend.connection, [hosts[0].server()] * 12))
    assert all(connection.is_connected for connection in connections)
    for connection in connections:
        connection.close()


def test_a_crowded_door_is_told_as_what_it_is(hosts: tuple[Host, ...]) -> None:
    """MaxStartups 1:100:1: those who are turned away hear the real cause, and may come again."""
    hosts[0].configure_sshd(MaxStartups="1:100:1")
    hosts[0].network.delay(20)  # logins take long enough to meet
    ready = threading.Barrier(3)

    def knock(_number: int) -> ConnectError | None:
        ready.wait()
        try:
            SshBackend().connection(hosts[0].server()).close()
        except ConnectError as error:
            return error
        return None

    with ThreadPoolExecutor(3) as pool:
        errors = [error for error in pool.map(knock, range(3)) if error]
    assert 1 <= len(errors) <= 2
    assert all("MaxStartups" in str(error) and error.transient for error in errors)


def test_opening_one_connection_from_many_threads_is_safe(hosts: tuple[Host, ...]) -> None:
    """Threads that share a connection which is not open yet get one login, not several."""
    with SshBackend().connection(hosts[0].server()) as connection:
        connection.close()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: connection.open(), range(8)))
        wait_for(lambda: _logins(hosts[0]) == 1, "the login of before is gone, one is left")


def _logins(host: Host) -> int:
    lines = [Path(f"/proc/{pid}/cmdline") for pid in host.pids("sshd")]
    return sum(b"build [priv]" in line.read_bytes() for line in lines if line.exists())
