"""Secrets in a stream of bytes: each is replaced by as many `*`, so that offsets stay true."""

from __future__ import annotations

import base64
import bisect
import functools
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence

#: Parts of a secret that are shorter are no secrets by themselves.
_SHORTEST_PART = 8

#: Encodings of shorter secrets stand in places that have nothing to do with them.
_SHORTEST_ENCODED = 6

#: Characters after which the program base64 breaks its lines.
_WIDTH = 76

#: Secrets that overlap each other for longer are not held back as a whole.
_LONGEST_BLOCK = 1 << 20

#: Escape sequences in the beginning of a secret that hold no more bytes back than these.
_LONGEST_COLOURED = 1 << 16

#: What makes nobody's text: colours, links, character sets; also the beginning of one, at the end.
_ESCAPE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|\Z)|[\]PX^_][^\x07\x1b\r\n]*(?:\x07|\x1b\\)?"
    rb"|[ -/]*(?:[0-~]|\Z))"
)


def hidden(text: str, secrets: Iterable[str]) -> str:
    """Return *text* with every secret replaced."""
    masker = Masker(secret.encode() for secret in secrets)
    data = masker.feed(text.encode("utf-8", "replace")) + masker.flush()
    return data.decode("utf-8", "replace")


def holds(text: str, secrets: Iterable[str]) -> bool:
    """Tell whether a secret stands in *text*."""
    masker = Masker(secret.encode() for secret in secrets)
    masker.feed(text.encode("utf-8", "replace"))
    masker.flush()
    return masker.masked > 0


def forms(secret: bytes) -> Iterator[bytes]:
    """Yield what a secret may look like in a log: itself, its lines, quoted, and in base64.

    Of base64 (also the kind for URLs) these are the characters that no neighbour of the secret
    has a part in, wherever in the encoded text it stands.

    Example:
        >>> sorted(set(forms(b"hunter22")))
        [b'aHVudGVyMj', b'h1bnRlcjIy', b'hunter22', b'odW50ZXIyM']
    """
    yield secret
    if len(secret) < _SHORTEST_ENCODED:
        return
    yield from (line for line in secret.splitlines() if len(line) >= _SHORTEST_PART)
    yield urllib.parse.quote_from_bytes(secret, safe="").encode()
    yield json.dumps(secret.decode("utf-8", "replace"))[1:-1].encode()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret)
        inner = encoded[-(-8 * before // 6) : 8 * (before + len(secret)) // 6]
        for part in _lines(inner):
            yield part
            yield part.translate(bytes.maketrans(b"+/", b"-_"))


def _lines(encoded: bytes) -> Iterator[bytes]:
    """Yield parts of *encoded* that cover it, whether it is broken into lines or not."""
    parts = [encoded[at : at + _WIDTH] for at in range(0, len(encoded), _WIDTH)]
    if len(parts) > 1 and len(parts[-1]) < _SHORTEST_PART:
        parts[-1] = parts[-2] + parts[-1]
    return iter(parts)


class Masker:
    """Replaces secrets in a stream, also where a secret is split over two pieces.

    Args:
        secrets: The values to hide, in all their `forms`; empty ones are ignored.

    Attributes:
        masked: How many bytes were replaced.

    Example:
        >>> masker = Masker([b"hunter22"])
        >>> masker.feed(b"pass hunt"), masker.feed(b"er22 ok"), masker.flush(), masker.masked
        (b'pass ', b'******** ok', b'', 8)
    """

    def __init__(self, secrets: Iterable[bytes]) -> None:
        found = {form for secret in secrets if secret for form in forms(secret)}
        self._known = sorted(found, key=len, reverse=True)
        begins = {re.escape(form[:2]) for form in found if len(form) > 1}
        self._begins = re.compile(b"(?=" + b"|".join(begins) + b")")
        self._first = {form[:1] for form in found if len(form) > 1}
        self._held = b""
        self._covered = 0
        self.masked = 0

    def feed(self, data: bytes) -> bytes:
        """Return what may be written now; the beginning of a possible secret is held back."""
        if not self._known:
            return data
        data = self._held + data if self._held else data
        text = _Readable(data)
        blocks = self._blocks(data, text)
        cut = len(data) - self._possible_beginning(data, text)
        for start, end in blocks:
            # Never half a block: whoever goes on after us would not know the other half.
            if start < cut < end and cut - start < _LONGEST_BLOCK:
                cut = start
        self._held = data[cut:]
        return self._hide(data[:cut], blocks)

    def flush(self) -> bytes:
        """Return what was held back: no more comes."""
        held, self._held = self._held, b""
        return self._hide(held, self._blocks(held, _Readable(held)))

    def drop(self) -> None:
        """Forget what was held back: it will be sent again."""
        self._held = b""

    def _hide(self, data: bytes, blocks: Sequence[tuple[int, int]]) -> bytes:
        """Return *data* without *blocks*; what one covers beyond its end is remembered."""
        size = len(data)
        self._covered = max(0, *(end - size for start, end in blocks if start < size), 0)
        if not blocks:
            return data
        shown = bytearray(data)
        for start, end in blocks:
            stars = min(end, size) - start
            if stars > 0:
                shown[start : start + stars] = b"*" * stars
                self.masked += stars
        return bytes(shown)

    def _blocks(self, data: bytes, text: _Readable) -> list[tuple[int, int]]:
        """Return where secrets stand in *data*; those that overlap are one block.

        Looking for each is many times as fast as a pattern of all, and most data has none.
        """
        found = [(0, self._covered)] if self._covered else []
        found += self._places(data)
        if text.data is not data:
            found += [
                (text.at(start), text.at(end - 1) + 1) for start, end in self._places(text.data)
            ]
        blocks: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if blocks and start < blocks[-1][1]:
                blocks[-1] = blocks[-1][0], max(end, blocks[-1][1])
            else:
                blocks.append((start, end))
        return blocks

    def _places(self, data: bytes) -> Iterator[tuple[int, int]]:
        for form in self._known:
            at = data.find(form)
            while at >= 0:
                yield at, at + len(form)
                at = data.find(form, at + 1)

    def _possible_beginning(self, data: bytes, text: _Readable) -> int:
        """Return how many bytes at the end of *data* may be the beginning of a secret."""
        raw = self._beginning(data)
        if text.data is data:
            return raw
        count = self._beginning(text.data)
        coloured = len(data) - text.at(len(text.data) - count) if count else 0
        return raw if coloured > _LONGEST_COLOURED else max(raw, coloured)

    def _beginning(self, data: bytes) -> int:
        tail = data[max(0, len(data) - len(self._known[0]) + 1) :]
        for found in self._begins.finditer(tail):
            rest = tail[found.start() :]
            if any(len(rest) < len(form) and form.startswith(rest) for form in self._known):
                return len(rest)
        return int(tail[-1:] in self._first)


class _Readable:
    """Bytes without their escape sequences, and where each of them stood.

    Args:
        raw: The bytes.

    Attributes:
        data: What is left of them; the same object where they have no escape sequences.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.data = _ESCAPE.sub(b"", raw) if b"\x1b" in raw else raw

    @functools.cached_property
    def _parts(self) -> tuple[list[int], list[int]]:
        """Where in the raw bytes, and where in `data`, each part without escapes begins."""
        raw_at: list[int] = []
        text_at: list[int] = []
        size = begin = 0
        for start, end in [*(found.span() for found in _ESCAPE.finditer(self._raw)), (-1, 0)]:
            raw_at.append(begin)
            text_at.append(size)
            size += start - begin
            begin = end
        return raw_at, text_at

    def at(self, index: int) -> int:
        """Return where byte *index* of `data` stands in the raw bytes."""
        raw_at, text_at = self._parts
        part = bisect.bisect_right(text_at, index) - 1
        return raw_at[part] + index - text_at[part]
