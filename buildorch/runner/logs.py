"""The logs of a run's attempts that are being written now."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from buildorch.analysis import Analyzer, LastLine
from buildorch.runner.collector import AttemptLog


class Logs:
    """Opens one log a stage, for its current attempt.

    Args:
        results: Folder of the run's results.
        secrets: Values that are masked.
        analyzer: Makes the analyzer of a stage's log.
    """

    def __init__(
        self,
        results: Path,
        secrets: Sequence[bytes],
        analyzer: Callable[[str], Analyzer | LastLine],
    ) -> None:
        self._results = results
        self._secrets = secrets
        self._analyzer = analyzer
        self._open: dict[str, tuple[int, AttemptLog]] = {}
        self._streams: list[AttemptLog] = []
        self._lock = threading.Lock()

    def of(self, stage: str, attempt: int) -> AttemptLog:
        """Return the log of this attempt; an older attempt's is closed.

        Raises:
            OSError: It cannot be made.
        """
        with self._lock:
            known = self._open.get(stage)
            if known is not None and known[0] == attempt:
                return known[1]
            if known is not None:
                known[1].close()
            path = self._results / stage / f"attempt-{attempt}.log"
            log = AttemptLog(path, self._secrets, self._analyzer(stage))
            self._open[stage] = (attempt, log)
            _point(path.with_name("log"), path.name)
            return log

    def current(self, stage: str) -> AttemptLog | None:
        """Return the log of the stage's current attempt, where one is open."""
        known = self._open.get(stage)
        return known[1] if known is not None else None

    def stream(self, stage: str, attempt: int) -> AttemptLog:
        """Return the file that takes the artifacts of this attempt as they come.

        Raises:
            OSError: It cannot be made.
        """
        path = self.artifacts(stage).with_name(f".artifacts-{attempt}.tar")
        stream = AttemptLog(path, (), None)
        self._streams.append(stream)
        return stream

    def artifacts(self, stage: str) -> Path:
        """Return the folder of the stage's artifacts."""
        return self._results / stage / "artifacts"

    def path(self, stage: str) -> Path:
        """Return the symlink to the log of the stage's newest attempt."""
        return self._results / stage / "log"

    def close(self, stage: str) -> None:
        """Close the log of a stage whose attempt has ended."""
        with self._lock:
            known = self._open.pop(stage, None)
        if known is not None:
            known[1].close()

    def close_all(self) -> None:
        """Close every log and every stream."""
        for stage in list(self._open):
            self.close(stage)
        for stream in self._streams:
            stream.close()


def _point(link: Path, target: str) -> None:
    """Let the symlink *link* point to *target*; replaces it in one step."""
    if link.is_symlink() and link.readlink() == Path(target):
        return
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
