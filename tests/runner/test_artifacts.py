"""Laws of artifacts, with real jobs on this machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from buildorch import api, events
from buildorch.definitions import Pipeline
from buildorch.flow import Stage
from buildorch.job import JobEnd
from buildorch.model import Config
from buildorch.runner.artifacts import NOTHING, _unpacked
from buildorch.scheduler.facts import LogReport
from buildorch.testing import EventLog

FILES = {
    "plain.bin": b"\x00\xff" * 1000,
    "with space.bin": b"a b",
    "한글.bin": b"hangul",
    "quote'\"$(touch pwned).bin": b"",
    "-dash.bin": b"dash",
    "deep/inner.txt": b"inner",
}


def run(folder: Path, *artifacts: str) -> tuple[api.RunResult, EventLog]:
    work = folder / "work"
    for name, content in FILES.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(content)
    (work / "link.bin").symlink_to("plain.bin")
    seen = EventLog()
    stage = Stage(name="make", command="echo made", workdir=str(work), artifacts=artifacts)
    options = api.Options(
        config=Config(), home=folder / "home", results=folder / "results", observers=[seen]
    )
    return api.run(Pipeline("p", stage), options), seen


def test_artifacts_arrive_whole_whatever_their_names(tmp_path: Path) -> None:
    """Every file that a pattern matches is here with its bytes and SHA-256; links stay links."""
    result, seen = run(tmp_path, "*.bin", "deep/*")
    assert result.ok
    folder = Path(result.results, "make", "artifacts")
    assert FILES == {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    assert "plain.bin" == str((folder / "link.bin").readlink())
    sums = {event.path: event.sha256 for event in seen.of(events.ArtifactStored)}
    assert sums == {
        str(folder / name): hashlib.sha256(content).hexdigest() for name, content in FILES.items()
    }


def test_a_pattern_is_expanded_and_never_run(tmp_path: Path) -> None:
    """What a user writes as a pattern is matched against names; no shell evaluates it."""
    result, _ = run(tmp_path, "$(touch evil)", "`touch evil`", "; touch evil", "plain.bin")
    assert result.ok
    assert not (tmp_path / "work" / "evil").exists()
    assert (Path(result.results) / "make" / "artifacts" / "plain.bin").exists()


def test_artifacts_that_match_nothing_are_a_warning(tmp_path: Path) -> None:
    """The build succeeded; that a pattern matched nothing is said, and fails nothing."""
    result, _ = run(tmp_path, "*.wic")
    finished = result.stages["make"].finished
    assert result.ok
    assert finished is not None
    assert "no file matches its artifacts" == finished.warning
    assert [] == list(Path(result.results).rglob(".artifacts-*"))


@pytest.mark.parametrize(
    ("end", "complete"),
    [
        (JobEnd(kind="exit", code=NOTHING), True),
        (JobEnd(kind="exit", code=2), True),
        (JobEnd(kind="exit", code=0), False),
        (JobEnd(kind="exit", code=0), True),
    ],
)
def test_no_stream_stays_whatever_became_of_it(tmp_path: Path, end: JobEnd, complete: bool) -> None:
    """No file matched, tar failed, bytes are missing, no tar at all: the stream is removed."""
    stream = tmp_path / ".artifacts-1.tar"
    stream.write_bytes(b"no tar")
    found = LogReport(size=6, complete=complete)
    files, warning = _unpacked(end, found, stream, tmp_path / "artifacts")
    assert ((), True, False) == (files, bool(warning), stream.exists())
