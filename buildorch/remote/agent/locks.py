"""The locks of one job: its place in the line, what it waits for, and when it lets go.

The ticket's own lock is the supervisor's, and is in no other process: whatever ends the
supervisor ends the claim, but for what still runs of the job.
"""

import fcntl
import os
import signal
import time

from buildorch.remote.agent import account, command, folder, kernel, line, sweeper, tickets

#: Comes when something has changed in the line.
BELL = signal.SIGIO
#: Seconds between looks: while nothing tells of changes, and in case that nothing did.
TICK, RARE = 0.5, 30.0
#: Seconds until a lock is free whose file was just closed.
CLOSING = 0.05
_CHANGES = kernel.IN_CLOSE_WRITE | kernel.IN_MODIFY | kernel.IN_DELETE
_LONGEST = 200


def wanted(place: folder.Folder, ident: str, home: str) -> "Locks | None":
    """Return the locks that a job wants before its command starts; None for none.

    Raises:
        Refused: They cannot be had on this server.
    """
    text = place.read("locks")
    if not text:
        return None
    words = [row.partition(" ") for row in text.decode("utf-8", "surrogateescape").split("\n")]
    orders = dict((name, value) for name, _, value in words)
    claims = []
    for row in words:
        claim = tickets.parse_claim("".join(row))
        if claim is not None:
            claims.append(resolved(claim, home))
    about = {"job": place.path, "run": ident.split(".", 1)[0], "stage": orders.get("stage", "")}
    about["by"] = orders.get("by", "")
    mine = tickets.Ticket(tickets.WAITING, 0, claims, about)
    return Locks(place, mine, float(orders.get("hold", "0")), line.Line(line.find()))


def resolved(claim: tickets.Claim, home: str) -> tickets.Claim:
    """Return the claim with the real path of its folder, which need not be there yet."""
    if claim.kind != "folder":
        return claim
    text = claim.text + "/" if claim.text == "~" else claim.text
    text = text[2:] if text[:2] == "~/" else text
    real = os.path.realpath(os.path.join(home, text))
    real = "/" + real.replace("\n", "?").lstrip("/")
    return tickets.Claim(claim.kind, claim.owner, real)


class Locks:
    """One job's locks, from its place in the line on."""

    def __init__(
        self, place: folder.Folder, mine: tickets.Ticket, hold: float, queue: line.Line
    ) -> None:
        self._place = place
        self._mine = mine
        self._hold = hold
        self._line = queue
        self._ticket = -1
        self._watcher = None  # type: kernel.Watcher | None
        self._next = 0.0
        self._closing = False
        self._told = []  # type: list[tuple[str, str]]

    def identify(self, session: int) -> None:
        """Note whose they are: the supervisor's, which this process is."""
        me = kernel.process(os.getpid())
        self._mine.about["supervisor"] = "%d %d" % (os.getpid(), me.start if me else 0)
        self._mine.about["session"] = str(session)
        self._mine.about["boot"] = self._line.boot
        self._mine.about["namespace"] = self._line.namespace

    def pause(self) -> float:
        """Return the seconds until the next look, if nothing happens."""
        return max(self._next - time.monotonic(), 0.0)

    def granted(self) -> bool:
        """Look whether it is our turn, where it can have become that; all or none is taken."""
        if self._mine.has:
            return True
        if not self._is_due():
            return False
        try:
            if not self._line.enter():
                self._wait_to_look()
                return False
            try:
                granted = self._look()
            finally:
                self._line.leave()
        except OSError as error:
            self._tell([("name", self._line.path + ": " + (error.strerror or str(error)))])
            self._look_again(TICK)
            return False
        if granted:
            self._end_waiting()
        return granted

    def keep(self, signals: "tuple[signal.Signals, ...]", served: "Served") -> bool:
        """Keep them after the job's end, as long as somebody may want to take them over.

        Returns whether a signal told us to end meanwhile.

        Args:
            signals: Those by which orders come, blocked.
            served: Returns whether the job's run still has an agent here.
        """
        until, told = time.monotonic() + self._hold, False
        if self._ticket >= 0 and self._mine.has and self._hold > 0:
            # One byte: whoever reads now sees one state or the other.
            os.pwrite(self._ticket, tickets.KEEPING.encode("ascii"), 0)
            while self._place.whole and not self._place.has("release") and served():
                left = until - time.monotonic()
                heard = kernel.wait_signal(signals, min(left, TICK)) if left > 0 else None
                told = heard == signal.SIGTERM
                if left <= 0 or told:
                    break
        self.drop()
        return told

    def drop(self) -> None:
        """Leave the line, or give back what we have."""
        self._line.leave()
        self._end_waiting()
        if self._ticket >= 0:
            # First the file: its lock is not seen free while it is there.
            self._line.remove(self._mine.name)
            os.close(self._ticket)
            self._ticket = -1

    def _is_due(self) -> bool:
        events = self._watcher.read() if self._watcher is not None else []
        for number, mask, name in events:
            if number < 0 or name.startswith(line.PREFIX.encode("ascii")):
                self._next = 0.0
            if mask & kernel.IN_CLOSE_WRITE:
                self._closing = True
        return self._line.entering or time.monotonic() >= self._next

    def _look(self) -> bool:
        others = self._line.others(self._mine.name)
        now = kernel.uptime()
        if self._ticket < 0:
            self._mine.number, self._mine.since = tickets.next_number(others, now), now
            self._ticket = self._line.add(self._mine)
        having, before = tickets.blockers(self._mine, others)
        if having or before:
            self._wait_for(having, before)
            return False
        self._mine.state, self._mine.since = tickets.HOLDING, now
        os.pwrite(self._ticket, self._mine.head(), 0)
        for one in others:
            mine = one.uid == os.geteuid() and one.state == tickets.KEEPING
            if mine and tickets.covers(self._mine, one):
                account.folder_at(one.about.get("job", "/")).give_back()
        return True

    def _wait_to_look(self) -> None:
        """Name whoever looks for more than a moment: nobody has a reason to."""
        if time.monotonic() >= self._next > 0:
            pid = self._line.looker()
            fields = [("name", self._mine.claims[0].text), ("place", "1"), ("pid", str(pid))]
            self._tell(fields[: 3 if pid else 2] + [("user", _user(kernel.owner(pid)))] * bool(pid))
        if time.monotonic() >= self._next:
            self._look_again(TICK)

    def _wait_for(self, having: "list[tickets.Ticket]", before: "list[tickets.Ticket]") -> None:
        self._tell(_fields(self._mine, having, before))
        left = [one for one in having if not one.held]
        for one in left:
            if one.uid == os.geteuid():
                _sweep(account.folder_at(one.about.get("job", "/")))
        self._look_again(TICK if left else RARE)
        if self._watcher is None:
            self._watch()

    def _watch(self) -> None:
        """Have changes told from now on, and look once more: some may have been before."""
        self._watcher = kernel.Watcher()
        if self._watcher.add(self._line.path, _CHANGES) >= 0:
            fcntl.fcntl(self._watcher.fd, fcntl.F_SETOWN, os.getpid())
            flags = fcntl.fcntl(self._watcher.fd, fcntl.F_GETFL)
            fcntl.fcntl(self._watcher.fd, fcntl.F_SETFL, flags | os.O_ASYNC)
        self._look_again(0.0)

    def _look_again(self, seconds: float) -> None:
        if self._watcher is not None and self._watcher.fd < 0:
            seconds = min(seconds, TICK)
        if self._closing:
            # The kernel tells of it a moment before the lock is free.
            seconds, self._closing = min(seconds, CLOSING), False
        self._next = time.monotonic() + seconds

    def _tell(self, fields: "list[tuple[str, str]]") -> None:
        if fields != self._told:
            self._told = fields
            self._place.tell_waiting([("kind", "lock")] + fields)

    def _end_waiting(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        if self._told:
            self._told = []
            self._place.tell_waiting(None)


def _fields(
    mine: tickets.Ticket, having: "list[tickets.Ticket]", before: "list[tickets.Ticket]"
) -> "list[tuple[str, str]]":
    """Return what is told of the wait: for the first who has it, else for the first in the line."""
    first = (having + before)[0]
    claim = tickets.conflict(mine, first)
    fields = [("name", claim.text if claim else ""), ("place", str(1 + len(before)))]
    fields += [("user", _user(first.uid)), ("pid", str(first.process("supervisor")[0]))]
    fields += [(name, _plain(first.about.get(name, ""))) for name in ("by", "run", "stage")]
    fields += [("since", str(first.since))] if first.has else []
    return [(name, value) for name, value in fields if value]


def _plain(text: str) -> str:
    """Return what another account has written as what can be shown."""
    return "".join(one if one.isprintable() else "?" for one in text[:_LONGEST])


def _user(uid: "int | None") -> str:
    import pwd  # noqa: PLC0415 - small pythons are without

    try:
        return pwd.getpwuid(-1 if uid is None else uid).pw_name
    except (KeyError, OverflowError):
        return "uid " + str(uid)


def _sweep(place: folder.Folder) -> None:
    """End what a killed supervisor of ours has left, in a child; another may be at it already."""
    lock = place.take()
    if lock is None:
        return
    if place.end() is None and os.fork() == 0:
        try:
            command.close_all_but(lock)
            sweeper.sweep(place)
        finally:
            os._exit(0)
    os.close(lock)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Served = Callable[[], bool]
