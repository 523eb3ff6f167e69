"""Getting to know a host: the key that it shows, before anybody logs in there."""

from __future__ import annotations

import base64
import contextlib
import hmac
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import attrs
import paramiko

from buildorch.backends.ssh.connection import (
    KEY_EXCHANGE_TIMEOUT,
    LOG_CHANNEL,
    HandshakeLimit,
    make_connection,
)
from buildorch.backends.ssh.dial import dial
from buildorch.backends.ssh.failures import explained
from buildorch.backends.ssh.known_hosts import check, fingerprint, known_keys, preferred
from buildorch.backends.ssh_config import ResolvedHost
from buildorch.errors import HostKeyUnknown, UsageError


@attrs.frozen
class ShownKey:
    """A key that a host shows.

    Attributes:
        host: The host.
        kind: Type of the key.
        blob: The key in SSH's wire format.
    """

    host: ResolvedHost
    kind: str
    blob: bytes = attrs.field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Its fingerprint: `SHA256:...`."""
        return fingerprint(self.kind, self.blob).partition(" ")[2]

    def known(self, server: str) -> bool:
        """Tell whether known_hosts has it.

        Raises:
            HostKeyChanged: It has another one, or this one is revoked.
        """
        try:
            check(self.host, server, self.kind, self.blob)
        except HostKeyUnknown:
            return False
        return True

    def remember(self) -> str:
        """Add it to the first known_hosts file that ssh reads for the host.

        Returns:
            The file and the line.

        Raises:
            UsageError: It cannot be written there; says what to add by hand.
        """
        line = f"{_name(self.host)} {self.kind} {base64.b64encode(self.blob).decode()}\n"
        if not self.host.known_hosts:
            raise UsageError(
                f"ssh_config names no UserKnownHostsFile for {self.host.name}; name one, such as"
                " ~/.ssh/known_hosts"
            )
        file = Path(self.host.known_hosts[0])
        try:
            _append(file, line.encode())
        except OSError as error:
            raise UsageError(
                f"{file}, which ssh_config names for {self.host.name}, cannot be written:"
                f" {error.strerror}; mend that, or add this line to it:\n{line}"
            ) from error
        for key in known_keys(self.host):
            if key.blob == self.blob:
                return key.place
        raise UsageError(
            f"ssh would not read {file}, to which the key of {self.host.name} was added; look at"
            " UserKnownHostsFile in ssh_config"
        )


def hops(host: ResolvedHost) -> Iterator[ResolvedHost]:
    """Yield the hosts on the way to *host*, in the order they are dialled, then *host* itself."""
    for index, jump in enumerate(host.jumps):
        yield attrs.evolve(jump, jumps=host.jumps[:index])
    yield host


def shown_key(host: ResolvedHost, server: str) -> ShownKey:
    """Return the key that *host* shows; nobody logs in there, only on the hosts before it.

    Args:
        host: The host.
        server: Alias of the server, for errors.

    Raises:
        ConnectError: It cannot be reached, or a host on the way to it is not trusted yet.
    """
    with explained(host, server), _socket(host, server) as link:
        transport = paramiko.Transport(link)
        try:
            transport.set_log_channel(LOG_CHANNEL)
            algorithms = transport.get_security_options()
            algorithms.key_types = preferred(algorithms.key_types, known_keys(host))
            transport.banner_timeout = host.connect_timeout
            transport.start_client(timeout=host.connect_timeout + KEY_EXCHANGE_TIMEOUT)
            key = transport.get_remote_server_key()
        finally:
            transport.close()
    return ShownKey(host, key.get_name(), key.asbytes())


@contextlib.contextmanager
def _socket(host: ResolvedHost, server: str) -> Iterator[socket.socket | paramiko.Channel]:
    if not host.jumps:
        with contextlib.closing(dial(host)) as link:
            yield link
        return
    *before, last = host.jumps
    gateway = make_connection(attrs.evolve(last, jumps=tuple(before)), server, HandshakeLimit())
    with contextlib.closing(gateway):
        gateway.open()
        place = (host.host, host.port)
        yield gateway.transport.open_channel(
            "direct-tcpip", place, ("", 0), timeout=host.connect_timeout
        )


def _name(host: ResolvedHost) -> str:
    """Return the first field of a line about *host*, hashed where ssh_config wants that."""
    name = host.key_name.lower()
    if not host.hash_known_hosts:
        return name
    salt = secrets.token_bytes(20)
    digest = hmac.digest(salt, name.encode(), "sha1")
    return "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))


def _append(file: Path, line: bytes) -> None:
    """Append a line in one write; a last line without its end is not continued."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        unended = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, (b"\n" if unended else b"") + line)
    finally:
        os.close(descriptor)
