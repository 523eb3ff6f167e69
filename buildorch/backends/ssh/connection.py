"""The one place that makes SSH connections: strict host keys, our login, deadlines everywhere.

`fabric.Connection` on its own accepts any host key and reads ssh_config incompletely, so none
is made anywhere else; a test holds that.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from collections.abc import Iterator
from typing import Any

import attrs
import fabric
import paramiko

from buildorch.backends.ssh.dial import dial
from buildorch.backends.ssh.failures import explained
from buildorch.backends.ssh.known_hosts import check, known_keys, preferred
from buildorch.backends.ssh.login import Login
from buildorch.backends.ssh.reading import ReadAhead
from buildorch.backends.ssh_config import ResolvedHost

#: Seconds for the key exchange, beside those for the connection.
KEY_EXCHANGE_TIMEOUT = 15.0

_LOGIN_TIMEOUT = 30.0
_CHANNEL_TIMEOUT = 20.0
_KEEPALIVE = 15
#: paramiko logs every failed connection with a traceback, also where nobody set up logging.
LOG_CHANNEL = "buildorch.paramiko"
#: Ciphers that need no checksum beside them: asked for first, a log takes half the time.
_QUICK = "-gcm@"


@attrs.frozen
class HandshakeLimit:
    """Bounds logins at once per host: sshd drops those above MaxStartups.

    Attributes:
        at_once: Handshakes that may run at once with one host.
    """

    at_once: int = 3
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _slots: dict[str, threading.Semaphore] = attrs.field(factory=dict, init=False)

    @contextlib.contextmanager
    def slot(self, place: str) -> Iterator[None]:
        """Hold one of the slots of *place* (`host:port`)."""
        with self._lock:
            slots = self._slots.setdefault(place, threading.Semaphore(self.at_once))
        with slots:
            yield


class StrictConnection(fabric.Connection):  # type: ignore[misc] # fabric ships no types
    """A `fabric.Connection` to a verified host; opening it twice at once is safe.

    Made by `make_connection` only. Closing it closes the hops that lead to it.
    """

    _target: ResolvedHost
    _server: str
    _limit: HandshakeLimit
    _opening: threading.RLock

    def open(self) -> None:
        """Connect, if not connected.

        Raises:
            ConnectError: One of its subclasses.
        """
        with self._opening, explained(self._target, self._server):
            if self.is_connected:
                return
            try:
                self._open()
            except BaseException:
                self._wake()
                self.client.close()
                self.close()
                raise

    def _open(self) -> None:
        if self.gateway:
            self.gateway.open()  # before our own slot is held: no slot waits for another
        with self._limit.slot(self._target.place):
            if not self.gateway:
                self.connect_kwargs["sock"] = dial(self._target)
            super().open()
        self.transport.set_keepalive(_KEEPALIVE)

    def _wake(self) -> None:
        """Have paramiko's thread notice at once that its connection ends."""
        transport = self.client.get_transport()
        if transport is not None and isinstance(transport.sock, ReadAhead):
            transport.sock.wake()

    def close(self) -> None:
        """End the connection and those that it goes through."""
        self._wake()
        super().close()
        if self.gateway:
            self.gateway.close()


class _KnownHostsOnly(paramiko.RejectPolicy):
    """Accepts what known_hosts has; paramiko asks for every host, as it is given no files."""

    def __init__(self, host: ResolvedHost, server: str) -> None:
        self._host = host
        self._server = server

    def missing_host_key(  # type: ignore[override] # the stub of its base never returns
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        del client, hostname
        check(self._host, self._server, key.get_name(), key.asbytes())


def make_connection(host: ResolvedHost, server: str, limit: HandshakeLimit) -> fabric.Connection:
    """Return a connection to *host* that is not open yet, with one for each hop before it.

    Args:
        host: What ssh_config says of the host.
        server: Alias of the server, for errors.
        limit: Shared by all connections of a backend.
    """
    connection = None
    for hop in host.jumps:
        on_the_way = attrs.evolve(hop, name=f"{hop.name}, on the way to {host.name}")
        connection = _make(on_the_way, server, limit, connection)
    return _make(host, server, limit, connection)


def _make(
    host: ResolvedHost, server: str, limit: HandshakeLimit, gateway: fabric.Connection | None
) -> fabric.Connection:
    connection = StrictConnection(
        host.host,
        user=host.user,
        port=host.port,
        config=_config(),
        gateway=gateway,
        forward_agent=False,
        connect_timeout=math.ceil(host.connect_timeout + KEY_EXCHANGE_TIMEOUT),
        connect_kwargs=_connect_options(host, server),
    )
    connection.client.set_missing_host_key_policy(_KnownHostsOnly(host, server))
    connection.client.set_log_channel(LOG_CHANNEL)
    connection._set(_target=host, _server=server, _limit=limit, _opening=threading.RLock())  # noqa: SLF001 - Invoke's way past its attribute proxy
    return connection


def _config() -> fabric.Config:
    """Return Fabric's defaults only: neither its files nor its reading of ssh_config."""
    overrides = {"run": {"in_stream": False}}
    return fabric.Config(lazy=True, ssh_config=paramiko.SSHConfig(), overrides=overrides)


def _connect_options(host: ResolvedHost, server: str) -> dict[str, Any]:
    def transport(sock: Any, **options: Any) -> paramiko.Transport:  # noqa: ANN401 - a socket or a hop's channel
        made = paramiko.Transport(ReadAhead(sock), **options)  # type: ignore[arg-type] # as good as one
        algorithms = made.get_security_options()
        algorithms.key_types = preferred(algorithms.key_types, known_keys(host))
        algorithms.ciphers = sorted(algorithms.ciphers, key=lambda name: _QUICK not in name)
        return made

    logging.getLogger(LOG_CHANNEL).addHandler(logging.NullHandler())
    return {
        "transport_factory": transport,
        "auth_strategy": Login(host, server),
        "allow_agent": False,
        "look_for_keys": False,
        "banner_timeout": host.connect_timeout,
        "auth_timeout": _LOGIN_TIMEOUT,
        "channel_timeout": _CHANNEL_TIMEOUT,
    }
