"""Following one job: its log from an offset on, then its end, as far as the disk tells."""

import errno
import os

from buildorch.remote.agent import checksums, folder, kernel, supervisor, sweeper, wire

PIECE = 1 << 18
_UNLIMITED = 1 << 62
#: The files whose changes are told; the others are the supervisor's own.
_TELLING = frozenset([b"log", b"exit", b"waiting"])
#: Sweepers that are started before the job is called lost without a record.
_SWEEPS = 3
#: Looks at a supervisor that may be dead.
_LOOKS = 3


class Follower:
    """What one job still has to be told.

    Attributes:
        ident: The job.
        dirty: Whether something may have changed since the last look.
        ticking: Whether it has to be looked at now and then, because nothing tells of changes.
        sweep: Whether the job is lost and its sweeper has to be started.
    """

    def __init__(self, ident: str, place: folder.Folder, offset: "int | None") -> None:
        self.ident = ident
        self.dirty = True
        self.ticking = False
        self.sweep = False
        self.watch = -1
        self._place = place
        self._offset = offset
        self._log = -1
        self._sum = checksums.Running()
        self._doubtful = True
        self._ordered = False
        self._sweeps = 0
        self._looks = 0
        self._waiting = b""
        self._waits = True

    @property
    def restless(self) -> bool:
        """Whether it has to be looked at again soon, also if nothing happens."""
        return self.ticking or self._looks > 0

    def changed(self, name: bytes) -> None:
        """Note that something has happened to one of the job's files."""
        self.dirty = self.dirty or name in _TELLING
        self._waits = self._waits or name == b"waiting"

    def suspect(self) -> None:
        """Note that the supervisor may be dead, or the folder gone."""
        self._doubtful = self._waits = True
        self.dirty = True
        # The kernel tells that a file is closed a moment before its lock is free.
        self._looks = _LOOKS

    def swept(self) -> None:
        """Note that the sweeper was started; it may fail without a word."""
        self.sweep = False
        self._sweeps += 1
        self.ticking = True

    def step(self, out: wire.Outbox) -> bool:
        """Send the next piece, or the end; return whether nothing more will come."""
        self.dirty = False
        # Before the log: bytes that are there once the end is there are all there will be.
        end = self._place.end()
        if self._waits or self.ticking or end is not None:
            # Also of one that has ended meanwhile: that it waits was told, that it did not end.
            self._tell_waiting(out)
        try:
            sent = self._send_piece(out, _field(end, b"log_bytes") if end else _UNLIMITED)
        except OSError:
            # No descriptor is free, or the disk fails: later, rather than a log with a hole.
            self.ticking = True
            return False
        if sent:
            self.dirty = True
            return False
        if end is None and (self._doubtful or self.restless):
            self._doubtful = False
            self._looks = max(self._looks - 1, 0)
            end = self._doubt()
            if end is not None and self._place.end() is not None:
                self.dirty = True
                return False
        if end is None:
            return False
        out.put_frame(self._with_sum(end.rstrip()) + b"\n", "E", self.ident)
        return True

    def _with_sum(self, end: bytes) -> bytes:
        """Return the record of the end, with the checksum of all that was sent if it was all."""
        if b"\nlog_sha256 " in end or self._sum.size != _field(end, b"log_bytes"):
            return end
        fields, last = end[: -len(b"end")], end[-len(b"end") :]
        return fields + self._sum.field() + last

    def close(self) -> None:
        """Let go of the log."""
        if self._log >= 0:
            os.close(self._log)
            self._log = -1

    def _tell_waiting(self, out: wire.Outbox) -> None:
        """Say what the job waits for, where that is not what we have said."""
        self._waits = False
        waiting = self._place.read("waiting") or b""
        if waiting != self._waiting:
            self._waiting = waiting
            out.put_frame(_with_seconds(waiting), "W", self.ident)

    def _send_piece(self, out: wire.Outbox, limit: int) -> bool:
        if self._offset is None or not self._open():
            return False
        data = os.pread(self._log, max(min(PIECE, limit - self._offset), 0), self._offset)
        if data:
            out.put_frame(data, "L", self.ident, self._offset)
            self._sum.add(self._log, self._offset, data)
            self._offset += len(data)
        return bool(data)

    def _open(self) -> bool:
        if self._log < 0:
            try:
                self._log = os.open(self._place.at("log"), os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                if error.errno == errno.ENOENT:
                    return False
                raise
        return True

    def _doubt(self) -> "bytes | None":
        """Return the record of an end that nobody wrote, or None while the job runs."""
        if not self._place.whole:
            return self._folder_gone()
        if self._place.held() or self._place.end() is not None:
            self.dirty = self._place.end() is not None
            return None
        if not self._place.has("id") and not self._place.launched:
            return folder.lost("never started", "the launch was cut short before the job ran")
        if self._sweeps >= _SWEEPS:
            return folder.lost("supervisor killed", "its end could not be recorded on the disk")
        self.sweep = True
        return None

    def _folder_gone(self) -> "bytes | None":
        remembered = self._place.remembered_end()
        if remembered is not None:
            return remembered
        known = self._place.identity()
        if not self._place.launched:
            return folder.lost("never started", "this server knows no such job")
        pid, start = [int(word) for word in known.get("supervisor", "0 0").split()]
        same_boot = known.get("boot") == (kernel.boot_id() or "-")
        if same_boot and pid and kernel.alive(pid, start):
            # Nobody can watch over this job any more: its supervisor ends it.
            if not self._ordered:
                kernel.send_signal(pid, start, supervisor.ORDER)
                self._ordered = True
            self.ticking = True
            return None
        if same_boot and sweeper.lives(known):
            # Its supervisor was killed as well, and with the folder its lock is gone.
            self.sweep, self.ticking = self._sweeps == 0, True
            return None
        return folder.lost("folder removed", "the job's folder " + self._place.path + " is gone")


def _with_seconds(record: bytes) -> bytes:
    """Return a record that says for how long something is so, where it said since when."""
    lines = []
    for line in record.split(b"\n"):
        name, _, value = line.partition(b" ")
        if name == b"since":
            seconds = max(kernel.uptime() - int(value), 0) / 100.0
            line = ("seconds %.2f" % seconds).encode("ascii")  # noqa: PLW2901 - what it says now
        lines.append(line)
    return b"\n".join(lines)


def _field(record: bytes, name: bytes) -> int:
    for line in record.split(b"\n"):
        if line.startswith(name + b" "):
            return int(line.split()[1])
    return _UNLIMITED
