"""The collected logs: one file an attempt, byte for byte what the job wrote on its server.

The offset of a job's log is the size of its file here: nothing else is kept, so that a new
controller goes on where the file ends.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import attrs

from buildorch.analysis import Analyzer, LastLine, alert
from buildorch.analysis.excerpt import excerpt
from buildorch.runner.checksum import GrowingSum
from buildorch.runner.masking import Masker, hidden
from buildorch.scheduler.facts import LogReport

_PIECE = 1 << 20


class AttemptLog:
    """The log of one attempt; the jobs of a stage function follow each other in it.

    Written by the link's reader thread, read by anybody.

    Args:
        path: The file; its folder is made.
        secrets: Values that are masked.
        analyzer: Reads everything that is written; None where it is no text.

    Raises:
        OSError: The file cannot be made here.
    """

    def __init__(
        self, path: Path, secrets: Sequence[bytes], analyzer: Analyzer | LastLine | None
    ) -> None:
        self.path = path
        self._analyzer = analyzer
        self._secrets = secrets
        self._lock = threading.Lock()
        _make(path.parent)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file: BinaryIO = os.fdopen(os.open(path, flags, 0o600), "ab", buffering=0)
        self.size = path.stat().st_size
        self._sum = GrowingSum(path, 0)
        self._left = _state(path.stat())
        self._read_again()

    def _read_again(self) -> None:
        """Let the analyzer see what an earlier controller collected."""
        if not self.size or self._analyzer is None:
            return
        with self.path.open("rb") as collected:
            while piece := collected.read(_PIECE):
                self._analyzer.feed(piece)

    def job(self, base: int) -> JobLog:
        """Return the part of the file that begins at *base* and belongs to one job."""
        with self._lock:
            self._sum = GrowingSum(self.path, base)
        return JobLog(self, base, Masker(self._secrets))

    def write(self, data: bytes) -> None:
        """Append *data*; whole or an `OSError`, after which the size tells what is there.

        What still comes when the log is closed is dropped: the next controller fetches it again.
        """
        with self._lock:
            if self._file.closed:
                return
            if self._left != _state(os.fstat(self._file.fileno())):
                self._sum.restart()
            while data:
                written = self._file.write(data)
                self._take(data[:written])
                data = data[written:]
            self._left = _state(os.fstat(self._file.fileno()))

    def _take(self, data: bytes) -> None:
        self._sum.written(self.size, data)
        self.size += len(data)
        if self._analyzer is not None:
            self._analyzer.feed(data)

    def note(self, text: str) -> None:
        """Append lines of our own: what a stage function logs, or its traceback."""
        masker = Masker(self._secrets)
        data = masker.feed(text.rstrip("\n").encode("utf-8", "replace")) + masker.flush()
        self.write(data + b"\n")

    def truncate(self, size: int) -> None:
        """Cut the file: what follows is fetched again."""
        with self._lock:
            if self._file.closed:
                return
            os.ftruncate(self._file.fileno(), size)
            self.size = size
            self._sum.restart()
            self._left = _state(os.fstat(self._file.fileno()))
            if self._analyzer is not None:
                self._analyzer.restart()
            self._read_again()

    def digest(self, base: int) -> str:
        """Return the SHA-256 (hex) of the file from byte *base* on.

        It is known already, unless somebody else wrote a part of the file.
        """
        with self._lock:
            if self._sum.start != base or self._left != _state(self.path.stat()):
                self._sum = GrowingSum(self.path, base)
            return self._sum.hexdigest()

    def report(self) -> LogReport:
        """Return what all of the log says so far."""
        found = self._analyzer
        if found is None:
            return LogReport(size=self.size)
        said = found.finish()
        error = said.first_error
        hide = self._hide
        return LogReport(
            size=self.size,
            errors=said.errors,
            warnings=said.warnings,
            first_error=hide(error.text) if error is not None else None,
            alert=hide(alert(said)) or None,
            last_line=hide(said.last_line or ""),
            no_space=said.no_space,
            cause=said.cause,
            tool=said.tool,
            tests_passed=said.tests_passed,
            tests_total=said.tests_total,
            sstate=said.sstate,
            excerpt=hide(excerpt(self.path, error.offset)) or None if error is not None else None,
        )

    def _hide(self, text: str) -> str:
        """Mask once more: what stood between the parts of a secret is not in readable text."""
        return hidden(text, (secret.decode("utf-8", "replace") for secret in self._secrets))

    def close(self) -> None:
        """Close the file; it stays readable for everybody."""
        with self._lock:
            self._file.close()


def _state(found: os.stat_result) -> tuple[int, int, int]:
    """Return what changes when anybody writes to a file, or puts another one in its place."""
    return found.st_ino, found.st_size, found.st_mtime_ns


def _make(folder: Path) -> None:
    """Make *folder* and those above it that are gone, each for us alone."""
    if not folder.exists():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


class JobLog:
    """The part of an attempt's log that belongs to one job.

    Args:
        log: The attempt's log.
        base: Where the part begins.
        masker: Hides secrets in it.
    """

    def __init__(self, log: AttemptLog, base: int, masker: Masker) -> None:
        self.log = log
        self.base = base
        self._masker = masker
        self._held = 0

    @property
    def path(self) -> str:
        """Where it is, for messages."""
        return str(self.log.path)

    @property
    def offset(self) -> int:
        """How many bytes of the job's log are here for good."""
        return self.log.size - self.base

    @property
    def masked(self) -> int:
        """How many bytes of secrets were masked."""
        return self._masker.masked

    def write(self, offset: int, data: bytes) -> bool:
        """Take the bytes at *offset*; what is here already is not written again.

        Returns:
            False where bytes before *offset* are missing: the log has to be followed again.
        """
        known = self.offset + self._held
        if offset > known:
            return False
        fresh = data[known - offset :]
        ready = self._masker.feed(fresh)
        self._held += len(fresh) - len(ready)
        if ready:
            self.log.write(ready)
        return True

    def rewind(self) -> None:
        """Forget what is not in the file yet: it is sent again after a lost link."""
        self._masker.drop()
        self._held = 0

    def flush(self) -> None:
        """Write what was held back for the sake of a secret that did not come."""
        rest = self._masker.flush()
        self._held = 0
        if rest:
            self.log.write(rest)

    def restart(self) -> None:
        """Drop all that is here: the log is fetched again from its beginning."""
        self.rewind()
        self.log.truncate(self.base)

    def matches(self, size: int, digest: str) -> bool:
        """Tell whether what is here equals the log of *size* bytes on the server.

        With masked secrets only the size can be compared.
        """
        if size != self.offset:
            return False
        return bool(self.masked) or self.log.digest(self.base) == digest

    def report(self, *, sha256: str | None, complete: bool) -> LogReport:
        """Return what is known of the job's log now that the job has ended."""
        return attrs.evolve(
            self.log.report(),
            size=self.offset,
            sha256=sha256,
            complete=complete,
            masked=self.masked,
        )
