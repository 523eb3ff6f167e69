"""Tries every mutant in a copy of the tree: its test is green without it, and red with it.

`python -m mutants [-j JOBS] [NAME...]`, in the root of the tree; tests/ has to be in PYTHONPATH.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from mutants.copies import Copy, copied
from mutants.mutant import Mutant
from mutants.mutants import MUTANTS


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _chosen(names: Sequence[str]) -> list[Mutant]:
    unknown = set(names) - {mutant.name for mutant in MUTANTS}
    if unknown:
        sys.exit(f"no mutant is called {', '.join(sorted(unknown))}")
    return [mutant for mutant in MUTANTS if not names or mutant.name in names]


def main() -> int:
    """Try the mutants; return 1 where one is not noticed."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("-j", "--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    waiting: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
    chosen = _chosen(given.names)
    for mutant in chosen:
        waiting.put(mutant)
    wrong: list[str] = []

    def work(copy: Copy) -> None:
        while True:
            try:
                mutant = waiting.get_nowait()
            except queue.Empty:
                return
            said = copy.try_out(mutant)
            _say(f"{'WRONG' if said else 'red  '} {mutant.name}: {mutant.promise}")
            if said:
                _say(f"  {said}")
                wrong.append(mutant.name)

    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [copied(Path.cwd(), Path(folder, str(job))) for job in range(given.jobs)]
        workers = [threading.Thread(target=work, args=(copy,)) for copy in copies]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    _say(f"{len(chosen) - len(wrong)} of {len(chosen)} mutants were noticed")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
