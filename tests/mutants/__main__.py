"""Tries every mutant in a copy of the tree: its test is green without it, and red with it.

`python -m mutants [-j JOBS] [NAME...]`, in the root of the tree; tests/ has to be in PYTHONPATH.
"""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mutants.mutants import MUTANTS, Mutant

#: Seconds for one test; a mutant that makes it hang has been noticed as well.
SECONDS = 90
_RED = 1


class Copy:
    """A copy of the tree in which tests run.

    Args:
        root: Where it is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, mutants: Sequence[Mutant]) -> subprocess.CompletedProcess[str]:
        """Run the tests of *mutants* as the tree is now."""
        only = {mutant.only for mutant in mutants}
        chosen = ["-k", f"({')or('.join(sorted(only))})"] if "" not in only else []
        return subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "pytest",
                    "-q",
                    "-x",
                    "-p",
                    "no:cacheprovider",
                    "--tb=line",
                ),
                *(f"--timeout={SECONDS}", *chosen, *dict.fromkeys(one.test for one in mutants)),
            ],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    @contextmanager
    def with_mutant(self, mutant: Mutant) -> Iterator[None]:
        """Have the mutant in the tree meanwhile."""
        path = self.root / mutant.file
        text = path.read_text("utf-8")
        path.write_text(text.replace(mutant.old, mutant.new), "utf-8")
        try:
            yield
        finally:
            path.write_text(text, "utf-8")

    def try_out(self, mutant: Mutant) -> str:
        """Return what is wrong about a mutant, or nothing."""
        if (self.root / mutant.file).read_text("utf-8").count(mutant.old) != 1:
            return "what it replaces is not there once"
        before = self.run([mutant])
        if before.returncode:
            return "its test is red without it\n" + _end(before)
        with self.with_mutant(mutant):
            after = self.run([mutant])
        if after.returncode == _RED:
            return ""
        return ("it SURVIVES\n" if not after.returncode else "its test breaks\n") + _end(after)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _end(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join(f"    {line}" for line in (done.stdout + done.stderr).splitlines()[-8:])


def copied(source: Path, target: Path) -> Copy:
    """Copy what belongs to the tree: files that git knows, and new ones that it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=source,
        capture_output=True,
        check=True,
    )
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        file = target / name
        if (source / name).is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, file)
    return Copy(target)


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
