"""Somebody at a shell: a folder, a state folder, and the program."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

#: Seconds until a test gives up waiting for what must come.
DEADLINE = 30.0

#: What differs from run to run, and what stands for it.
_CHANGING = (
    (re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}"), "RUN"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\b\d+s\b"), "Ns"),
    (re.compile(r"(?<=by )\S+(?=:| \(|$)", re.MULTILINE), "ME"),
)


@attrs.frozen
class Outcome:
    """How a command ended.

    Attributes:
        code: Its exit code.
        out: What it wrote to stdout.
        err: What it wrote to stderr.
    """

    code: int
    out: str
    err: str

    @property
    def last(self) -> Any:
        """The last line of stdout, as JSON."""
        return json.loads(self.out.splitlines()[-1])


@attrs.frozen
class User:
    """Somebody who works in a folder of their own.

    Attributes:
        folder: Where they are.
        environ: What their programs get.
        started: Programs that run beside the test.
    """

    folder: Path
    environ: Mapping[str, str]
    started: list[subprocess.Popen[str]] = attrs.field(factory=list)

    @classmethod
    def at(cls, place: Path) -> User:
        """Return one whose folders are in *place*."""
        folder = place / "work"
        folder.mkdir()
        # Also where the program is, should it be another copy than the installed one.
        known = ("PATH", "PYTHONPATH")
        kept = {name: os.environ[name] for name in known if name in os.environ}
        coverage = {k: v for k, v in os.environ.items() if k.startswith("COV")}
        own = {"HOME": str(place), "BUILDORCH_HOME": str(place / "state"), "LANG": "C.UTF-8"}
        return cls(folder, {**kept, **coverage, **own, "TERM": "xterm"})

    @property
    def words(self) -> list[str]:
        """The words that start the program."""
        return [sys.executable, "-m", "buildorch"]

    def write(self, name: str, text: str) -> None:
        """Make a file in their folder."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def stages(self, name: str, **commands: str) -> None:
        """Write `NAME.yaml` with one command after the other."""
        lines, before = [f"name: {name}", "stages:"], None
        for stage, command in commands.items():
            lines += [f"  - name: {stage}", f"    command: {json.dumps(command)}"]
            lines += [f"    depends_on: {before}"] if before else []
            before = stage
        self.write(f"{name}.yaml", "\n".join(lines) + "\n")

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start the program, as a process group of its own."""
        piped: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            [*self.words, *words],
            cwd=self.folder,
            env={**self.environ, **options.pop("environ", {})},
            stdin=options.pop("stdin", subprocess.DEVNULL),
            text=True,
            start_new_session=True,
            **{**piped, **options},
        )
        self.started.append(process)
        return process

    def leave(self) -> None:
        """End the programs that still run beside the test."""
        for process in self.started:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()

    def run(self, *words: str, stdin: bytes | None = None, **environ: str) -> Outcome:
        """Run the program to its end."""
        done = subprocess.run(
            [*self.words, *words],
            cwd=self.folder,
            env={**self.environ, **environ},
            input=stdin or b"",
            capture_output=True,
            timeout=DEADLINE * 2,
            check=False,
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ends(self, process: subprocess.Popen[str]) -> Outcome:
        """Wait for the end of a process that was started."""
        out, err = process.communicate(timeout=DEADLINE)
        return Outcome(process.returncode, out, err)

    def plain(self, text: str) -> str:
        """Return *text* with what differs from run to run replaced."""
        for pattern, word in _CHANGING:
            text = pattern.sub(word, text)
        return text.replace(str(self.folder), "HERE")

    def log_has(self, stage: str, text: str) -> Callable[[], bool]:
        """Return what tells whether the newest log of *stage* has *text*."""
        path = self.folder / "results" / "latest" / stage / "attempt-1.log"
        return lambda: path.exists() and text in path.read_text()

    @contextlib.contextmanager
    def gone(self, run: str) -> Iterator[None]:
        """End the run *run* afterwards, whatever the test did with it."""
        try:
            yield
        finally:
            self.run("cancel", run)


def until(condition: Callable[[], object], what: str = "it did not happen") -> None:
    """Wait until *condition* holds."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Tell whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def signalled(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal to a process that a test started."""
    os.kill(process.pid, number)
