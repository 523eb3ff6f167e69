"""What a launch asks for besides its files, and the limits among it: time, silence, log size."""

import os
import time

from buildorch.remote.agent import command, progress

#: The ninth word of an order whose script bash may read, and the script's first line then.
BASH = "bash"
BASH_LINE = b"#!/usr/bin/env bash\n"
#: Seconds between looks at the size of a log that has a limit; a fast one is looked at sooner.
LOG_LIMIT_TICK = (0.02, 0.5)


class Order:
    """What the header of a launch says besides the files.

    Args:
        words: id, nonce, epoch, timeout, idle timeout, grace, log limit, least free bytes;
            `-` stands for "no limit". To a supervisor: BASH, where bash may read the script.
    """

    def __init__(self, words: "list[str]") -> None:
        self.ident, self.nonce = words[0], words[1]
        self.epoch = int(words[2])
        self.timeout = _number(words[3])
        self.idle = _number(words[4])
        self.grace = float(words[5])
        self.log_limit = _number(words[6])
        self.min_free = _number(words[7])
        self.bash = words[8:] == [BASH]

    @property
    def entry(self) -> bytes:
        """The marker in the environment of the job's processes."""
        return command.marker(self.ident, self.nonce)


def _number(word: str) -> "float | None":
    return None if word == "-" else float(word)


class Limits:
    """The deadlines of a job, all relative and by the monotonic clock."""

    def __init__(self, order: Order, log: int, begin: float) -> None:
        self._end = None if order.timeout is None else begin + order.timeout
        self._looks = []  # type: list[LogLimit | Silence]
        if order.log_limit is not None:
            self._looks.append(LogLimit(log, order.log_limit, begin))
        if order.idle is not None:
            self._looks.append(Silence(log, order.idle, begin))

    def broken(self) -> "str | None":
        """Return which limit is broken, if any: `timeout`, `idle` or `log_limit`."""
        now = time.monotonic()
        if self._end is not None and now >= self._end:
            return "timeout"
        for look in self._looks:
            if now >= look.due and look.broken(now):
                return look.reason
        return None

    def excuse(self) -> None:
        """Begin to count silence from now: it was not the job's own."""
        for look in self._looks:
            if isinstance(look, Silence):
                look.excuse(time.monotonic())

    def pause(self) -> float:
        """Return the seconds until the next look."""
        times = [look.due for look in self._looks]
        if self._end is not None:
            times.append(self._end)
        return max(min(times) - time.monotonic(), 0.0) if times else 3600.0


class LogLimit:
    """Notices that a log has grown too large, soon also where it grows fast."""

    reason = "log_limit"

    def __init__(self, log: int, limit: float, begin: float) -> None:
        self._log = log
        self._limit = limit
        self._size = 0
        self._looked = begin
        self.due = begin + LOG_LIMIT_TICK[0]

    def broken(self, now: float) -> bool:
        """Return whether the log is too large, and plan the next look."""
        size = os.fstat(self._log).st_size
        speed = max((size - self._size) / max(now - self._looked, 0.001), 1.0)
        wait = (self._limit - size) / speed / 2
        self.due = now + min(max(wait, LOG_LIMIT_TICK[0]), LOG_LIMIT_TICK[1])
        self._size, self._looked = size, now
        return size > self._limit


class Silence:
    """Notices that a job has made no progress for too long."""

    reason = "idle"

    def __init__(self, log: int, limit: float, begin: float) -> None:
        self._progress = progress.Progress(log)
        self._limit = limit
        self._lively = begin
        self._tick = min(max(limit / 20, 0.02), 5.0)
        self.due = begin + self._tick

    def broken(self, now: float) -> bool:
        """Return whether it was silent for too long, and plan the next look."""
        if self._progress.seen():
            self._lively = now
        self.due = now + self._tick
        return now >= self._lively + self._limit

    def excuse(self, now: float) -> None:
        """Count from now."""
        self._lively = now
