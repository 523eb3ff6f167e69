"""Running the programs that hosts are made of."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable


class BedError(Exception):
    """A host could not be made or changed; the text has the program's own words."""


def run(*command: object, stdin: str = "", check: bool = True) -> str:
    """Run a program and return its output.

    Raises:
        BedError: It ended with another code than 0, and *check* is set.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, input=stdin, text=True, capture_output=True, check=False)
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise BedError(f"{' '.join(words)} ended with {done.returncode}: {said}")
    return done.stdout


def wait_for(condition: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    """Return as soon as *condition* is true.

    Raises:
        BedError: It was not within *seconds*.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BedError(f"not within {seconds:g} s: {what}")
        time.sleep(0.005)
