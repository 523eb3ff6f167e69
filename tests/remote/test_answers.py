"""Reading what a server part says: any split of the bytes is the same, any noise is skipped."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.remote.answers import Answer, Answers, Message, Ready, Unusable, parse_end

_FACTS = b"agent python\nboot_id b\nhome /h\nstate_dir /s\nshell /bin/sh\nmissing one\nmissing two"
_BODY = bytes(range(256)) + b"\nE x 3\n"
_STREAM = (
    b"Welcome to build-01\r\nREADY other 3\nabc\nREADY nonce %d\n" % len(_FACTS)
    + _FACTS
    + b"L r.s-0.1.1 0 %d\n" % len(_BODY)
    + _BODY
    + b"S r.s-0.1.1 new\nPONG 7\nBYE 4\ngone"
)


def _read(pieces: list[bytes], nonce: str = "nonce") -> list[Answer]:
    answers = Answers(nonce)
    return [answer for piece in pieces for answer in answers.feed(piece)]


@given(st.lists(st.integers(0, len(_STREAM)), max_size=30))
def test_splits(places: list[int]) -> None:
    """However the bytes are cut, the same messages are read."""
    cuts = [0, *sorted(places), len(_STREAM)]
    pieces = [_STREAM[begin:end] for begin, end in itertools.pairwise(cuts)]
    ready, log, started, pong, bye = _read(pieces)
    assert isinstance(ready, Ready)
    assert (ready.facts.home, ready.facts.missing) == ("/h", ("one", "two"))
    assert log == Message(("L", "r.s-0.1.1", "0", str(len(_BODY))), _BODY)
    assert started == Message(("S", "r.s-0.1.1", "new"))
    assert pong == Message(("PONG", "7"))
    assert bye == Message(("BYE", "4"), b"gone")


@given(st.binary(max_size=20_000), st.integers(1, 700))
def test_noise(noise: bytes, size: int) -> None:
    """Whatever a login shell prints before, READY is found; the end of the noise is kept."""
    stream = noise + b"\nREADY nonce 7\nhome /h"
    pieces = [stream[begin : begin + size] for begin in range(0, len(stream), size)]
    answers = Answers("nonce")
    found = [answer for piece in pieces for answer in answers.feed(piece)]
    assert len(found) == 1
    assert isinstance(found[0], Ready)
    assert len(answers.noise) <= 4096
    assert noise[-100:].decode("utf-8", "replace").strip()[-50:] in answers.noise


def test_unusable() -> None:
    """A server part that cannot run says why."""
    assert _read([b"\nUNUSABLE nonce the disk is full\n"]) == [Unusable("the disk is full")]


@pytest.mark.parametrize(
    ("record", "kind", "code", "reason"),
    [
        (b"kind exit\ncode 3\nend\n", "exit", 3, None),
        (b"kind signal\ncode 9\nreason timeout\nend\n\n\n\n", "signal", 9, "timeout"),
        (b"kind exit\ncode 0\nend\n  \nleft 1 garbage", "exit", 0, None),
        (b"", "lost", 0, None),
        (b"kind unheard\ncode 1\nend\n", "lost", 1, None),
    ],
)
def test_records(record: bytes, kind: str, code: int, reason: str | None) -> None:
    """A record is read as it was written; one that nobody understands is lost, not a success."""
    end = parse_end(record)
    assert (end.kind, end.code, end.reason) == (kind, code, reason)


def test_a_full_record() -> None:
    """All that a record can say arrives."""
    end = parse_end(
        b"kind exit\ncode 1\nreason setup\ndetail a b  c\nseconds 1.250\nlog_bytes 5\n"
        b"log_sha256 ab\nleft 7 sleep 9\nleft 8 make\nend\n"
    )
    assert (end.detail, end.seconds, end.log_bytes, end.log_sha256) == ("a b  c", 1.25, 5, "ab")
    assert end.leftovers == ("7 sleep 9", "8 make")
