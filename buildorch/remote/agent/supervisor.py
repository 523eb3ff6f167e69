"""The supervisor: a process with one job at a time, which outlives everybody and records the truth.

It is forked from the agent without exec, leaves its session, adopts the job's orphans, holds
the lock on `alive` while the job lasts, keeps the deadlines by the monotonic clock, and records
the end. While it has a job it hears of nothing but signals.
"""

import os
import signal
import time

from buildorch.remote.agent import (
    bitbake,
    claims,
    command,
    disk,
    folder,
    kernel,
    leases,
    limits,
    locks,
    report,
    tree,
    vigil,
)

ORDER = folder.ORDER
#: What it tells the agent when it can take another job.
FREE = "free"
SIGNALS = (
    signal.SIGCHLD,
    ORDER,
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    locks.BELL,
)
#: Signals that say nothing about the server's own end.
_ORDINARY = (signal.SIGCHLD, locks.BELL)
#: Those that end a supervisor that has no job.
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Seconds after SIGTERM in which a failure is taken for the server's shutdown.
SHUTDOWN_SECONDS = 120.0
_SHUTDOWN = (
    "the server told its processes to end (SIGTERM), as it does at a shutdown; what was left of "
    "the job was ended"
)


class Supervisor:
    """Runs one job from its launch to the record of its end.

    Args:
        place: The job's folder.
        order: What the launch says.
        world: What the account gave us.
        kept_by: Number of the keeper.
    """

    def __init__(
        self, place: folder.Folder, order: limits.Order, world: command.World, kept_by: int
    ) -> None:
        self._place = place
        self._kept_by = kept_by
        self._order = order
        self._world = world
        self._pid = 0
        self._status = None  # type: tuple[str, int] | None
        self._told_to_end = None  # type: float | None
        self._shut_down = False
        self._childless = False
        self._locks = None  # type: locks.Locks | None
        self._lease = leases.Lease(place)

    def run(self, tell: "Tell", lock: int) -> bool:
        """Launch, tell the agent that the job is there, and see to its end.

        Args:
            tell: Tells the agent how the launch went.
            lock: Descriptor that says that we live; it is given up once the end is recorded.

        Returns:
            Whether nothing of the job is left, so that another one can follow.
        """
        signal.pthread_sigmask(signal.SIG_SETMASK, SIGNALS)
        self._keeper = self._find_keeper() if kernel.adopt_orphans() else "0 0"
        try:
            self._check_space()
            self._prepare()
        except folder.Refused as refusal:
            self._place.forget()
            tell("refused " + refusal.reason + "\n" + refusal.detail)
            os.close(lock)
            recorded = True
        else:
            tell("started")
            self._supervise()
            # Who waits for the end must not wait for what we keep.
            os.close(lock)
            if self._locks is not None and self._locks.keep(SIGNALS, self._is_served):
                self._told_to_end = time.monotonic()
            recorded = self._is_recorded()
        self._reap()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        return self._childless and recorded and self._told_to_end is None

    def _is_recorded(self) -> bool:
        """Whether the end is where it is looked for: else we count as what is left of the job."""
        if self._place.there:
            return self._place.end() is not None
        return self._place.remembered_end() is not None

    def _check_space(self) -> None:
        if self._order.min_free is not None:
            least = int(self._order.min_free)
            command.check_space(self._place, self._world, self._order.entry, least)

    def _prepare(self) -> None:
        """Have everything on the disk by which the job can be found, before it can do anything."""
        self._locks = locks.wanted(self._place, self._order.ident, self._world.home)
        self._command = command.Command(
            self._place, self._world, self._order.entry, self._order.bash
        )
        self._pid = self._command.pid
        me = kernel.process(os.getpid())
        self._start = me.start if me is not None else 0
        roots = {os.getpid(): self._start}
        self._tree = tree.Tree(roots, self._command.pid, self._order.entry)
        self._builds = bitbake.Builds(self._tree.members)
        try:
            self._place.identify(self._identity())
        except OSError as error:
            self._command.drop()
            raise folder.refusal(error, self._place.path)
        if self._locks is not None:
            # Before anybody hears of the job: who is launched first is first in the line.
            self._locks.identify(self._command.pid)
            self._locks.granted()

    def _identity(self) -> "list[tuple[str, str]]":
        myself = "%d %d" % (os.getpid(), self._start)
        return [
            ("boot", kernel.boot_id() or "-"),
            ("supervisor", myself),
            ("orders", myself),
            ("keeper", self._keeper),
            ("job", "%d %d" % (self._command.pid, self._command.start)),
            ("session", str(self._command.pid)),
            ("marker", self._order.entry.decode("ascii")),
            ("grace", str(self._order.grace)),
        ]

    def _find_keeper(self) -> str:
        row = kernel.process(self._kept_by)
        # It is still our parent, so the row is its own.
        there = row is not None and os.getppid() == self._kept_by
        return "%d %d" % (row.pid, row.start) if row is not None and there else "0 0"

    def _supervise(self) -> None:
        reason, left = self._await_turn(), []  # type: str | None, list[str]
        begin = time.monotonic()
        if reason is not None:
            self._drop()
            # What ended then was not the command.
            self._status = ("lost", 0)
        elif self._status is None:
            self._command.release()
            log = os.open(self._place.at("log"), os.O_RDONLY)
            deadlines = limits.Limits(self._order, log, begin)
            watch = vigil.Vigil(log, self._builds, self._place, begin)
            reason = self._until_end(deadlines, watch)
            self._shut_down = reason is None and self._is_shutdown()
            os.close(log)
            if reason is not None or self._shut_down:
                left = tree.Killer(self._tree, self._rest, self._builds).kill(self._grace(reason))
            elif not self._childless:
                left = tree.describe(self._tree.members())
        else:
            self._command.drop()
        seconds = time.monotonic() - begin
        self._place.finish(folder.record(self._end(reason, left, seconds)))
        self._place.drop_secrets()

    def _await_turn(self) -> "str | None":
        """Wait for the job's locks; return why its command must not run, or None."""
        while self._locks is not None and not self._locks.granted():
            if self._status is not None or self._ordered() is not None:
                break
            pause = min(self._locks.pause(), self._lease.pause())
            self._hear(kernel.wait_signal(SIGNALS, pause))
            self._reap()
        # Not only heard of: it may have been ordered while we launched.
        return self._ordered()

    def _drop(self) -> None:
        """End the command, which has not begun, and leave the line."""
        self._command.drop()
        while self._status is None and not self._childless:
            self._rest(locks.TICK)
        if self._locks is not None:
            self._locks.drop()

    def _is_served(self) -> bool:
        """Whether our run still has an agent here."""
        return claims.is_served(self._place, self._order.ident)

    def _until_end(self, deadlines: limits.Limits, watch: vigil.Vigil) -> "str | None":
        """Wait for the job; return why it has to be killed, or None when it ended by itself."""
        ordered = None  # type: str | None
        while True:
            # Before the limits: a job that ended meanwhile keeps its own end.
            self._reap()
            if self._status is not None:
                return None
            watch.look(time.monotonic())
            reason = ordered or self._ended_lease() or _broken(deadlines, watch)
            if reason is not None:
                return reason
            pause = min(deadlines.pause(), watch.pause(), self._lease.pause())
            ordered = self._hear(kernel.wait_signal(SIGNALS, pause))

    def _hear(self, heard: "int | None") -> "str | None":
        """Take a signal; return why the job has to end, where it says so."""
        if heard is None or heard in _ORDINARY:
            return None
        if heard == ORDER:
            return self._ordered()
        self._told_to_end = time.monotonic()
        return None

    def _ordered(self) -> "str | None":
        if not self._place.whole:
            return "folder removed"
        text = self._place.read("cancel")
        return text.decode("ascii", "replace").split()[0] if text else self._ended_lease()

    def _ended_lease(self) -> "str | None":
        return "lease" if self._lease.over() else None

    def _grace(self, reason: "str | None") -> float:
        """Return the seconds between TERM and KILL: the order's own where it has one."""
        words = (self._place.read("cancel") or b"").split()
        if words and words[0].decode("ascii", "replace") == reason and len(words) > 1:
            return float(words[1])
        return self._order.grace

    def _rest(self, seconds: float) -> bool:
        """Wait for a child's end, reap; return whether there are still processes below us."""
        if seconds > 0:
            kernel.wait_signal((signal.SIGCHLD,), seconds)
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
            if done.si_pid == self._pid:
                kind = "exit" if done.si_code == os.CLD_EXITED else "signal"
                self._status = (kind, done.si_status)

    def _end(
        self, reason: "str | None", left: "list[str]", seconds: float
    ) -> "list[tuple[str, str]]":
        kind, code = self._status or ("signal", int(signal.SIGKILL))
        # Nobody but us says so, where the command did not begin.
        detail = "%s before it began" % reason if kind == "lost" else None  # type: str | None
        if reason is None and not self._place.whole:
            reason = "folder removed"
        elif reason is None and (kind, code) != ("exit", 0):
            kind, code, reason, detail = self._explain(kind, code)
        elif reason is None:
            detail = report.cut_short(self._place)
        if reason == "folder removed":
            kind, code = "lost", 0
        fields = [("kind", kind), ("code", str(code)), ("seconds", "%.3f" % seconds)]
        fields += [("reason", reason or ""), ("detail", detail or "")]
        fields += report.log_fields(self._place)
        fields += [
            ("room", report.room(self._place) if reason or (kind, code) != ("exit", 0) else "")
        ]
        fields += [("left", text) for text in left]
        return [(name, value) for name, value in fields if value]

    def _explain(self, kind: str, code: int) -> "tuple[str, int, str | None, str | None]":
        """Say why the command failed, where it was not the command's own doing."""
        why = self._place.read("why")
        if why:
            reason, _, detail = why.decode("utf-8", "replace").partition("\n")
            return kind, code, reason, detail
        if self._shut_down:
            return "lost", 0, "supervisor killed", _SHUTDOWN
        full = disk.full_disk(self._place.path) or disk.full_disk(disk.workdir(self._place))
        if full:
            return kind, code, "no_space", full
        if self._place.has("setup") and not self._place.has("ready"):
            return kind, code, "setup", "the setup of the command failed; the command did not run"
        return kind, code, None, None

    def _is_shutdown(self) -> bool:
        """Whether the command failed because the server told all processes to end."""
        told = self._told_to_end
        lately = told is not None and time.monotonic() - told < SHUTDOWN_SECONDS
        return lately and self._status != ("exit", 0) and not self._place.has("why")


def _broken(deadlines: limits.Limits, watch: vigil.Vigil) -> "str | None":
    """Return which limit is broken; to wait for another's build is no silence of the job."""
    reason = deadlines.broken()
    if reason == "idle" and watch.look_at_processes():
        reason = None
    if watch.waits:
        deadlines.excuse()
    return reason


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[str], None]
