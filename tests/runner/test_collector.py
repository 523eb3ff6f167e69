"""The collected log: its checksum is that of the file, and a log that is not analysed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from buildorch import events
from buildorch.analysis import LastLine
from buildorch.dsl import Pipeline
from buildorch.runner.collector import AttemptLog
from buildorch.testing import FakeBackend, Script
from runner.bench import Bench, a_stage, statuses

#: What happens to the file of a log: bytes of ours or of somebody else, cut, or overwritten.
_DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("ours"), st.binary(min_size=1, max_size=30)),
        st.tuples(st.just("cut"), st.integers(0, 60)),
        st.tuples(st.just("theirs"), st.binary(min_size=1, max_size=5)),
    ),
    max_size=12,
)


@given(deeds=_DEEDS, base=st.integers(0, 5))
def test_the_checksum_is_that_of_the_file(deeds: list[tuple[str, bytes | int]], base: int) -> None:
    """Whoever wrote a part of the file, and whenever: what is compared is what it holds now."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_bytes(b"01234")
        log = AttemptLog(path, (), None)
        log.job(base)
        for number, deed in enumerate(deeds):
            _do(log, *deed, number)
            if number % 3 == 0:
                assert hashlib.sha256(path.read_bytes()[base:]).hexdigest() == log.digest(base)
        assert hashlib.sha256(path.read_bytes()[base:]).hexdigest() == log.digest(base)
        log.close()


def _do(log: AttemptLog, who: str, what: bytes | int, number: int) -> None:
    if isinstance(what, int):
        log.truncate(5 + what % (log.size - 4))
    elif who == "ours":
        log.write(what)
    else:
        with log.path.open("r+b") as file:
            file.write(what)
        # The clock of a file system may stand still for some milliseconds.
        later = log.path.stat().st_mtime_ns + 10_000_000 * (number + 1)
        os.utime(log.path, ns=(later, later))


def test_a_log_of_an_earlier_controller_counts(tmp_path: Path) -> None:
    """What was collected before is in the checksum with what came now."""
    path = tmp_path / "log"
    path.write_bytes(b"0123")
    log = AttemptLog(path, (), None)
    job = log.job(2)
    job.write(2, b"45")
    assert hashlib.sha256(b"2345").hexdigest() == log.digest(2)
    log.close()


def test_a_log_that_is_not_analysed_has_its_last_line(tmp_path: Path) -> None:
    """Verdicts by the last line hold; errors are not counted."""
    log = AttemptLog(tmp_path / "log", (b"hunter22",), LastLine())
    log.job(0).write(0, b"a.c:1: error: no\nBUILD \x1b[31mFAILED\x1b[0m hunter22 now\n\n")
    report = log.report()
    assert (report.last_line, report.errors) == ("BUILD FAILED ******** now", 0)
    assert report.first_error is None
    log.close()


def test_a_stage_says_that_its_log_is_not_analysed(bench: Bench) -> None:
    """Errors are looked for in the other's log only; both are judged by their last line."""
    log = b"a.c:1:1: error: no such thing\nRESULT: BAD\n"
    bench.backend = FakeBackend({name: [Script(log)] for name in ("read", "left")})
    read = a_stage("read", fail_if="BAD", allow_failure=True)
    left = a_stage("left", fail_if="BAD", analyze=False)
    result = bench.run(Pipeline("p", read >> left))
    assert {"read": "failed", "left": "failed"} == statuses(result)
    ends = {event.stage: event for event in bench.seen.of(events.AttemptFinished)}
    assert (1, 0) == (ends["read"].errors, ends["left"].errors)
    assert ends["left"].first_error is None
