"""Console sessions of a page, run as they stand.

A line behind `$ ` is run by bash; the lines that follow it are what it prints, on either stream,
where `...` stands for anything.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

#: Printed behind each command, so that one shell runs them all and keeps its variables.
_MARK = "--- end of a command"


def commands(session: str) -> Iterator[tuple[str, str]]:
    """Yield each command with what it is to print."""
    for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        yield command, printed


def _marked(command: str) -> str:
    """Return *command* with the mark behind it; `$?` is still its own in the next one."""
    return f"{command}\nstatus=$?; echo '{_MARK}'; (exit $status)\n"


def pattern(printed: str) -> re.Pattern[str]:
    """Return what fits *printed*, where `...` fits anything."""
    exact = re.escape(printed.strip()).replace(re.escape("..."), ".*")
    return re.compile(exact, re.DOTALL)


def run(session: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Run the commands of *session* in *folder*; what they print has to fit."""
    wanted = list(commands(session))
    done = subprocess.run(
        ["bash", "-c", "".join(map(_marked, (command for command, _ in wanted)))],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
        text=True,
    )
    told = re.split(rf"^{_MARK}\n", done.stdout, flags=re.MULTILINE)
    assert len(told) == len(wanted) + 1, done.stdout
    for (command, printed), got in zip(wanted, told[:-1], strict=True):
        assert pattern(printed).fullmatch(got.strip()), f"$ {command}\n{got}\n--- wanted\n{printed}"
