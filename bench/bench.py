"""What a contender works with: a folder of its own, hosts, peers' programs, a time limit."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs

from bench import watch
from bench.row import Sample
from bench.scene import Scene, Scenes

PROGRAMS = Path(__file__).with_name("programs")
ROOT = Path(__file__).parents[1]


@attrs.frozen
class Bench:
    """A place to run one contender once.

    Attributes:
        folder: Empty, and removed afterwards.
        limit: Seconds that a program may take.
        scenes: Where hosts are made.
    """

    folder: Path
    limit: float
    scenes: Scenes

    def hosts(self, count: int = 3) -> Scene:
        """Return *count* real hosts, made when first asked for and kept for all rows."""
        return self.scenes.hosts(count)

    def run(
        self, *words: object, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> watch.Ended:
        """Run a program to its end in the folder.

        Raises:
            GaveUp: It took longer than the limit.
        """
        return watch.run(words, self.folder, self.limit, environment, stdin)

    def program(self, name: str, *words: object, python: str | Path = sys.executable) -> Sample:
        """Run `bench/programs/NAME.py`, which prints one JSON object as its last line.

        The object's `seconds`, `asked` and `done` are the sample's; what else it has becomes
        figures, beside `peak_mb`, `threads` and `cpu_s` of the program.

        Args:
            name: The program, without `.py`.
            words: Its arguments.
            python: The Python that runs it: a peer's, or ours.

        Raises:
            GaveUp: It took longer than the limit, or failed.
        """
        world = {"PYTHONPATH": str(ROOT), "BUILDORCH_HOME": str(self.folder / "home")}
        ended = self.run(python, PROGRAMS / f"{name}.py", *words, environment=world)
        if ended.code:
            raise watch.GaveUp(f"{name} ended with {ended.code}: {ended.complaints[-2000:]}")
        figures: dict[str, float] = json.loads(ended.output.splitlines()[-1])
        seconds, asked, done = (figures.pop(key) for key in ("seconds", "asked", "done"))
        return Sample(seconds, int(asked), int(done), {**ended.figures, **figures})
