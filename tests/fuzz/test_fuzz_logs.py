"""Logs that hold anything: the same from any pieces, in constant memory, and masked whole."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from buildorch.analysis import Analyzer, alert
from buildorch.runner.collector import AttemptLog
from buildorch.runner.masking import Masker

_QUICK = settings(deadline=None)
_SECRETS = [
    b"hunter22",
    b"hunt",
    b"22hunter",
    b"s3\nline",
    "비밀번호".encode(),
    b"\xff\xfe" * 3,
]
_PARTS = st.one_of(
    st.sampled_from(_SECRETS),
    st.sampled_from([secret[:size] for secret in _SECRETS for size in (1, 3, 7)]),
    st.sampled_from([b"\n", b"\r", b"\x1b[2J", b"\xc3", b"a.c:1:2: error: x\n", b"ERROR: task\n"]),
    st.binary(max_size=6),
)
_LOGS = st.lists(_PARTS, max_size=40).map(b"".join)
_CUTS = st.lists(st.integers(0, 300), max_size=12)


def _pieces(log: bytes, places: Sequence[int]) -> list[bytes]:
    cuts = [0, *sorted(min(place, len(log)) for place in places), len(log)]
    return [log[begin:end] for begin, end in itertools.pairwise(cuts)]


@_QUICK
@given(_LOGS, _CUTS)
def test_masking_is_the_same_from_any_pieces(log: bytes, places: list[int]) -> None:
    """Overlapping, nested and binary secrets: any split gives what one piece gives."""
    whole, cut = Masker(_SECRETS), Masker(_SECRETS)
    expected = whole.feed(log) + whole.flush()
    assert expected == b"".join(map(cut.feed, _pieces(log, places))) + cut.flush()
    assert len(expected) == len(log)
    assert whole.masked == cut.masked


@_QUICK
@given(
    _LOGS, st.lists(st.tuples(st.integers(0, 30), st.integers(1, 40), st.booleans()), max_size=8)
)
@example(b"abcdef", [(0, 4, False), (2, 4, False)])
@example(b"abcdef", [(0, 2, True), (4, 2, False)])
def test_a_log_is_whole_after_any_interruptions(
    log: bytes, pieces: list[tuple[int, int, bool]]
) -> None:
    """Pieces that come again, too early, or after a lost link: the file is the log, once."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(AttemptLog(Path(folder, "log"), (), Analyzer())) as attempt,
    ):
        job = attempt.job(0)
        for begin, size, lost in [*pieces, (0, len(log), False)]:
            before = job.offset
            piece = log[begin : begin + size]
            assert job.write(begin, piece) == (begin <= before)
            assert job.offset == max(before, begin + len(piece) if begin <= before else 0)
            if lost:
                job.rewind()
        assert log == attempt.path.read_bytes()


@_QUICK
@given(_LOGS, _CUTS)
def test_an_alert_of_any_log_is_plain(log: bytes, places: list[int]) -> None:
    """What is told of a log has no control characters, and is the same from any pieces."""
    whole, cut = Analyzer(), Analyzer()
    whole.feed(log)
    for piece in _pieces(log, places):
        cut.feed(piece)
    text = alert(whole.finish()) or ""
    assert text == (alert(cut.finish()) or "")
    assert all(char.isprintable() or char == "\n" for char in text)


@pytest.mark.parametrize(
    "piece",
    [b"x" * 4096, b"\r" * 4096, b"\x1b" * 4096, b"a.c:1:2: error: x\n" * 200, b"\n" * 4096],
    ids=["one line", "returns", "escapes", "errors", "empty lines"],
)
def test_a_flood_takes_constant_memory_and_little_time(piece: bytes) -> None:
    """Megabytes of one line, of escapes, of errors: memory stays flat."""
    analyzer = Analyzer()
    analyzer.feed(piece * 100)
    before = time.monotonic()
    tracemalloc.start()
    try:
        for _ in range(6):
            analyzer.feed(piece * 16)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert time.monotonic() - before < 20
