"""Noticing that a job's bitbake waits for another's build.

Nothing is asked of the process table unless the job's log gives a reason: the log's growth is
looked at now and then, and only the end of what is new is read.
"""

import os
import re
import time

from buildorch.remote.agent import bitbake, folder

#: What bitbake's client prints when it starts or joins a server, and while it waits for one.
SIGNS = re.compile(
    rb"(Starting|Reconnecting to) bitbake server|No reply from (the )?(bitbake )?server"
    rb"|Retrying server connection|Previous bitbake instance shutting down"
    rb"|Timeout while waiting for a reply from the bitbake server"
)
#: Seconds between two looks: at once after news, rarer while there are none.
TICK, RARE = 1.0, 10.0
#: Looks at the processes after a sign: a server needs a while until it is there.
_LOOKS = 5
_TAIL = 1 << 16
_SIGN_LENGTH = 80


class Vigil:
    """Watches over the bitbake builds of one job.

    Args:
        log: Descriptor of the job's log.
        builds: The builds.
        place: The job's folder, where it is told what the job waits for.
        now: Monotonic time.
    """

    def __init__(self, log: int, builds: bitbake.Builds, place: folder.Folder, now: float) -> None:
        self._log = log
        self._builds = builds
        self._place = place
        self._read = 0
        self._tick = TICK
        self._looks = 0
        self._told = None  # type: tuple[str, int] | None
        self._noted = b""
        self.due = now + TICK

    @property
    def waits(self) -> bool:
        """Whether a client of the job waits, as far as the last look has shown."""
        return self._told is not None

    def pause(self) -> float:
        """Return the seconds until the next look."""
        return max(self.due - time.monotonic(), 0.0)

    def look(self, now: float) -> None:
        """Look whether there are signs, and if so at the processes."""
        if now < self.due:
            return
        size = os.fstat(self._log).st_size
        self._tick = TICK if size > self._read else min(self._tick * 1.5, RARE)
        if size > self._read and SIGNS.search(self._tail(size)):
            self._looks = _LOOKS
        self._read = size
        if self._looks > 0 or self.waits:
            self._looks -= 1
            self._tick = TICK
            self.look_at_processes()
        self.due = now + self._tick

    def _tail(self, size: int) -> bytes:
        begin = max(self._read - _SIGN_LENGTH, size - _TAIL, 0)
        return os.pread(self._log, size - begin, begin)

    def look_at_processes(self) -> bool:
        """Tell what the job waits for where that is another than before; return whether it does."""
        busy = self._builds.look()
        self._note()
        waits = None if busy is None else (busy.lock, busy.pid)
        if waits != self._told:
            self._told = waits
            self._place.tell_waiting(None if busy is None else busy.fields())
        return self.waits

    def _note(self) -> None:
        """Write down which servers are ours: should we be killed, nothing else tells."""
        text = self._builds.record()
        if text == self._noted:
            return
        try:
            folder.replace_file(self._place.at("bitbake"), text)
        except OSError:
            return
        self._noted = text
