"""Places where jobs run, as the laws see them: a backend, a server, and a look behind the scene.

A kind of place is a context manager in `PLACES`, named `BACKEND-PART`.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeAlias

import attrs
import pytest

from buildorch.backends.local import LocalBackend
from buildorch.model import Server
from buildorch.ports import Session, SessionListener


class Connects(Protocol):
    """All that the laws want of a backend."""

    def connect(self, server: Server, listener: SessionListener) -> Session:
        """Return a session that is ready for jobs."""


class Machine(Protocol):
    """What a law may do on the machine of a place, past the backend."""

    def run(self, command: str) -> str:
        """Run shell text as the account of the jobs, and return its output."""

    def read(self, path: str) -> bytes:
        """Return the content of a file."""

    def commands(self) -> list[str]:
        """Return the command lines of all processes, words joined by spaces."""


@attrs.frozen
class Place:
    """Where the laws are tried.

    Attributes:
        part: The server part that runs there: `python` or `sh`.
        backend: Connects it.
        server: What it connects to.
        machine: The machine behind it.
        folder: A folder on that machine that belongs to the test.
    """

    part: str
    backend: Connects
    server: Server
    machine: Machine
    folder: str


class ThisMachine:
    """The machine that the tests run on.

    Args:
        environment: What commands get.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)

    def run(self, command: str) -> str:
        """Run shell text in the home folder, and return its output."""
        return subprocess.run(
            ["sh", "-c", f'cd "$HOME" || exit 1\n{command}'],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            text=True,
        ).stdout

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        return Path(path).read_bytes()

    def commands(self) -> list[str]:
        """Return the command lines of all processes."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                found.append((process / "cmdline").read_bytes())
        return [line.replace(b"\0", b" ").decode(errors="replace").strip() for line in found]


#: Makes a place for one test, and ends it.
MakePlace: TypeAlias = Callable[[pytest.FixtureRequest, Path], AbstractContextManager[Place]]


def _local(part: str) -> MakePlace:
    @contextlib.contextmanager
    def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
        del request
        home = tmp_path / "home"
        home.mkdir()
        environment = {**os.environ, "HOME": str(home), "BUILDORCH_HOME": str(tmp_path / "state")}
        backend = LocalBackend(prefer=part, environment=environment)
        server = Server(name="here", backend="local")
        yield Place(part, backend, server, ThisMachine(environment), str(tmp_path))

    return make


#: Every kind of place that has to keep the promises, by name.
PLACES: Mapping[str, MakePlace] = {"local-python": _local("python"), "local-sh": _local("sh")}
