"""One server, kept linked while jobs of the run are there.

A link owns the session with its server, and the watches: the jobs that it launches, follows
and kills. The first connection is one try, whose outcome is a fact: whether and when to try
again is the scheduler's decision. Once a job may be on the server the link comes back by itself,
for ever, and goes on with every watch where it was.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from buildorch.errors import ConnectError, InfrastructureError, LinkLost
from buildorch.model import Server
from buildorch.ports import Backend, Session
from buildorch.runner.hearing import Hearing
from buildorch.runner.watch import Watch
from buildorch.scheduler import facts
from buildorch.scheduler.facts import Fact

#: Seconds before a lost link is tried again; the last repeats.
RECONNECT_DELAYS = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)


class Link:
    """Keeps one server linked; every method returns at once and may be called from any thread.

    Args:
        server: The server.
        backend: Connects it.
        post: Takes the facts.
        chance: Returns a number from 0 to 1 for the jitter of reconnecting.
    """

    def __init__(
        self,
        server: Server,
        backend: Backend,
        post: Callable[[Fact], None],
        chance: Callable[[], float],
    ) -> None:
        self.server = server
        self._backend = backend
        self.post = post
        self._chance = chance
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._busy = False
        self._asked = False
        self._watches: dict[str, Watch] = {}
        self._left = threading.Event()

    @property
    def up(self) -> bool:
        """Whether the server is linked now."""
        return self._session is not None

    def connect(self) -> None:
        """Try once; the outcome is posted as `Connected` or `NotConnected`."""
        with self._lock:
            up = self._session is not None
            begin = not up and not self._busy
            self._busy = self._busy or begin
            self._asked = not up
        if up:
            self.post(facts.Connected(server=self.server.name))
        elif begin:
            self.in_background(self._try_once)

    def attend(self, watch: Watch) -> None:
        """Launch (or attach to) the job and follow it to its end; again does no harm."""
        with self._lock:
            if watch.job_id in self._watches or self._left.is_set():
                return
            self._watches[watch.job_id] = watch
            session = self._session
        if session is not None:
            self._begin(session, watch)
        else:
            self._come_back()

    def kill(self, watch: Watch, reason: str, grace: float) -> None:
        """Kill the job's tree, now or as soon as the server is linked again.

        *watch* is used where the job is not attended to yet: it is not launched any more.
        """
        with self._lock:
            known = self._watches.setdefault(watch.job_id, watch)
            fresh = known.kill is None
            known.kill = (reason, grace)
            session = self._session
        if session is None:
            self._come_back()
        elif known is watch:
            self._begin(session, known)
        elif fresh:
            self.send(lambda: session.cancel(known.job_id, reason, grace))

    def fence(self, watch: Watch, *, kill: tuple[str, float] | None) -> None:
        """See to the end of a job whose attempt is over, in place of whoever attended to it.

        Args:
            watch: Hears of its end alone.
            kill: Reason and grace (seconds) of its kill; None: it may end by itself.
        """
        watch.started, watch.kill = True, kill
        with self._lock:
            if self._left.is_set():
                return
            self._watches[watch.job_id] = watch
            session = self._session
        if session is None:
            self._come_back()
        else:
            self._begin(session, watch)

    def release(self, job_id: str) -> None:
        """Let an ended job keep no locks; where the link is gone, it keeps none anyway."""
        session = self._session
        if session is not None:
            self.send(lambda: session.release(job_id))

    def leave(self) -> None:
        """End the link for good; jobs go on."""
        self._left.set()
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _try_once(self) -> None:
        try:
            self._open()
        except Exception as error:  # noqa: BLE001 - even a defect must not leave the run waiting
            with self._lock:
                self._busy = False
            self._failed(error)
            if self._needed():
                self._come_back()

    def _open(self) -> None:
        """Link the server and go on with every watch."""
        hearing = Hearing(self)
        session = self._backend.connect(self.server, hearing)
        with self._lock:
            gone = self._left.is_set() or hearing.gone
            if not gone:
                hearing.session = self._session = session
                self._busy = self._asked = False
            watches = list(self._watches.values())
        if gone:
            session.close()
            raise LinkLost(f"{self.server.name}: the link was lost as soon as it was there")
        for watch in watches:
            self._begin(session, watch)
        self.post(facts.LinkUp(server=self.server.name))
        self.post(facts.Connected(server=self.server.name))

    def _failed(self, error: Exception) -> None:
        """Tell those who wait that one try failed."""
        with self._lock:
            asked, self._asked = self._asked, False
            lost = bool(self._watches)
        if lost:
            self.post(_link_down(self.server, error))
        if asked:
            self.post(_not_connected(self.server, error))

    def _begin(self, session: Session, watch: Watch) -> None:
        """Launch or follow one job over a new session."""
        watch.log.rewind()
        job = watch.job
        if job is not None and not watch.started and watch.kill is None:
            self.send(lambda: session.start(job))
            return
        if watch.kill is not None:
            reason, grace = watch.kill
            self.send(lambda: session.cancel(watch.job_id, reason, grace))
        self.send(lambda: session.follow(watch.job_id, watch.log.offset))

    def _come_back(self) -> None:
        """Reconnect in the background, until it works or nobody needs it."""
        with self._lock:
            if self._busy or self._session is not None or self._left.is_set():
                return
            self._busy = True
        self.in_background(self._reconnect)

    def _reconnect(self) -> None:
        tries = 0
        while self._goes_on():
            delay = RECONNECT_DELAYS[min(tries, len(RECONNECT_DELAYS) - 1)]
            if self._left.wait(delay * (0.75 + 0.5 * self._chance())):
                return
            tries += 1
            try:
                self._open()
            except InfrastructureError as error:
                self._failed(error)
                continue
            return

    def _goes_on(self) -> bool:
        """Tell whether somebody still needs the link; nobody: it is idle from then on."""
        with self._lock:
            self._busy = bool(self._watches) or self._asked
            return self._busy

    def _needed(self) -> bool:
        with self._lock:
            return bool(self._watches) and not self._left.is_set()

    # What its hearing calls; see `hearing.Linked`.

    @property
    def session(self) -> Session | None:
        """The session there is now."""
        return self._session

    def watch_of(self, job_id: str) -> Watch | None:
        """Return who watches the job, if anybody does."""
        return self._watches.get(job_id)

    def forget(self, watch: Watch) -> None:
        """Watch the job no more: it has ended."""
        with self._lock:
            if self._watches.get(watch.job_id) is watch:  # it may be fenced by now
                del self._watches[watch.job_id]

    def lost(self, session: Session | None, reason: str) -> None:
        """Come back, if that was the session there is; an older one is known to be gone."""
        with self._lock:
            if session is None or session is not self._session:
                return
            self._session = None
            needed = bool(self._watches)
        if needed and not self._left.is_set():
            self.post(facts.LinkDown(server=self.server.name, reason=reason))
            self._come_back()

    @staticmethod
    def send(message: Callable[[], None]) -> None:
        """Say something to the server; where the link is gone, it is said by the next one."""
        try:
            message()
        except LinkLost:
            return  # `closed` follows and brings the link back

    def guard(self, work: Callable[[], None]) -> None:
        """Do *work*; a defect of ours ends the controller instead of leaving it waiting."""
        try:
            work()
        except Exception:  # noqa: BLE001 - whatever it is, the controller has to know
            self.post(facts.Defect(text=traceback.format_exc()))

    def in_background(self, work: Callable[[], None]) -> None:
        """Do *work* in a thread of its own, guarded."""
        # No pool: its threads would be waited for when the process ends.
        name = f"link {self.server.name}"
        threading.Thread(target=self.guard, args=(work,), name=name, daemon=True).start()


def _link_down(server: Server, error: Exception) -> facts.LinkDown:
    barred = error.reason if isinstance(error, ConnectError) and not error.transient else None
    return facts.LinkDown(server=server.name, reason=str(error), barred=barred)


def _not_connected(server: Server, error: Exception) -> facts.NotConnected:
    reason, transient = "defect", False
    if isinstance(error, ConnectError):
        reason, transient = error.reason, error.transient
    elif isinstance(error, LinkLost):
        reason, transient = "link lost", True
    return facts.NotConnected(
        server=server.name,
        reason=reason,
        message=str(error) or repr(error),
        transient=transient,
    )
