"""A socket that is read in large pieces, and waited for in peace.

paramiko asks twice for each packet, for a little, and looks ten times a second whether it was
closed: over many quiet links that is most of what this machine does.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

_SIZE = 1 << 17

#: Seconds between looks whether the link was closed; whoever closes it says so with `wake`.
_LOOK = 1.0


class ReadAhead:
    """A connected socket, or a channel to a host behind another one, that is read ahead.

    Args:
        link: The socket; all that is not said here is done by it.
    """

    def __init__(self, link: Any) -> None:  # noqa: ANN401 - a socket, or paramiko's Channel
        self._link = link
        self._ahead = b""
        self._at = 0

    def recv(self, limit: int) -> bytes:
        """Return at most *limit* bytes as soon as there are any; nothing at the end."""
        if self._at == len(self._ahead):
            self._ahead, self._at = self._link.recv(_SIZE), 0
        begin, self._at = self._at, min(self._at + limit, len(self._ahead))
        return self._ahead[begin : self._at]

    def settimeout(self, seconds: float) -> None:
        """Wait for no longer than so many seconds, or for a while where somebody wakes us."""
        self._link.settimeout(max(seconds, _LOOK) if self._wakes else seconds)

    def wake(self) -> None:
        """Have whoever reads find the end at once."""
        if self._wakes:
            with contextlib.suppress(OSError):  # it is gone already
                self._link.shutdown(socket.SHUT_RDWR)

    @property
    def _wakes(self) -> bool:
        """Whether it is a socket: a channel cannot be woken without a message to its server."""
        return isinstance(self._link, socket.socket)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a socket has
        return getattr(self._link, name)
