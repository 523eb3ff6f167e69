"""Laws of the neighbourhood of an error: whole lines, fit for a message, from any file."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from buildorch.analysis import analyze_file
from buildorch.analysis.excerpt import excerpt


def test_it_is_what_stands_around_the_error(tmp_path: Path) -> None:
    """One line before and three after it, without colours and empty lines."""
    log = tmp_path / "log"
    log.write_bytes(
        b"one\ntwo\n\n\x1b[31mx.c:1:2: error: no\x1b[0m\r\n  1 | code\n\n    | ^\nmore\nlast\n"
    )
    found = analyze_file(log).first_error
    assert found is not None
    assert excerpt(log, found.offset).splitlines() == [
        "two",
        "x.c:1:2: error: no",
        "  1 | code",
        "    | ^",
        "more",
    ]


@given(st.binary(max_size=20_000), st.integers(0, 30_000))
def test_any_bytes_give_a_few_short_lines(data: bytes, offset: int) -> None:
    """Whatever the log is, and wherever it is asked: little, and nothing that moves a cursor."""
    path = Path("/dev/shm") / f"excerpt-{hash(data) & 0xFFFFFFFF:x}-{offset}"
    path.write_bytes(data)
    try:
        lines = excerpt(path, offset).splitlines()
    finally:
        path.unlink()
    assert len(lines) <= 5
    assert all(len(line) <= 300 for line in lines)
    assert not any(
        ord(character) < 32 and character != "\t" for line in lines for character in line
    )


def test_a_log_that_is_gone_has_none(tmp_path: Path) -> None:
    """The alert goes out without it."""
    assert excerpt(tmp_path / "gone", 5) == ""
