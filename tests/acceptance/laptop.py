"""The machine that somebody types on: the real command line, with a home of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from hosts import processes
from hosts.commands import wait_for

import buildorch
from acceptance.sink import Sink

Line = dict[str, Any]

#: What a program sends to a terminal beside text.
_MOVES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

_ROOT = Path(buildorch.__file__).parents[1]
_CONFIG = Path(__file__).with_name("config.yaml").read_text(encoding="utf-8")

#: The pipeline file that users have, unchanged.
SEED = Path(__file__).with_name("pipeline.yaml").read_text(encoding="utf-8")


@attrs.frozen
class Done:
    """What a command ended with and said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Line]:
        """What it wrote with --json."""
        return _lines(self.out)

    @property
    def end(self) -> Line:
        """The last line of `run --json`."""
        last = self.lines[-1]
        assert last["event"] == "run_finished", last
        return last

    @property
    def statuses(self) -> dict[str, str]:
        """The status of each stage."""
        return {name: stage["status"] for name, stage in self.end["stages"].items()}

    def of(self, kind: str) -> list[Line]:
        """Return the events of one kind."""
        return [line for line in self.lines if line["event"] == kind]


def _lines(text: str) -> list[Line]:
    whole = text[: text.rfind("\n") + 1]
    return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]


class Command:
    """A command that is under way.

    Args:
        process: Its process.
        out: File that takes its stdout.
        err: File that takes its stderr.
    """

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process = process
        self._out = out
        self._err = err

    @property
    def said(self) -> Done:
        """What it has said so far."""
        code = self.process.returncode
        out, err = (path.read_text(encoding="utf-8") for path in (self._out, self._err))
        return Done(-1 if code is None else code, out, err)

    def until(self, kind: str, seconds: float = 20.0, **fields: object) -> Line:
        """Return the first event of *kind* with these fields, as soon as it is shown."""

        def found() -> list[Line]:
            assert self.process.poll() is None or matching(), self.said
            return matching()

        def matching() -> list[Line]:
            return [line for line in self.said.of(kind) if fields.items() <= line.items()]

        wait_for(found, f"{kind} {fields}", seconds)
        return matching()[0]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = 40.0) -> Done:
        """Return what it ended with."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it still runs after {seconds:g} s: {self.said}") from None
        return self.said


class Laptop:
    """Starts commands; everything that they keep is in one folder.

    Args:
        folder: The folder.
        client: Folder with the ssh_config of the test hosts.
    """

    def __init__(self, folder: Path, client: Path) -> None:
        self.home = folder / "home"
        self.state = folder / "state"
        self.work = folder / "work"
        self.ssh_config = folder / "ssh_config"
        self.variables: dict[str, str] = {}
        for made in (self.home, self.work):
            made.mkdir(parents=True)
        self.set_ssh_config("", client)
        self.config = self.work / "buildorch.yaml"
        self.set_config()
        (self.work / "pipeline.yaml").write_text(SEED, encoding="utf-8")
        self._commands: list[Command] = []

    def set_ssh_config(self, first: str, client: Path) -> None:
        """Let these lines of ssh_config count before those of the test hosts."""
        text = (client / "ssh_config").read_text(encoding="utf-8")
        self.ssh_config.write_text(f"{first}\n{text}", encoding="utf-8")

    def set_config(self, change: Callable[[str], str] = str) -> None:
        """Write the configuration of the three servers, changed."""
        text = change(_CONFIG.format(ssh_config=self.ssh_config))
        self.config.write_text(text, encoding="utf-8")

    def file(self, name: str, text: str) -> str:
        """Write a file into the working folder and return its name."""
        (self.work / name).write_text(text, encoding="utf-8")
        return name

    def start(self, *words: str, launcher: tuple[str, ...] = ()) -> Command:
        """Start a command; *launcher* are the words of a program that starts it."""
        return self._start([*launcher, sys.executable, "-m", "buildorch", *words])

    def script(self, text: str, *words: str) -> Command:
        """Start a Python program that uses buildorch."""
        return self._start([sys.executable, "-c", text, *words])

    def _start(self, words: Sequence[str]) -> Command:
        number = len(self._commands)
        out, err = (self.work.parent / f"{number}.{end}" for end in ("out", "err"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                words,
                cwd=self.work,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
        self._commands.append(Command(process, out, err))
        return self._commands[-1]

    def run(self, *words: str, seconds: float = 60.0) -> Done:
        """Run a command to its end."""
        return self.start(*words).wait(seconds)

    def watch(self, *words: str, until: str, seconds: float = 20.0) -> str:
        """Run a command on a terminal until it shows *until*, then leave it with Ctrl-C.

        Returns:
            All that it showed, without colours and movements.
        """
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (40, 120))
        process = subprocess.Popen(
            [sys.executable, "-m", "buildorch", *words],
            cwd=self.work,
            env={**self._environment(), "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            return _read_until(ours, until, seconds)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
            os.close(ours)

    def _environment(self) -> Mapping[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(_ROOT),
            "HOME": str(self.home),
            "USER": "dev1",
            "LOGNAME": "dev1",
            "LANG": "C.UTF-8",
            "BUILDORCH_HOME": str(self.state),
            **self.variables,
        }

    def controllers(self) -> Iterator[int]:
        """Yield the processes of this laptop, also those that left their terminal."""
        mark = f"BUILDORCH_HOME={self.state}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and mark in _environment_of(entry):
                yield int(entry.name)

    def close(self) -> None:
        """End everything that still runs here."""
        processes.signal_each(self.controllers(), signal.SIGKILL)
        for command in self._commands:
            command.process.kill()
            command.process.wait()


def _read_until(terminal: int, words: str, seconds: float) -> str:
    """Return what a terminal shows up to *words*."""
    deadline = time.monotonic() + seconds
    shown = ""
    while words not in shown:
        left = deadline - time.monotonic()
        assert left > 0, f"no {words!r} within {seconds:g} s in: {shown}"
        if select.select([terminal], [], [], left)[0]:
            shown += _MOVES.sub("", os.read(terminal, 65536).decode("utf-8", "replace"))
    return shown


@contextmanager
def open_laptop(folder: Path, client: Path, sink: Sink) -> Iterator[Laptop]:
    """Give a laptop with the team's configuration, whose messages go to *sink*."""
    laptop = Laptop(folder, client)
    laptop.variables["BUILDORCH_DISCORD_WEBHOOK"] = sink.webhook
    try:
        yield laptop
    finally:
        laptop.close()


def _environment_of(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
