"""Laws of logs in the report: nothing is lost, lines keep their numbers, memory stays small."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.analysis import analyze_file, readable
from buildorch.report import logs
from buildorch.report.logs import Log
from report.example import CMAKE, HOSTILE, compiler_log

LINES = st.lists(st.binary(max_size=40).map(lambda one: one.replace(b"\n", b" ")), max_size=60)


def a_log(folder: Path, data: bytes) -> Log:
    path = folder / "log"
    path.write_bytes(data)
    log = Log.read(path)
    assert log is not None
    return log


def numbered(log: Log) -> dict[int, str]:
    """Return the lines that a reader of the page can see, by their numbers."""
    found: dict[int, str] = {}
    for piece in log.pieces():
        lines = piece.text.split("\n")[:-1]
        assert piece.lines == len(lines)
        found.update(enumerate(lines, piece.first))
    return found


@given(LINES, st.integers(1, 200), st.booleans())
def test_the_pieces_are_the_log(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], size: int, ended: bool
) -> None:
    """However it is cut, every line has its number and its readable text."""
    data = b"\n".join(lines) + b"\n" * ended
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "_PIECE", size)
        shown = numbered(a_log(tmp_path_factory.mktemp("log"), data))
    expected = readable(data).split("\n")
    assert {n: text for n, text in enumerate(expected, 1) if text} == {
        n: text for n, text in shown.items() if text
    }


@given(LINES, st.integers(1, 50))
def test_the_middle_of_an_endless_log_is_left_out(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], kept: int
) -> None:
    """The lines that are there have the numbers that they have in the log."""
    data = b"".join(line + b"\n" for line in lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "KEPT", kept)
        log = a_log(tmp_path_factory.mktemp("log"), data)
        shown = numbered(log)
        whole = log.whole
    expected = dict(enumerate(readable(data).split("\n"), 1))
    cut = data[:kept].count(b"\n") + 1  # the only line that may be there in part
    wrong = {n for n, text in shown.items() if text.rstrip() != expected[n].rstrip()}
    assert wrong <= (set() if whole else {cut})


def test_a_piece_unpacks_to_its_text(tmp_path: Path) -> None:
    """What stands on the page is the deflated text in base64."""
    (piece,) = a_log(tmp_path, "한국어\n".encode()).pieces()
    assert "한국어\n" == zlib.decompress(base64.b64decode(piece.packed)).decode()


def test_lines_that_count_are_marked(tmp_path: Path) -> None:
    """Errors and warnings are marked where the analysis counts them, and nowhere else."""
    log = a_log(tmp_path, HOSTILE)
    assert (1, 1) == (log.says.errors, log.says.warnings)
    assert (log.marks.errors, log.marks.warnings) == ({8}, {7})
    assert analyze_file(log.path).as_dict() == log.says.as_dict()


def test_the_neighbourhood_of_an_error(tmp_path: Path) -> None:
    """The first error stands among its lines, with their numbers."""
    log = a_log(tmp_path, b"-- ok\n" * 100 + CMAKE.encode())
    (group,) = log.neighbourhoods()
    (marked,) = [line for line in group if line.error]
    assert (102, "CMake Error at container-manager/CMakeLists.txt:41 (find_package):") == (
        marked.number,
        marked.text,
    )
    assert list(range(96, 110)) == [line.number for line in group]


def test_a_log_that_is_gone(tmp_path: Path) -> None:
    """It is no error: somebody removed it."""
    assert Log.read(tmp_path / "none") is None


def test_one_line_without_an_end(tmp_path: Path) -> None:
    """A log of one line is told by its beginning, in little memory."""
    log = a_log(tmp_path, b"x" * 5_000_000)
    assert sum(len(piece.text) for piece in log.pieces()) < 1 << 17
    assert 1 == len(log.end(10))


def test_a_compiler_log_becomes_small(tmp_path: Path) -> None:
    """The log of a compiler takes a fraction of its size, and no line of it is lost."""
    path = tmp_path / "log"
    count = compiler_log(path, 4_000_000)
    log = Log.read(path)
    assert log is not None
    pieces = list(log.pieces())
    assert count == sum(piece.lines for piece in pieces) == log.says.lines
    assert sum(len(piece.packed) for piece in pieces) < log.size / 3
