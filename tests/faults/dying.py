"""A program that drives runs in processes that die: `dying.py ORDER.json`.

It imports once and forks for each controller. For each event of `events` (numbers from 1) a run
is begun whose controller is killed as soon as that event is stored; a second controller resumes
it and is killed as well, a few events later; a third one ends it. Prints a JSON line a run.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from buildorch import api
from buildorch.backends.ssh import SshBackend
from buildorch.errors import UsageError
from buildorch.events import Recorded
from buildorch.loading import load_pipeline
from buildorch.view import RunView
from buildorch.yaml.config import load_config


@attrs.define
class Dies:
    """An observer that kills its process at an event of the controller of that epoch.

    Attributes:
        epoch: Number of the controller.
        at: How many of its events it lives to see.
        seen: How many it has seen.
    """

    epoch: int
    at: int
    seen: int = 0

    def see(self, _: RunView, record: Recorded) -> None:
        """Count, and die in time."""
        self.seen += record.epoch == self.epoch
        if record.epoch == self.epoch and self.seen == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


@attrs.frozen
class Life:
    """The folder in which a run lives that many controllers drive."""

    folder: Path
    number: int

    def options(self, *observers: Dies) -> api.Options:
        """Return how it is driven."""
        return api.Options(
            config=load_config(self.folder / "buildorch.yaml"),
            backends={"ssh": SshBackend()},
            notifiers={"here": self.tell},
            observers=observers,
            home=self.folder / f"state-{self.number}",
            results=self.folder / f"results-{self.number}",
        )

    def tell(self, text: str) -> None:
        """Take a message, as a chat would."""
        with (self.folder / f"sent-{self.number}").open("a", encoding="utf-8") as sent:
            sent.write(json.dumps(text) + "\n")

    def begin(self) -> None:
        """Begin the run, and die."""
        pipeline = load_pipeline(str(self.folder / "pipeline.py"))
        api.run(pipeline, self.options(Dies(1, self.number)))

    def go_on(self) -> None:
        """Resume it, and die again."""
        self._resume(Dies(2, 1 + self.number % 5))

    def finish(self) -> None:
        """Resume it, and drive it to its end."""
        self._resume()

    def _resume(self, *observers: Dies) -> None:
        try:
            result = api.resume("last", options=self.options(*observers))
        except UsageError:
            return  # it has ended, and people know
        assert result.ok, result


def in_child(work: Callable[[], None]) -> int:
    """Do it in a process of its own; returns how that ended, as `waitpid` says it."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - a process that was forked leaves by `_exit` only
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)
    return os.waitpid(pid, 0)[1]


def live(folder: Path, number: int) -> dict[str, Any]:
    """Live one run; returns how its controllers ended."""
    life = Life(folder, number)
    ends = [in_child(life.begin), in_child(life.go_on), in_child(life.finish)]
    return {"number": number, "ends": ends}


def main(order: str) -> None:
    """Live a run for each event."""
    told = json.loads(Path(order).read_text(encoding="utf-8"))
    for number in told["events"]:
        lived = live(Path(order).parent, number)
        sys.stdout.write(json.dumps(lived) + "\n")
        sys.stdout.flush()
        if lived["ends"][0] == 0:
            return  # the run has fewer events


if __name__ == "__main__":
    main(sys.argv[1])
