"""Copies of the tree in which tests run, alone: nothing that a test leaves outlives it."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from mutants.mutant import Mutant

#: Seconds for one test; a mutant that makes it hang has been noticed as well.
SECONDS = 90

#: In namespaces of its own: what is left of a test dies with its first process, or with us, and
#: the line for locks, which is all the machine's, is another one. The first process has to be one
#: that takes up orphans, which pytest would leave as zombies.
_ALONE = (
    *("unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "sh", "-c"),
    '[ ! -d /run/lock ] || mount -t tmpfs -o mode=1777 none /run/lock || exit; "$@"; exit $?',
    "sh",
)

_RED = 1


@functools.cache
def alone() -> tuple[str, ...]:
    """Return what a command is put behind to leave no process; nothing where we may not do that.

    A mutant disables a kill, say: without this its test leaves processes on the machine, and jobs
    of the user's own wait behind its locks.
    """
    try:
        done = subprocess.run([*_ALONE, "true"], capture_output=True, check=False)
    except OSError:
        return ()
    return () if done.returncode else _ALONE


@attrs.frozen
class Copy:
    """A copy of the tree in which tests run.

    Attributes:
        root: Where it is.
    """

    root: Path
    _green: set[tuple[str, str]] = attrs.field(factory=set, init=False)

    def run(self, mutant: Mutant) -> subprocess.CompletedProcess[str]:
        """Run the test of *mutant* as the tree is now."""
        only = ["-k", mutant.only] if mutant.only else []
        options = ["-q", "-x", "-p", "no:cacheprovider", "--tb=line", f"--timeout={SECONDS}"]
        return subprocess.run(
            [*alone(), sys.executable, "-m", "pytest", *options, *only, mutant.test],
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
        if (mutant.test, mutant.only) not in self._green:
            before = self.run(mutant)
            if before.returncode:
                return "its test is red without it\n" + _end(before)
            self._green.add((mutant.test, mutant.only))
        with self.with_mutant(mutant):
            after = self.run(mutant)
        if after.returncode == _RED:
            return ""
        return ("it SURVIVES\n" if not after.returncode else "its test breaks\n") + _end(after)


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
