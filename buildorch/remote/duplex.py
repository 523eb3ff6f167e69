"""What a link is made of: a byte stream both ways, however it comes about."""

from __future__ import annotations

from typing import Protocol


class Duplex(Protocol):
    """A byte stream both ways."""

    def send(self, data: bytes) -> None:
        """Send all of *data*; raises `LinkLost` or `OSError` where nobody takes it."""

    def recv(self, limit: int) -> bytes:
        """Return up to *limit* bytes as soon as there are any; nothing at the end."""

    def close(self) -> None:
        """End it; a `recv` or `send` that waits returns."""
