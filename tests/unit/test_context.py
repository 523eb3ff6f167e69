from __future__ import annotations

from pathlib import Path

import pytest

from buildorch.context import StepResult
from buildorch.errors import UsageError
from buildorch.job import JobEnd


def result(log: Path, end: JobEnd, data: bytes = b"", *, captured: bool = False) -> StepResult:
    """Return the result of a step whose output follows another one's in *log*."""
    log.write_bytes(b"before\n" + data)
    text = data.decode() if captured else None
    return StepResult(
        command="make", end=end, log=str(log), log_base=7, log_size=len(data), output=text
    )


@pytest.mark.parametrize(
    ("end", "ok", "exited"),
    [
        (JobEnd(kind="exit"), True, 0),
        (JobEnd(kind="exit", code=3), False, 3),
        (JobEnd(kind="signal", code=9), False, -9),
        (JobEnd(kind="lost", reason="rebooted"), False, -1),
        (JobEnd(kind="exit", reason="timeout"), False, 0),
    ],
)
def test_a_result_is_what_the_server_recorded(
    tmp_path: Path, end: JobEnd, ok: bool, exited: int
) -> None:
    """Code, signal and loss are told apart; only a 0 that nobody caused is a success."""
    found = result(tmp_path / "log", end)
    assert (found.ok, found.failed, bool(found)) == (ok, not ok, ok)
    assert (found.exited, found.return_code) == (exited, exited)


def test_output_is_there_only_if_captured(tmp_path: Path) -> None:
    """Reading what was not kept is an error that says how to get it."""
    done = JobEnd(kind="exit", seconds=1.5)
    kept = result(tmp_path / "log", done, b"a\nb\n", captured=True)
    assert (kept.stdout, kept.stderr, kept.seconds) == ("a\nb\n", "", 1.5)
    lost = result(tmp_path / "log", done, b"a\nb\n")
    for name in ("stdout", "stderr"):
        with pytest.raises(UsageError, match="capture=True"):
            getattr(lost, name)


@pytest.mark.parametrize(
    ("data", "count", "expected"),
    [
        (b"", 2, ""),
        (b"a\nb\nc\n", 2, "b\nc"),
        (b"a\nb\nc", 2, "b\nc"),
        (b"a\n\n", 2, "a\n"),
        (b"a\n", 0, ""),
        ("빌드\n완료".encode(), 1, "완료"),
        (b"x" * (1 << 19) + b"\nlast\n", 1, "last"),
    ],
)
def test_the_tail_is_read_from_the_log(
    tmp_path: Path, data: bytes, count: int, expected: str
) -> None:
    """The last lines are there without capturing, and only those of this step."""
    assert result(tmp_path / "log", JobEnd(kind="exit"), data).tail(count) == expected
