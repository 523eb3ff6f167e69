"""Whatever ends the long run, it leaves nothing on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts import processes
from hosts.commands import wait_for

_TESTS = Path(__file__).parents[1]


def _children(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield int(child)
            yield from _children(int(child))


def _bed(pid: int) -> str | None:
    """Return the number of the bed whose lock a process below *pid* holds."""
    for child in _children(pid):
        with contextlib.suppress(OSError):
            for entry in Path(f"/proc/{child}/fd").iterdir():
                path = entry.readlink()
                if path.parent == Path("/tmp/buildorch-hosts") and path.suffix == ".lock":
                    return path.stem
    return None


@pytest.mark.hosts
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_in_the_middle_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C in mid-story: no host, no process, no folder; the table of what was lived is shown."""
    temporary = tmp_path / "t"
    temporary.mkdir()
    world = {**os.environ, "PYTHONPATH": f"{_TESTS}:{_TESTS.parent}", "TMPDIR": str(temporary)}
    run = subprocess.Popen(
        [sys.executable, "-m", "chaos", "--seeds", "3", "--jobs", "1"],
        env=world,
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: list(temporary.glob("chaos-*/state")), "a story is lived", 60)
    bed = _bed(run.pid)
    assert bed is not None
    networks = [path.stat().st_ino for path in Path("/run/netns").glob(f"bo{bed}h*")]
    assert len(networks) == 3
    os.killpg(run.pid, number)
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "interrupted; all hosts are removed" in said
    assert list(Path("/run/netns").glob(f"bo{bed}h*")) == []
    assert [pid for one in networks for pid in processes.in_namespace("net", one)] == []
    assert list(temporary.iterdir()) == []
