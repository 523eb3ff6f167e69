from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator

import pytest
from analysis.samples import SAMPLES, case_log, case_names
from hypothesis import given, settings
from hypothesis import strategies as st

from buildorch.analysis import Analysis, Analyzer
from buildorch.analysis.block import Block
from buildorch.analysis.lines import decode, without_prefix
from buildorch.analysis.rules import RULES
from buildorch.analysis.sieve import sieve

_LOGS = tuple(case_log(name) for name in case_names() if not name.startswith("A17"))
_LINES = tuple(
    line
    for log in (*_LOGS, *(sample.log.encode() for sample in SAMPLES))
    for line in log.split(b"\n")
)
_PIECES = st.one_of(
    st.sampled_from(_LINES),
    st.sampled_from([b"", b"\r", b"\x1b[1G", b"\x1b[K", b"\x1b", b"\xff\xc3", b"x" * 70_000]),
    st.binary(max_size=20),
)
_ENDS = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\r", b"\r\r\n", b""])


def logs() -> st.SearchStrategy[bytes]:
    made = st.lists(st.tuples(_PIECES, _ENDS), max_size=40).map(
        lambda parts: b"".join(text + end for text, end in parts)
    )
    return st.one_of(st.sampled_from(_LOGS), made)


def whole(log: bytes) -> Analysis:
    analyzer = Analyzer()
    analyzer.feed(log)
    return analyzer.finish()


def cut(log: bytes, places: list[int]) -> Iterator[tuple[int, bytes]]:
    ends = sorted({min(place % (len(log) + 1), len(log)) for place in places} | {len(log)})
    begin = 0
    for end in ends:
        yield end, log[begin:end]
        begin = end


@settings(max_examples=150, deadline=None)
@given(log=logs(), places=st.lists(st.integers(0, 200_000), max_size=12))
def test_any_pieces_give_the_same(log: bytes, places: list[int]) -> None:
    """However a log is cut, at every cut the analysis is that of a log which ends there."""
    analyzer = Analyzer()
    for end, piece in cut(log, places):
        analyzer.feed(piece)
        assert whole(log[:end]) == analyzer.finish()


@pytest.mark.parametrize("name", case_names())
def test_byte_by_byte(name: str) -> None:
    """Single bytes give what the whole gives."""
    log = case_log(name)
    step = 1 if len(log) < 10_000 else 4096
    analyzer = Analyzer()
    for begin in range(0, len(log), step):
        analyzer.feed(log[begin : begin + step])
    assert whole(log) == analyzer.finish()


@settings(max_examples=60, deadline=None)
@given(log=st.binary(max_size=2000))
def test_any_bytes_are_taken(log: bytes) -> None:
    """No bytes make it fail; lines are counted by line feeds alone."""
    found = whole(log)
    assert log.count(b"\n") + (not log.endswith(b"\n") and bool(log)) == found.lines
    assert found.progress is None or 0 <= found.progress <= 100


def test_a_last_line_without_its_end_counts() -> None:
    """A compiler that was killed wrote no line feed; more of the line is one error still."""
    analyzer = Analyzer()
    for piece in (b"cc x.c\nx.c:1:2: error: no such", b" thing", b"\n"):
        analyzer.feed(piece)
        assert analyzer.errors == 1
    assert analyzer.finish().last_line == "x.c:1:2: error: no such thing"


@settings(max_examples=60, deadline=None)
@given(log=logs())
def test_the_first_error_is_where_it_says(log: bytes) -> None:
    """A finding's number and offset name the same line, whatever stands before it."""
    found = whole(log).first_error
    if found is not None:
        before = log.split(b"\n")[: found.line - 1]
        assert sum(len(line) + 1 for line in before) == found.offset


@pytest.mark.parametrize(
    ("log", "number"),
    [
        (b"a\x0cb\xe2\x80\xa8c\x85d\x0be\ra.c:1:2: error: x\n", 1),
        (b"1\n2\r\n3\x1c\n\na.c:1:2: error: x\n", 5),
    ],
)
def test_only_line_feeds_end_lines(log: bytes, number: int) -> None:
    """Form feeds, U+2028, NEL and carriage returns end no line."""
    found = whole(log).first_error
    assert found is not None
    assert number == found.line


def test_asking_changes_nothing() -> None:
    """The analysis may be asked at any time; a line that is not whole yet counts as it is."""
    analyzer = Analyzer()
    analyzer.feed(b"a.c:1:2: err")
    assert (0, "a.c:1:2: err") == (analyzer.errors, analyzer.last_line)
    analyzer.feed(b"or: x")
    assert (1, 1) == (analyzer.errors, analyzer.finish().lines)
    analyzer.feed(b"\n\n")
    assert (1, 2, "a.c:1:2: error: x") == (
        analyzer.errors,
        analyzer.finish().lines,
        analyzer.last_line,
    )


def test_restart_forgets() -> None:
    """A log that was cut is read again from its beginning."""
    analyzer = Analyzer()
    analyzer.feed(b"a.c:1:2: error: x\n[1/2] a")
    analyzer.restart()
    assert (0, None, None) == (analyzer.errors, analyzer.progress, analyzer.last_line)
    analyzer.feed(b"[2/2] a")
    assert (100.0, "ninja", None, 0, None) == (
        analyzer.progress,
        analyzer.tool,
        analyzer.summary,
        analyzer.warnings,
        analyzer.first_error,
    )


def test_constant_memory() -> None:
    """Memory does not grow with the log, nor with a line that never ends."""
    noise = b"x.c:1:2: error: y\nFAILED: z \n[1/2] a\nTraceback (most recent call last):\n" * 50
    endless = b"y" * 70_000
    peaks = []
    for rounds in (5, 50):
        analyzer = Analyzer()
        analyzer.feed(noise)
        tracemalloc.start()
        for piece in (noise, endless):
            for _ in range(rounds):
                analyzer.feed(piece)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 500_000


@pytest.mark.parametrize(
    "log",
    [
        b"\r" * 3_000_000 + b"\n",
        b"\x1b" * 3_000_000,
        b"\x1b]" * 1_500_000,
        b"error: " * 400_000,
        b"undefined reference to " * 130_000,
        b"a" * 2_000_000 + b": error: x\n",
        b"[ 1%]\r" * 500_000,
        b"=" * 3_000_000,
        b"\n" * 2_000_000,
        b"x [ 5%]\n" * 300_000,
        b"PASSED " * 290 + b"%]\n",
        b"FAILED: x\n[1/2] a\n" * 20_000,
    ],
    ids=lambda log: repr(log[:12]),
)
def test_nothing_is_slow(log: bytes) -> None:
    """No input of a few megabytes takes long: no pattern goes back and forth."""
    begin = time.process_time()
    whole(log)
    assert time.process_time() - begin < 10


def test_ordinary_lines_cost_almost_nothing() -> None:
    """Tens of megabytes a second at the very least, on a busy machine too."""
    line = b"[%d/99999] /usr/bin/c++ -Wall -Werror -Iinclude -o error_%d.o -c src/error_%d.cpp\n"
    log = b"".join(line % (number, number, number) for number in range(60_000))
    best = 0.0
    for _ in range(3):
        begin = time.process_time()
        whole(log)
        best = max(best, len(log) / 1e6 / (time.process_time() - begin))
    assert best > 20


_RULES = sieve(RULES)


@settings(max_examples=100, deadline=None)
@given(log=logs())
def test_the_sieve_misses_no_line(log: bytes) -> None:
    """Every line that a rule matches is named by the searches over the whole block."""
    block = Block(log + b"\n")
    named = set(_RULES.hits(block.flat))
    begin = 1
    for line in block.flat[1:].split(b"\n")[:-1]:
        text = without_prefix(decode(line).rstrip())
        if any(rule.match(text) for rule in _RULES.counted):
            assert begin in named, text
        begin += len(line) + 1


@settings(max_examples=100, deadline=None)
@given(log=logs(), places=st.lists(st.integers(0, 5000), max_size=4))
def test_an_error_stands_where_it_is_said_to(log: bytes, places: list[int]) -> None:
    """The offset of the first error is that of its line, wherever pieces of the log end."""
    analyzer = Analyzer()
    for _, piece in cut(log, places):
        analyzer.feed(piece)
    found = analyzer.finish().first_error
    if found is not None:
        lines = log.split(b"\n")
        assert found.offset == sum(len(line) + 1 for line in lines[: found.line - 1])
