"""What a server part says, read from bytes: pure, so that any split of them is the same.

Everything before READY with our nonce is what login shells print, and is kept only to be shown.
What then makes no sense ends the link with one reason: whoever sends it can neither raise
anything here nor fill the memory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TypeAlias

import attrs

from buildorch.job import EndKind, JobEnd, ServerFacts, Wait
from buildorch.names import quoted

#: Bytes of a login shell's text that are kept: of its beginning, and as many of its end.
NOISE = 2048
#: The most bytes of a header line, and of what follows one: ours are smaller.
MAX_HEADER = 1 << 15
MAX_BODY = 1 << 20
_WITH_BODY = frozenset({"L", "E", "R", "W", "BYE"})
_MAX_CODE = 255
_SIZE = r"[0-9]{1,18}"
_JOB = r"[A-Za-z0-9][A-Za-z0-9.-]*"
#: The words after the first one; a line that begins with any other word means nothing to us.
_FORMS: Mapping[str, re.Pattern[str]] = {
    "L": re.compile(f"{_JOB} {_SIZE} {_SIZE}"),
    "E": re.compile(f"{_JOB} {_SIZE}"),
    "W": re.compile(f"{_JOB} {_SIZE}"),
    "R": re.compile(rf"{_JOB} \S+ {_SIZE}"),
    "S": re.compile(f"{_JOB} (new|again)"),
    "F": re.compile(_JOB),
    "K": re.compile(rf"{_JOB} (-1|{_SIZE}) \S+"),
    "C": re.compile(f"{_SIZE} {_SIZE}"),
    "BYE": re.compile(_SIZE),
}


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


@attrs.frozen
class Broken:
    """What was said is not what a server part says; nothing is read after it."""

    reason: str


Answer: TypeAlias = Ready | Unusable | Message | Broken


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
        self._parts: list[bytes] = []
        self._arrived = 0
        self._needed = 0
        self._data = b""
        self._at = 0
        self._head = b""
        self._tail = b""
        self._over = False
        self.ready = False

    @property
    def noise(self) -> str:
        """What was printed before READY; of a flood its beginning and its end."""
        head, tail = self._kept(b"" if self.ready else b"".join(self._parts))
        gap = b" [...] " if len(tail) >= NOISE else b""
        return (head + gap + tail).decode("utf-8", "replace").strip()

    def _kept(self, more: bytes) -> tuple[bytes, bytes]:
        room = NOISE - len(self._head)
        return self._head + more[:room], (self._tail + more[room:])[-NOISE:]

    def feed(self, data: bytes) -> list[Answer]:
        """Take more bytes; return what is whole now."""
        if self._over:
            return []
        self._parts.append(data)
        self._arrived += len(data)
        if self._arrived < self._needed:
            return []  # a large body is put together once, when it is whole
        self._data, self._at, self._needed = b"".join(self._parts), 0, 0
        found = self._all()
        rest = self._data[self._at :]
        self._parts, self._arrived, self._data = [rest], len(rest), b""
        return found

    def _all(self) -> list[Answer]:
        found: list[Answer] = []
        while not self._over and (answer := self._next()) is not None:
            found.append(answer)
            if isinstance(answer, Unusable | Broken):
                self._over, self._at = True, len(self._data)
        return found

    def _next(self) -> Answer | None:
        return self._message() if self.ready else self._boot()

    def _boot(self) -> Answer | None:
        marks = (b"\n" + word + self._nonce + b" " for word in (b"READY ", b"UNUSABLE "))
        places = [place for place in map(self._data.find, marks) if place >= 0]
        if places:
            return self._booted(min(places))
        self._forget_noise()
        return None

    def _booted(self, place: int) -> Answer | None:
        self._head, self._tail = self._kept(self._data[self._at : place])
        self._at = place
        header = self._header(begin=1)
        if header is None or isinstance(header, Broken):
            return header
        first, _, rest = header.split(" ", 2)
        if first == "UNUSABLE":
            return Unusable(rest)
        body = self._body(header, rest, begin=1)
        if body is None or isinstance(body, Broken):
            return body
        self.ready = True
        return Ready(parse_facts(body))

    def _forget_noise(self) -> None:
        """Keep no more of a flood than is shown, and what may be the beginning of READY."""
        if len(self._data) > 2 * NOISE:
            self._at = len(self._data) - NOISE
            self._head, self._tail = self._kept(self._data[: self._at])

    def _message(self) -> Answer | None:
        while self._data.startswith(b"\n", self._at):
            self._at += 1
        header = self._header()
        if header is None or isinstance(header, Broken):
            return header
        kind, *rest = words = tuple(header.split()) or ("",)
        form = _FORMS.get(kind)
        if form is not None and not form.fullmatch(" ".join(rest)):
            return _broken(header)
        body = self._body(header, words[-1] if kind in _WITH_BODY else "0")
        return Message(words, body) if isinstance(body, bytes) else body

    def _header(self, begin: int = 0) -> str | Broken | None:
        """Return the line that begins at *begin*, once it is whole; it is not taken yet."""
        start = self._at + begin
        end = self._data.find(b"\n", start, start + MAX_HEADER)
        if end >= 0:
            return self._data[start:end].decode("utf-8", "replace")
        whole = len(self._data) < start + MAX_HEADER
        return None if whole else _broken(self._data[start : start + 60].decode("utf-8", "replace"))

    def _body(self, header: str, size: str, begin: int = 0) -> bytes | Broken | None:
        """Take the header and the bytes that follow it; return these, once they are whole."""
        if not re.fullmatch(_SIZE, size) or int(size) > MAX_BODY:
            return _broken(header)
        start = self._data.index(b"\n", self._at + begin) + 1
        end = start + int(size)
        if len(self._data) < end:
            self._needed = end - self._at
            return None
        self._at = end
        return self._data[start:end]


def _broken(line: str) -> Broken:
    return Broken(
        f"the server said {quoted(line)}, which no server part says: something else writes into "
        "the connection, or bytes of it were lost"
    )


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
        clock=_number(values.get("clock")) or 0,
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
    kind = kinds.get(values.get("kind", ""), "lost")
    code = _number(values.get("code"))
    if kind != "lost" and (code is None or code > _MAX_CODE or b"end" not in record.split(b"\n")):
        # Half of a record must never read as a success.
        return JobEnd(kind="lost", detail="the record of its end on the server is damaged")
    return JobEnd(
        kind=kind,
        code=code or 0,
        reason=values.get("reason"),
        detail=values.get("detail"),
        seconds=_seconds(values.get("seconds")),
        log_bytes=_number(values.get("log_bytes")),
        log_sha256=values.get("log_sha256"),
        room=values.get("room"),
        leftovers=tuple(value for name, value in pairs if name == "left"),
    )


def parse_wait(record: bytes) -> Wait | None:
    r"""Return what a job waits for; None for an empty record: it goes on.

    Example:
        >>> parse_wait(b"kind lock\nname rack/1\nplace 2\nuser dev2\nend\n").user
        'dev2'
    """
    values = dict(_pairs(record))
    if "name" not in values:
        return None
    return Wait(
        kind="bitbake" if values.get("kind") == "bitbake" else "lock",
        name=values["name"],
        place=_number(values.get("place")) or 1,
        user=values.get("user"),
        by=values.get("by"),
        pid=_number(values.get("pid")),
        run=values.get("run"),
        stage=values.get("stage"),
        seconds=_seconds(values.get("seconds")),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(_SIZE, text) else None


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _pairs(text: bytes) -> list[tuple[str, str]]:
    rows = (line.partition(" ") for line in text.decode("utf-8", "surrogateescape").split("\n"))
    return [(name, value) for name, separator, value in rows if separator]
