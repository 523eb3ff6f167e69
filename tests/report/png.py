"""The pixels of a PNG, as Chromium writes them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator


def rows(png: bytes) -> list[bytes]:
    """Return the rows of a picture with eight bits a channel, as RGB or RGBA bytes."""
    parts = dict[bytes, bytes]()
    for kind, data in _chunks(png):
        parts[kind] = parts.get(kind, b"") + data
    width, _, depth, colour = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    assert depth == 8
    channels = {2: 3, 6: 4}[colour]
    return list(_unfiltered(zlib.decompress(parts[b"IDAT"]), width * channels, channels))


def brightness(png: bytes) -> float:
    """Return how bright a picture is on average, from 0 to 255."""
    found = rows(png)
    return sum(map(sum, found)) / sum(map(len, found))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _unfiltered(data: bytes, width: int, channels: int) -> Iterator[bytes]:
    above = bytearray(width)
    for at in range(0, len(data), width + 1):
        kind, row = data[at], bytearray(data[at + 1 : at + 1 + width])
        for i in range(width if kind else 0):
            left = row[i - channels] if i >= channels else 0
            corner = above[i - channels] if i >= channels else 0
            guesses = (0, left, above[i], (left + above[i]) // 2, _paeth(left, above[i], corner))
            row[i] = (row[i] + guesses[kind]) & 255
        yield bytes(row)
        above = row


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda one: abs(guess - one))
