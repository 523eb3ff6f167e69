"""A session channel as the two-way byte stream that a job session speaks over."""

from __future__ import annotations

import threading

import fabric
import paramiko

from buildorch.backends.ssh.failures import said
from buildorch.errors import LinkLost

_NOISE_KEPT = 4096
_EXIT_STATUS = 1.0


class ChannelLink:
    """A `Duplex` over a channel; owns the connection, since a lost reference would close it.

    Args:
        connection: The open connection.
        channel: A session channel of it, with the command started.
    """

    def __init__(self, connection: fabric.Connection, channel: paramiko.Channel) -> None:
        self._connection = connection
        self._channel = channel
        self._noise = b""
        self._greeting = b""
        self._ended = threading.Event()

    def send(self, data: bytes) -> None:
        """Send all of *data*.

        Raises:
            LinkLost: The channel is closed.
        """
        try:
            self._channel.sendall(data)
        except (OSError, EOFError, paramiko.SSHException) as error:
            if self._connection.is_connected:
                self._ended.wait(_EXIT_STATUS)  # what the command said at its end comes first
            raise LinkLost(f"the connection is gone ({said(error)})") from error

    def recv(self, limit: int) -> bytes:
        """Return at most *limit* bytes as soon as there are any; nothing at the end."""
        try:
            data = self._channel.recv(limit)
        except (OSError, EOFError, paramiko.SSHException):
            data = b""
        self._take_noise()
        self._greeting += data[: _NOISE_KEPT - len(self._greeting)]
        if not data and self._connection.is_connected:
            self._channel.status_event.wait(_EXIT_STATUS)  # it follows the end of the output
        if not data:
            self._ended.set()
        return data

    def close(self) -> None:
        """End the connection, and the channel with it.

        Closing the channel first would send a message, which a dead link never takes.
        """
        self._connection.close()

    @property
    def exit_status(self) -> int | None:
        """What the command ended with, where the server said so: the link itself was up then."""
        status = self._channel.exit_status
        return None if status < 0 else status

    @property
    def last_words(self) -> str:
        """What was printed, for a command that ended instead of speaking with us."""
        return self.noise or self._greeting.decode(errors="replace").strip()

    @property
    def noise(self) -> str:
        """The end of what came on stderr: a shell that cannot start says so there."""
        self._take_noise()
        return self._noise.decode(errors="replace").strip()

    def _take_noise(self) -> None:
        """Empty stderr, whose bytes would else fill the window that stdout needs as well."""
        while self._channel.recv_stderr_ready():
            fresh = self._channel.recv_stderr(_NOISE_KEPT)
            self._noise = (self._noise + fresh)[-_NOISE_KEPT:]
            if not fresh:
                return
