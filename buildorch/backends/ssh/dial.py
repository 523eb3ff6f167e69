"""The first hop's socket: connected in time, without Nagle, and quick to notice a dead link."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator

from buildorch.backends.ssh_config import ResolvedHost

#: Seconds that sent bytes may stay without an answer from the other machine.
_DEAD_AFTER = 10
_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
#: Per option its level and value; a platform lacks some.
_OPTIONS = (
    ("SOL_SOCKET", "SO_KEEPALIVE", 1),
    ("IPPROTO_TCP", "TCP_NODELAY", 1),
    ("IPPROTO_TCP", "TCP_KEEPIDLE", 3),
    ("IPPROTO_TCP", "TCP_KEEPINTVL", 2),
    ("IPPROTO_TCP", "TCP_KEEPCNT", 4),
    ("IPPROTO_TCP", "TCP_USER_TIMEOUT", _DEAD_AFTER * 1000),
)


def dial(host: ResolvedHost) -> socket.socket:
    """Return a socket that is connected to *host*, by TCP or by its proxy command.

    Raises:
        OSError: The last address's error; a name without an address is `socket.gaierror`.
    """
    if host.proxy_command:
        return _start_proxy(host.proxy_command)
    family = _FAMILIES.get(host.family, socket.AF_UNSPEC)
    addresses = socket.getaddrinfo(host.host, host.port, family, socket.SOCK_STREAM)
    failure: OSError | None = None
    for address_family, kind, protocol, _, address in addresses:
        link = socket.socket(address_family, kind, protocol)
        try:
            link.settimeout(host.connect_timeout)
            link.connect(address)
        except OSError as error:
            link.close()
            failure = error
        else:
            for level, option, value in _supported():
                link.setsockopt(level, option, value)
            return link
    raise failure or OSError("no address to connect to")


def _supported() -> Iterator[tuple[int, int, int]]:
    for level, option, value in _OPTIONS:
        with contextlib.suppress(AttributeError):
            yield getattr(socket, level), getattr(socket, option), value


def _start_proxy(command: str) -> socket.socket:
    """Run the command as ssh does; it ends by itself when our end of the pair is closed."""
    ours, theirs = socket.socketpair()
    with theirs:
        proxy = subprocess.Popen(  # noqa: S603 - ssh_config's own command, in a shell as ssh has it
            ["/bin/sh", "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
        )
    threading.Thread(target=proxy.wait, name="proxy command", daemon=True).start()
    return ours
