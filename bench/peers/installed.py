"""Peers from PyPI: each in an environment of its own, made when it is first asked for."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import attrs

from bench.watch import GaveUp

#: Kept between runs; git ignores it.
CACHE = Path(__file__).parents[2] / ".bench"


@attrs.frozen
class Peer:
    """A package of PyPI.

    Attributes:
        name: Its name there.
        release: The version that is compared.
        also: Further requirements, such as `paramiko==3.5.1`.
    """

    name: str
    release: str
    also: tuple[str, ...] = ()

    def version(self) -> str:
        """Return its version, with those of what was installed with it by name."""
        return ", ".join([self.release, *(text.replace("==", " ") for text in self.also)])

    @property
    def python(self) -> Path:
        """The Python of its environment.

        Raises:
            GaveUp: It cannot be installed.
        """
        return self.program("python")

    def program(self, name: str) -> Path:
        """Return a program of its environment.

        Raises:
            GaveUp: It cannot be installed.
        """
        folder = CACHE / f"{self.name}-{self.release}"
        CACHE.mkdir(exist_ok=True)
        with (CACHE / f"{self.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "ready").exists():
                self._install(folder)
        return folder / "bin" / name

    def _install(self, folder: Path) -> None:
        wanted = [f"{self.name}=={self.release}", *self.also]
        for words in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(folder / "bin/pip"), "install", "-q", "--disable-pip-version-check", *wanted],
        ):
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                raise GaveUp(f"{self.name} could not be installed: {done.stderr[-1000:]}")
        (folder / "ready").touch()
