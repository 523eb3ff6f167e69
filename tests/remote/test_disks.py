"""A full disk: launches are refused with the numbers, ends are recorded all the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from contract.talk import Talk, talk

from buildorch.remote.job_session import JobSession
from remote.machines import ShellBackend, environment, machine


def _on_small_disk(tmp_path: Path, part: str) -> ShellBackend:
    """Return a machine whose state lies on a disk of 600 KiB that only it sees."""
    flags = "-m" if os.geteuid() == 0 else "-rm"
    mount = f"mount -t tmpfs -o size=600k,mode=700 none {tmp_path}/state"
    (tmp_path / "state").mkdir()
    words = ("unshare", flags, "sh", "-c")
    return ShellBackend(environment(tmp_path), words, noise=f"{mount}; ", prefer=part)


@pytest.mark.parametrize("part", ["python", "sh"])
def test_full_disk(tmp_path: Path, part: str) -> None:
    """The end of a job that filled the disk is true, and says that it did; the next is refused."""
    with talk(machine(tmp_path, _on_small_disk(tmp_path, part))) as link:
        _fill(link, f"{tmp_path}/state/fill")
        late = link.job("true", "late")
        link.session.start(late)
        reason, detail = link.heard.refusal_of(late)
        assert reason == "no_space"
        assert "state" in detail


def _fill(link: Talk, path: str) -> None:
    end = link.end(f"head -c 10M /dev/zero >{path}", "filler")
    assert (end.kind, end.code, end.reason) == ("exit", 1, "no_space")
    assert "free" in (end.detail or "")


@pytest.mark.parametrize("part", ["python", "sh"])
def test_cleaned(tmp_path: Path, part: str) -> None:
    """Old ends are removed with all that is theirs; a living job and a young end are not."""
    with talk(machine(tmp_path, ShellBackend(environment(tmp_path), prefer=part))) as link:
        assert isinstance(link.session, JobSession)
        done = link.start("head -c 10000 /dev/zero", "done")
        link.heard.end_of(done)
        nap = link.nap()
        living = link.start(nap.text, "living")
        nap.await_start()
        assert link.session.clean(3600)[0] == 0
        jobs, freed = link.session.clean(0)
        assert jobs == 1
        assert freed >= 10_000
        left = {path.name for path in (tmp_path / "state/jobs").iterdir()}
        assert left == {living.id}
        link.session.cancel(living.id, "cancelled", 1.0)
        assert link.heard.end_of(living).reason == "cancelled"


def test_the_environment_is_not_kept(tmp_path: Path) -> None:
    """Once a job has ended its environment, and with it every secret, is off the disk."""
    for part in ("python", "sh"):
        backend = ShellBackend(environment(tmp_path), prefer=part)
        with talk(machine(tmp_path, backend)) as link:
            link.end("true", env={"TOKEN": "s3cret"})
    for path in (tmp_path / "state").rglob("*"):
        assert path.is_dir() or b"s3cret" not in path.read_bytes(), path
