"""Secrets in a stream of bytes: each is replaced by as many `*`, so that offsets stay true."""

from __future__ import annotations

import re
from collections.abc import Iterable


def hidden(text: str, secrets: Iterable[str]) -> str:
    """Return *text* with every secret replaced."""
    masker = Masker(secret.encode() for secret in secrets)
    data = masker.feed(text.encode("utf-8", "replace")) + masker.flush()
    return data.decode("utf-8", "replace")


class Masker:
    """Replaces secrets in a stream, also where a secret is split over two pieces.

    Args:
        secrets: The values to hide; empty ones are ignored.

    Example:
        >>> masker = Masker([b"hunter22"])
        >>> masker.feed(b"pass hunt"), masker.feed(b"er22 ok"), masker.flush(), masker.masked
        (b'pass ', b'******** ok', b'', 8)
    """

    def __init__(self, secrets: Iterable[bytes]) -> None:
        known = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._known = known
        self._pattern = re.compile(b"|".join(map(re.escape, known))) if known else None
        self._held = b""
        self.masked = 0

    def feed(self, data: bytes) -> bytes:
        """Return what may be written now; the beginning of a possible secret is held back."""
        if self._pattern is None:
            return data
        data = self._held + data
        cut = self._safe_end(data)
        self._held = data[cut:]
        return self._replace(data[:cut])

    def flush(self) -> bytes:
        """Return what was held back: no more comes."""
        held, self._held = self._held, b""
        return self._replace(held)

    def drop(self) -> None:
        """Forget what was held back: it will be sent again."""
        self._held = b""

    def _replace(self, data: bytes) -> bytes:
        if self._pattern is None:
            return data

        def stars(found: re.Match[bytes]) -> bytes:
            size = len(found.group())
            self.masked += size
            return b"*" * size

        return self._pattern.sub(stars, data)

    def _safe_end(self, data: bytes) -> int:
        """Return up to where *data* can be judged: what follows may belong to a secret."""
        if self._pattern is None:
            return len(data)
        cut = len(data) - self._possible_beginning(data)
        for found in self._pattern.finditer(data):
            if found.start() < cut < found.end():
                return found.start()
        return cut

    def _possible_beginning(self, data: bytes) -> int:
        """Return how many bytes at the end of *data* may be the beginning of a secret."""
        longest = 0
        for secret in self._known:
            for size in range(min(len(secret) - 1, len(data)), longest, -1):
                if data.endswith(secret[:size]):
                    longest = size
                    break
        return longest
