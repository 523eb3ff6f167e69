from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.analysis import readable, tail
from buildorch.errors import UsageError


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"plain\n", "plain\n"),
        (b"1%\r50%\r100%\n", "100%\n"),
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"a\x1b[1Gb\n", "b\n"),
        (b"\x1b[31mred\x1b[0m \x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "red link"),
        (b"\x1b]0;title\x07\x1b(B\x1b=\x1b7x\x1b[2J\x1b[10;10H\x1b[?25l", "x"),
        (b"a\tb", "a       b"),
        (b"a\x08\x07\x00\x7f\x9bb", "a�b"),
        ("a\u202eb\u2028c\u0085d\u200fe".encode(), "abcde"),
        ("한글 ✓ é".encode(), "한글 ✓ é"),
        (b"\xff\xfe", "��"),
        (b"cut \x1b[3", "cut 3"),
        (b"", ""),
    ],
)
def test_readable(data: bytes, expected: str) -> None:
    """What a terminal would show in the end, without what moves its cursor."""
    assert expected == readable(data)


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode()))
def test_nothing_moves_a_cursor(data: bytes) -> None:
    """No control character but the line feed is left, whatever the bytes."""
    shown = readable(data)
    assert not [c for c in shown if c != "\n" and unicodedata.category(c) in {"Cc", "Zl", "Zp"}]
    assert data.count(b"\n") == shown.count("\n")


def test_tail(tmp_path: Path) -> None:
    """The last lines, in order, without empty ones at the end."""
    log = tmp_path / "log"
    log.write_bytes(b"".join(b"line %d\r\n" % number for number in range(100)) + b"\n\n")
    assert "line 97\nline 98\nline 99" == tail(log, 3)
    assert 15 == len(tail(log).split("\n"))
    assert "" == tail(log, 0)
    log.write_bytes(b"only")
    assert "only" == tail(str(log))
    log.write_bytes(b"")
    assert "" == tail(log)


def test_tail_is_bounded(tmp_path: Path) -> None:
    """Only the end of the file is read, and a line that is cut by that is left out."""
    log = tmp_path / "log"
    log.write_bytes(b"\x1b[31m" * 50 + b"\nlast\n")
    assert "last" == tail(log, limit=20)
    log.write_bytes(b"y" * 200_000)
    assert 1000 == len(tail(log, limit=1000))


def test_tail_of_nothing(tmp_path: Path) -> None:
    """A log that cannot be read is told by name."""
    with pytest.raises(UsageError, match="none"):
        tail(tmp_path / "none")
