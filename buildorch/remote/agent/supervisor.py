"""The supervisor: one process per job, which outlives everybody and writes down the truth.

It is forked from the agent without exec, leaves its session, adopts the job's orphans, holds
the lock on `alive` for life, keeps the deadlines by the monotonic clock, and records the end
before it leaves. It hears of nothing but signals: its output is no channel.
"""

import os
import signal
import time

from buildorch.remote.agent import command, folder, kernel, limits, tree

ORDER = signal.SIGUSR1
SIGNALS = (signal.SIGCHLD, ORDER, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Bytes of free space under which a failure is told as a full disk.
FULL = 1 << 20
#: Logs up to this size have their checksum in the record of the end.
SMALL_LOG = 1 << 20
#: Seconds after SIGTERM in which a failure is taken for the server's shutdown.
SHUTDOWN_SECONDS = 120.0


class Supervisor:
    """Runs one job from its launch to the record of its end."""

    def __init__(self, place: folder.Folder, order: limits.Order, world: command.World) -> None:
        self._place = place
        self._order = order
        self._world = world
        self._status = None  # type: tuple[str, int] | None
        self._told_to_end = None  # type: float | None
        self._childless = False

    def run(self, ready: int) -> None:
        """Launch, tell the descriptor *ready* that the job is there, and see to its end."""
        signal.pthread_sigmask(signal.SIG_SETMASK, SIGNALS)
        kernel.adopt_orphans()
        try:
            if self._order.min_free is not None:
                least = int(self._order.min_free)
                command.check_space(self._place, self._world, self._order.entry, least)
            self._prepare()
        except folder.Refused as refusal:
            self._place.forget()
            tell(ready, "refused " + refusal.reason + "\n" + refusal.detail)
            return
        tell(ready, "started")
        self._supervise()

    def _prepare(self) -> None:
        """Have everything on the disk by which the job can be found, before it can do anything."""
        self._command = command.Command(self._place, self._world, self._order.entry)
        self._tree = tree.Tree(os.getpid(), self._command.pid, self._order.entry)
        try:
            self._place.identify(self._identity())
        except OSError as error:
            self._command.drop()
            raise folder.refusal(error, self._place.path)

    def _identity(self) -> "list[tuple[str, str]]":
        me = kernel.process(os.getpid())
        myself = "%d %d" % (os.getpid(), me.start if me is not None else 0)
        return [
            ("boot", kernel.boot_id() or "-"),
            ("supervisor", myself),
            ("orders", myself),
            ("job", "%d %d" % (self._command.pid, self._command.start)),
            ("session", str(self._command.pid)),
            ("marker", self._order.entry.decode("ascii")),
            ("grace", str(self._order.grace)),
        ]

    def _supervise(self) -> None:
        begin = time.monotonic()
        reason, left = None, []  # type: str | None, list[str]
        if self._place.has("cancel"):
            # Cancelled while we launched: the order was written before we could hear of it.
            self._command.drop()
            reason = "cancelled"
        else:
            self._command.release()
            deadlines = limits.Limits(
                self._order, os.open(self._place.at("log"), os.O_RDONLY), begin
            )
            reason = self._until_end(deadlines)
        if reason is not None:
            left = tree.Killer(self._tree, self._rest).kill(self._grace(reason))
        elif not self._childless:
            left = tree.describe(self._tree.members())
        seconds = time.monotonic() - begin
        self._place.finish(folder.record(self._end(reason, left, seconds)))
        self._place.drop_secrets()

    def _until_end(self, deadlines: limits.Limits) -> "str | None":
        """Wait for the job; return why it has to be killed, or None when it ended by itself."""
        ordered = None  # type: str | None
        while True:
            # Before the limits: a job that ended meanwhile keeps its own end.
            self._reap()
            if self._status is not None:
                return None
            reason = ordered or deadlines.broken()
            if reason is not None:
                return reason
            heard = signal.sigtimedwait(SIGNALS, deadlines.pause())
            if heard is None:
                continue
            if heard.si_signo == ORDER:
                ordered = self._ordered()
            elif heard.si_signo != signal.SIGCHLD:
                self._told_to_end = time.monotonic()

    def _ordered(self) -> "str | None":
        if not self._place.whole:
            return "folder removed"
        text = self._place.read("cancel")
        return text.decode("ascii", "replace").split()[0] if text else None

    def _grace(self, reason: str) -> float:
        """Return the seconds between TERM and KILL: the order's own where it has one."""
        words = (self._place.read("cancel") or b"").split()
        if words and words[0].decode("ascii", "replace") == reason and len(words) > 1:
            return float(words[1])
        return self._order.grace

    def _rest(self, seconds: float) -> bool:
        """Wait for a child's end, reap; return whether there are still processes below us."""
        if seconds > 0:
            signal.sigtimedwait((signal.SIGCHLD,), seconds)
        self._reap()
        return not self._childless

    def _reap(self) -> None:
        while True:
            try:
                done = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
            except ChildProcessError:
                self._childless = True
                return
            if done is None or done.si_pid == 0:
                return
            if done.si_pid == self._command.pid:
                kind = "exit" if done.si_code == os.CLD_EXITED else "signal"
                self._status = (kind, done.si_status)

    def _end(
        self, reason: "str | None", left: "list[str]", seconds: float
    ) -> "list[tuple[str, str]]":
        kind, code = self._status or ("signal", int(signal.SIGKILL))
        detail = None  # type: str | None
        if reason is None and not self._place.whole:
            reason = "folder removed"
        elif reason is None and (kind, code) != ("exit", 0):
            kind, code, reason, detail = self._explain(kind, code)
        if reason == "folder removed":
            kind, code = "lost", 0
        fields = [("kind", kind), ("code", str(code)), ("seconds", "%.3f" % seconds)]
        fields += [("reason", reason or ""), ("detail", detail or "")]
        fields += self._log_fields()
        fields += [("left", text) for text in left]
        return [(name, value) for name, value in fields if value]

    def _explain(self, kind: str, code: int) -> "tuple[str, int, str | None, str | None]":
        """Say why the command failed, where it was not the command's own doing."""
        why = self._place.read("why")
        if why:
            reason, _, detail = why.decode("utf-8", "replace").partition("\n")
            return kind, code, reason, detail
        told = self._told_to_end
        if told is not None and time.monotonic() - told < SHUTDOWN_SECONDS:
            detail = "the server told its processes to end (SIGTERM), as it does at a shutdown"
            return "lost", 0, "supervisor killed", detail
        full = full_disk(self._place)
        if full:
            return kind, code, "no_space", full
        if self._place.has("setup") and not self._place.has("ready"):
            return kind, code, "setup", "the setup of the command failed; the command did not run"
        return kind, code, None, None

    def _log_fields(self) -> "list[tuple[str, str]]":
        try:
            with open(self._place.at("log"), "rb") as log:
                size = os.fstat(log.fileno()).st_size
                if size > SMALL_LOG:
                    return [("log_bytes", str(size))]
                data = log.read(size)
        except OSError:
            return []
        from hashlib import sha256  # noqa: PLC0415 - slow to load: the agent does it when idle

        return [("log_bytes", str(len(data))), ("log_sha256", sha256(data).hexdigest())]


def tell(ready: int, text: str) -> None:
    """Answer the agent, if it still lives."""
    try:
        os.write(ready, text.encode("utf-8", "replace"))
        os.close(ready)
    except OSError:
        return


def full_disk(place: folder.Folder) -> "str | None":
    """Return the numbers of a disk that the job uses and that is full, or None."""
    where = (place.read("cwd") or b"").rstrip(b"\n")
    for path in (os.fsencode(place.path), where):
        try:
            disk = os.statvfs(path) if path else None
        except OSError:
            continue
        if disk is not None and disk.f_blocks and disk.f_bavail * disk.f_frsize < FULL:
            numbers = "%d bytes of %d are free" % (
                disk.f_bavail * disk.f_frsize,
                disk.f_blocks * disk.f_frsize,
            )
            return "the disk of " + os.fsdecode(path) + " is full: " + numbers
    return None
