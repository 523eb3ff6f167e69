"""What a server part says, read from bytes: pure, so that any split of them is the same.

Everything before READY with our nonce is what login shells print, and is kept only to be shown.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from buildorch.job import EndKind, JobEnd, ServerFacts

#: Bytes of a login shell's text that are kept: of its beginning, and as many of its end.
NOISE = 2048
_WITH_BODY = frozenset({"L", "E", "R", "BYE"})


@attrs.frozen
class Ready:
    """The server part takes messages."""

    facts: ServerFacts


@attrs.frozen
class Unusable:
    """No server part can run, and why."""

    reason: str


@attrs.frozen
class Message:
    """A header's words, and the bytes that followed it."""

    words: tuple[str, ...]
    body: bytes = b""


Answer: TypeAlias = Ready | Unusable | Message


class Answers:
    r"""Reads the server's bytes.

    Args:
        nonce: What READY has to say to be ours.

    Example:
        >>> answers = Answers("n1")
        >>> answers.feed(b"Welcome!\nREADY n1 10\nhome /root")[0].facts.home
        '/root'
    """

    def __init__(self, nonce: str) -> None:
        self._nonce = nonce.encode()
        self._data = bytearray()
        self._head = b""
        self._tail = b""
        self.ready = False

    @property
    def noise(self) -> str:
        """What was printed before READY; of a flood its beginning and its end."""
        head, tail = self._kept(bytes(self._data))
        gap = b" [...] " if len(tail) >= NOISE else b""
        return (head + gap + tail).decode("utf-8", "replace").strip()

    def _kept(self, more: bytes) -> tuple[bytes, bytes]:
        room = NOISE - len(self._head)
        return self._head + more[:room], (self._tail + more[room:])[-NOISE:]

    def feed(self, data: bytes) -> list[Answer]:
        """Take more bytes; return what is whole now."""
        self._data += data
        found: list[Answer] = []
        while (answer := self._next()) is not None:
            found.append(answer)
        return found

    def _next(self) -> Answer | None:
        return self._message() if self.ready else self._boot()

    def _boot(self) -> Answer | None:
        for word in (b"READY ", b"UNUSABLE "):
            place = self._data.find(b"\n" + word + self._nonce + b" ")
            if place >= 0:
                return self._booted(place + 1)
        self._forget_noise()
        return None

    def _booted(self, place: int) -> Answer | None:
        self._head, self._tail = self._kept(bytes(self._data[: place - 1]))
        del self._data[: place - 1]
        end = self._data.find(b"\n", 1)
        if end < 0:
            return None
        words = self._data[1:end].decode("utf-8", "replace").split(" ", 2)
        if words[0] == "UNUSABLE":
            self._data.clear()
            return Unusable(words[2])
        size = int(words[-1])
        if len(self._data) < end + 1 + size:
            return None
        body = bytes(self._data[end + 1 : end + 1 + size])
        del self._data[: end + 1 + size]
        self.ready = True
        return Ready(parse_facts(body))

    def _forget_noise(self) -> None:
        """Keep no more of a flood than is shown, and what may be the beginning of READY."""
        if len(self._data) > 2 * NOISE:
            self._head, self._tail = self._kept(bytes(self._data[:-NOISE]))
            del self._data[:-NOISE]

    def _message(self) -> Message | None:
        while self._data.startswith(b"\n"):
            del self._data[:1]
        end = self._data.find(b"\n")
        if end < 0:
            return None
        words = tuple(self._data[:end].decode("utf-8", "replace").split())
        size = int(words[-1]) if words and words[0] in _WITH_BODY else 0
        if len(self._data) < end + 1 + size:
            return None
        body = bytes(self._data[end + 1 : end + 1 + size])
        del self._data[: end + 1 + size]
        return Message(words, body)


def parse_facts(body: bytes) -> ServerFacts:
    """Return what READY tells of the server."""
    pairs = _pairs(body)
    values = dict(pairs)
    return ServerFacts(
        boot_id=values.get("boot_id", ""),
        agent=values.get("agent", ""),
        home=values.get("home", ""),
        state_dir=values.get("state_dir", ""),
        shell=values.get("shell", ""),
        missing=tuple(value for name, value in pairs if name == "missing"),
    )


def parse_end(record: bytes) -> JobEnd:
    r"""Return the end that a supervisor recorded.

    Example:
        >>> parse_end(b"kind exit\ncode 3\nseconds 1.5\nend\n").code
        3
    """
    pairs = _pairs(record)
    values = dict(pairs)
    kinds: dict[str, EndKind] = {"exit": "exit", "signal": "signal"}
    return JobEnd(
        kind=kinds.get(values.get("kind", ""), "lost"),
        code=int(values.get("code", 0)),
        reason=values.get("reason"),
        detail=values.get("detail"),
        seconds=float(values["seconds"]) if "seconds" in values else None,
        log_bytes=int(values["log_bytes"]) if "log_bytes" in values else None,
        log_sha256=values.get("log_sha256"),
        leftovers=tuple(value for name, value in pairs if name == "left"),
    )


def _pairs(text: bytes) -> list[tuple[str, str]]:
    rows = (line.partition(" ") for line in text.decode("utf-8", "surrogateescape").split("\n"))
    return [(name, value) for name, separator, value in rows if separator]
