"""What was asked over a link and is not answered yet; any thread may ask, the reader answers."""

from __future__ import annotations

import queue
import threading


class Sum:
    """A checksum that was asked for.

    Attributes:
        there: Set once it is answered, or the link is gone.
        size: Bytes of the log; negative where there is none.
        digest: SHA-256 of the log in hex.
    """

    def __init__(self) -> None:
        self.there = threading.Event()
        self.size = -1
        self.digest = ""


class Asked:
    """The open questions of one link.

    Attributes:
        cleaned: Answers to `clean`: how many jobs, how many bytes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unanswered: dict[str, int] = {}
        self._sums: dict[str, Sum] = {}
        self.cleaned: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()

    def about(self, job_id: str) -> None:
        """Note that what is on its way of this job belongs to an older question."""
        with self._lock:
            self._unanswered[job_id] = self._unanswered.get(job_id, 0) + 1

    def answered(self, job_id: str) -> None:
        """Note that one question about this job has its answer."""
        with self._lock:
            left = self._unanswered.get(job_id, 0) - 1
            self._unanswered[job_id] = left
            if left <= 0:
                del self._unanswered[job_id]

    def is_current(self, job_id: str) -> bool:
        """Tell whether what comes of this job answers the newest question about it."""
        return job_id not in self._unanswered

    def sum_of(self, job_id: str) -> Sum:
        """Return the checksum of a job's log that is waited for; several may wait for one."""
        with self._lock:
            return self._sums.setdefault(job_id, Sum())

    def summed(self, job_id: str, size: int, digest: str) -> None:
        """Answer those who wait for a checksum."""
        with self._lock:
            answer = self._sums.pop(job_id, None)
        if answer is not None:
            answer.size, answer.digest = size, digest
            answer.there.set()

    def give_up(self) -> None:
        """Wake all who wait: no answer will come."""
        with self._lock:
            sums = list(self._sums.values())
        for answer in sums:
            answer.there.set()
        self.cleaned.put((0, 0))
