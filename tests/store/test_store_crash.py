"""Laws of a writer that is killed with SIGKILL at any moment."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from store.store_samples import RUN

from buildorch.store.database import Store

# Prints what was acknowledged, after it was: `SEQ` of each commit's last event.
WRITER = """
import itertools, sys
from pathlib import Path
from store.store_samples import AT, RUN, created, fact
from buildorch.store.database import Store
print("ready", flush=True)
with Store(Path(sys.argv[1])) as store:
    if not store.runs():
        print(store.create(RUN, [created()], at=AT)[-1].seq, flush=True)
    for number in itertools.count():
        events = [fact(number)] * (1 + number % 3)
        durable = number % 2 == 0
        print(store.append(RUN, events, epoch=1, at=AT, durable=durable)[-1].seq, flush=True)
"""


@contextlib.contextmanager
def writer(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a writer and wait until it is about to open the store; it is killed at the end."""
    command = [sys.executable, "-c", WRITER, str(path)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            yield child
        finally:
            child.kill()


def killed_after(path: Path, acknowledged: int, pause: float) -> int:
    """Kill a writer some time after its n-th commit; return the last number it acknowledged."""
    with writer(path) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(acknowledged)]
        time.sleep(pause)  # the moment of the death is the random part, nothing is waited for
        child.kill()
        # Killing can cut the last line short, so only whole ones count.
        lines += child.stdout.read().splitlines(keepends=True)
        assert child.wait() == -9
    whole = [line for line in lines if line.endswith("\n")]
    return int(whole[-1]) if whole else 0


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_writer_leaves_a_prefix_with_all_that_it_acknowledged(
    tmp_path: Path, seed: int
) -> None:
    """After each of several deaths: no gap, nothing lost that was acknowledged, no half commit."""
    chance = random.Random(seed)  # noqa: S311 - the moments of death, not a secret
    path = tmp_path / "runs.db"
    before = 0
    for _ in range(3):
        acknowledged = killed_after(path, chance.randrange(1, 60), chance.uniform(0, 0.02))
        with Store(path) as store:
            recorded = store.read(RUN)
            assert store.run(RUN).seq == len(recorded)
        assert [item.seq for item in recorded] == list(range(1, len(recorded) + 1))
        assert len(recorded) >= acknowledged > before
        # At most one commit, of at most three events, was made and not yet acknowledged.
        assert len(recorded) - acknowledged <= 3
        before = len(recorded)


@pytest.mark.parametrize("microseconds", [0, 300, 1000, 2000, 4000, 8000])
def test_a_store_can_be_opened_whenever_its_maker_died(tmp_path: Path, microseconds: int) -> None:
    """Killed while it makes the database, its maker leaves a whole one or none."""
    path = tmp_path / "runs.db"
    acknowledged = killed_after(path, 0, microseconds / 1e6)
    with Store(path) as store:
        count = sum(row.seq for row in store.runs())
        assert count >= acknowledged
        assert not count or len(store.read(RUN)) == count
