"""What a server says, true or hostile: messages or one clear reason, in bounded time and memory."""

from __future__ import annotations

import itertools
import queue
import time
import tracemalloc
from collections.abc import Sequence

import pytest
from contract.talk import Heard, wait_until
from hypothesis import example, given, settings
from hypothesis import strategies as st

from buildorch.errors import InfrastructureError
from buildorch.job import JobEnd, Wait
from buildorch.model import Server
from buildorch.remote.answers import (
    MAX_BODY,
    MAX_HEADER,
    NOISE,
    Answer,
    Answers,
    Broken,
    Message,
    Ready,
    Unusable,
    parse_end,
    parse_facts,
    parse_wait,
)
from buildorch.remote.session import open_session
from buildorch.store.rows import to_text

NONCE = "n0nce"
READY = b"\nREADY n0nce 7\nhome /h"

#: Words and bytes that mean something in a header, and such as nobody sends.
_PIECES = [
    *(b"L", b"E", b"R", b"W", b"S", b"F", b"K", b"C", b"BYE", b"PONG", b"UNUSABLE", b"READY"),
    *(b" ", b" ", b" ", b" ", b"\n", b"\n", b"\n", b"\r", b"\t", b"\0", b"\xff", b"\xc2\xa0"),
    *(b"0", b"1", b"5", b"-1", b"1_0", b"1e3", b"\xd9\xa1", b"99999999999999999999", b"1048577"),
    *(b"r.s-0.1.1", b"../../x", b"new", b"again", b"n0nce", b"other", b"kind exit\ncode 0\nend\n"),
    *(READY, b"\nUNUSABLE n0nce no shell\n", b"\nREADY n0nce \n", b"\nREADY n0nce -5\n"),
]
_MIXED = st.lists(st.sampled_from(_PIECES), max_size=60).map(b"".join)
_STREAMS = st.one_of(st.binary(max_size=400), _MIXED, _MIXED.map(lambda text: READY + text))


def _read(stream: bytes, places: Sequence[int] = ()) -> list[Answer]:
    answers = Answers(NONCE)
    cuts = [0, *sorted(min(place, len(stream)) for place in places), len(stream)]
    return [
        answer
        for begin, end in itertools.pairwise(cuts)
        for answer in answers.feed(stream[begin:end])
    ]


@settings(deadline=None)
@given(_STREAMS, st.lists(st.integers(0, 600), max_size=20))
@example(b"\nREADY n0nce 0\nL id 5 -1\n", [])
@example(b"\nREADY n0nce x\n", [3])
@example(b"\nUNUSABLE n0nce a\n\nREADY n0nce 0\n", [5])
@example(b"BYE now\nL 1\nWelcome" + READY + b"BYE\n", [])
def test_any_bytes_are_messages_or_one_reason(stream: bytes, places: list[int]) -> None:
    """Any bytes in any pieces give the same answers; one that ends the link is the last."""
    found = _read(stream, places)
    assert found == _read(stream)
    assert not any(isinstance(answer, Unusable | Broken) for answer in found[:-1])
    assert [0] * (Ready in map(type, found)) == [
        number for number, answer in enumerate(found) if isinstance(answer, Ready)
    ]


@settings(deadline=None)
@given(st.lists(st.integers(0, 600), max_size=8))
def test_lines_before_ready_are_no_messages(places: list[int]) -> None:
    """A motd may look like anything that a server part says later."""
    motd = b"BYE everybody\nL a b c\nE\nR\nK x\nUNUSABLE\nREADY\nREADY other 3\nabc\n"
    first, second = _read(motd + READY + b"\nPONG 1\n", places)
    assert isinstance(first, Ready)
    assert Message(("PONG", "1")) == second


@pytest.mark.parametrize(
    "said",
    [
        *(b"L r 5 -1", b"L r 5", b"L r five 1", b"L", b"L r 5 99999999999999999999", b"L r 5 1_0"),
        *(b"E r", b"E r x", b"E ../r 1", b"S r", b"S r old", b"S", b"F", b"K r", b"K r x -"),
        *(b"C 1", b"C a b", b"R r state", b"BYE", b"BYE x", b"W r", b"L r 5 %d" % (MAX_BODY + 1)),
    ],
)
def test_a_message_that_is_none_ends_the_link(said: bytes) -> None:
    """Missing words, other words and sizes that no server part has: one reason that shows them."""
    _, broken, *more = _read(READY + said + b"\nPONG 1\n")
    assert not more
    assert isinstance(broken, Broken)
    assert said.decode()[:50] in broken.reason


@pytest.mark.parametrize(
    "begin", [b"Welcome", b"\nREADY n0nce ", READY, READY + b"L r 0 ", b"\nUNUSABLE n0nce "]
)
def test_a_flood_takes_no_memory(begin: bytes) -> None:
    """A line without an end is given up, or forgotten where a login shell prints it."""
    answers = Answers(NONCE)
    piece = b"x" * (1 << 18)
    tracemalloc.start()
    try:
        found = list(answers.feed(begin))
        for _ in range(400):
            found += answers.feed(piece)
        assert tracemalloc.get_traced_memory()[1] < 8 * len(piece)
    finally:
        tracemalloc.stop()
    assert len(answers.noise) <= 2 * NOISE + MAX_HEADER
    assert [Broken] * (begin != b"Welcome") == [type(answer) for answer in found][-1:]


def test_many_small_messages_take_time_in_proportion() -> None:
    """A quarter of a million bytes of the smallest messages are read in a moment."""
    before = time.monotonic()
    found = _read(READY + b"\n" * 100_000 + b"F r\n" * 60_000)
    assert 60_001 == len(found)
    assert time.monotonic() - before < 10


_WORDS = [
    *("kind", "code", "reason", "detail", "seconds", "log_bytes", "log_sha256", "left", "end"),
    *("exit", "signal", "lost", "name", "place", "pid", "0", "1", "255", "256", "-1", "1.5", "nan"),
    *("inf", "1e400", "1_0", "\u0661", "9" * 5000, "", "a b", "\udcff", "bitbake"),
]
_RECORDS = st.one_of(
    st.binary(max_size=200),
    st.lists(st.tuples(st.sampled_from(_WORDS), st.sampled_from(_WORDS)), max_size=12).map(
        lambda rows: "\n".join(" ".join(row) for row in rows).encode("utf-8", "surrogateescape")
    ),
)


@settings(deadline=None)
@given(_RECORDS)
@example(b"kind exit\ncode 0")
@example(b"kind exit\nend\n")
@example(b"kind exit\ncode 0\nseconds nan\nend\n")
def test_any_record_is_an_end_that_can_be_stored(record: bytes) -> None:
    """Nothing but a whole record is a success; whatever it says can be stored."""
    end = parse_end(record)
    assert 0 <= end.code <= 255 or end.kind == "lost"
    if end.kind != "lost":
        assert {b"end", b"kind " + end.kind.encode()} <= set(record.split(b"\n"))
        assert any(line.startswith(b"code ") for line in record.split(b"\n"))
    to_text([end.seconds, end.log_bytes, end.detail, end.reason, list(end.leftovers)])


@settings(deadline=None)
@given(_RECORDS)
def test_any_text_of_a_server_is_read(record: bytes) -> None:
    """What a job waits for, and what READY tells, are read from any bytes."""
    wait = parse_wait(record)
    assert wait is None or (wait.place >= 0 and to_text([wait.seconds, wait.pid, wait.name]))
    assert isinstance(parse_facts(record).missing, tuple)


_RECORD = b"kind exit\ncode 10\nreason timeout\nseconds 1.250\nlog_bytes 5\nlog_sha256 ab\nend\n"


@pytest.mark.parametrize("size", range(len(_RECORD) - 1))
def test_half_a_record_is_lost(size: int) -> None:
    """A record that was cut short anywhere is never read as an end of the command's own."""
    assert "lost" == parse_end(_RECORD[:size]).kind


class _Hostile:
    """A stream that says what it is told to, with the nonce that the client has sent."""

    noise = ""

    def __init__(self, says: Sequence[bytes]) -> None:
        self._says = says
        self._said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._booted = False

    def recv(self, size: int) -> bytes:
        """Return what is said next."""
        data = self._said.get()
        assert len(data) <= size
        return data

    def send(self, data: bytes) -> None:
        """Take the boot text, and begin to talk."""
        if not self._booted:
            self._booted = True
            nonce = data.split(b"buildorch_nonce=")[1].split(b"\n")[0].strip(b"'")
            for piece in self._says:
                self._said.put(piece.replace(NONCE.encode(), nonce))
            self._said.put(b"")

    def close(self) -> None:
        """End the stream."""
        self._said.put(b"")


class _Lenient(Heard):
    """Takes whatever it hears."""

    def log(self, job_id: str, offset: int, data: bytes) -> None:
        """Take any offset."""

    def ended(self, job_id: str, end: JobEnd) -> None:
        """Take any number of ends."""

    def waiting(self, job_id: str, wait: Wait | None) -> None:
        """Take anything."""


@settings(deadline=None, max_examples=max(40, settings().max_examples // 4))
@given(_STREAMS, st.lists(st.integers(0, 600), max_size=4))
@example(READY + b"S\n", [])
@example(READY + b"K r 5\nE r\n", [])
def test_a_hostile_server_is_a_lost_link(stream: bytes, places: list[int]) -> None:
    """Whatever a server says, a session begins and is lost, or does not: with an error of ours."""
    cuts = [0, *sorted(min(place, len(stream)) for place in places), len(stream)]
    pieces = [stream[begin:end] for begin, end in itertools.pairwise(cuts) if begin < end]
    heard = _Lenient()
    try:
        session = open_session(_Hostile(pieces), Server(name="here"), heard, timeout=5)
    except InfrastructureError:
        return
    try:
        wait_until(lambda: heard.closings, "the link is lost", 5)
        assert not any("defect" in reason for reason in heard.closings)
    finally:
        session.close()
