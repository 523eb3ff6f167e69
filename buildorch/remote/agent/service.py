"""The agent: one per link; hears messages, watches the job folders, tells what they say.

It keeps nothing that is not on the disk, so it may die at any time: the next one of the same
client goes on where the client says.
"""

import select
import signal
import time

from buildorch.remote.agent import (
    account,
    checksums,
    claims,
    cleaning,
    command,
    folder,
    follower,
    kernel,
    launch,
    launches,
    supervisor,
    wire,
)

#: Seconds without a message from the client after which the agent leaves.
SILENCE = 120.0
TICK = 0.1


class Service:
    """Serves one client over two descriptors, until it is gone."""

    def __init__(
        self, state: account.State, world: command.World, link: str, ends: "tuple[int, int]"
    ) -> None:
        self._state = state
        self._in = wire.Inbox(ends[0])
        self._out = wire.Outbox(ends[1])
        self._watcher = kernel.Watcher()
        self._claims = claims.Claims(state, link)
        self._followers = {}  # type: dict[str, follower.Follower]
        self._watches = {}  # type: dict[int, str]
        self._launches = launches.Launches(state, world, self._out, self._claims, self._follow)
        self._sums = []  # type: list[checksums.Checksum]
        self._heard = time.monotonic()
        self._leaving = None  # type: str | None

    def ready(self, nonce: str, facts: bytes) -> None:
        """Say that messages are welcome."""
        wire.never_wait(self._in.fd)
        wire.never_wait(self._out.fd)
        self._out.put("")
        self._out.put_frame(facts, "READY", nonce)
        signal.signal(signal.SIGTERM, self._superseded)
        self._out.flush()

    def _superseded(self, *_: object) -> None:
        self._leaving = "another connection of the same run has taken over"

    def run(self) -> None:
        """Serve until the client is gone."""
        try:
            self._out.put_frame(self._serve().encode("utf-8"), "BYE")
            self._out.flush()
        except wire.Closed:
            return

    def _serve(self) -> str:
        """Do turns until it is time to leave; return why."""
        try:
            while self._leaving is None:
                self._turn()
        except wire.Garbled as error:
            return str(error)
        return self._leaving

    def _turn(self) -> None:
        busy = self._work()
        self._out.flush()
        reads = [self._in.fd] + self._launches.ends
        if self._watcher.fd >= 0:
            reads.append(self._watcher.fd)
        writes = [self._out.fd] if self._out.size else []
        try:
            readable = select.select(reads, writes, [], self._pause(busy))[0]
        except InterruptedError:
            return
        self._hear(readable)
        self._claims.look()
        self._launches.look()
        if time.monotonic() - self._heard > SILENCE:
            self._leaving = "no sign of life from the client"

    def _pause(self, busy: bool) -> float:
        if busy and self._out.room:
            return 0.0
        if any(one.restless for one in self._followers.values()):
            return TICK
        return claims.SILENT / 4

    def _work(self) -> bool:
        """Let everybody do one piece, in turn; return whether somebody has more to do."""
        for ident in list(self._followers):
            one = self._followers[ident]
            if not self._out.room:
                return True
            if (one.dirty or one.restless) and one.step(self._out):
                self._forget(ident)
            elif one.sweep:
                launch.sweep(self._state.folder(ident))
                one.swept()
        if self._sums and self._sums[0].step(self._out):
            self._sums.pop(0)
        return bool(self._sums) or any(one.dirty for one in self._followers.values())

    def _hear(self, readable: "list[int]") -> None:
        for fd in readable:
            if fd == self._watcher.fd:
                self._watched()
            elif fd != self._in.fd:
                self._launches.answered(fd)
        # Last: what the client orders may close descriptors, and open others of the same number.
        if self._in.fd in readable:
            self._heard = time.monotonic()
            self._in.fill()
            self._claims.hear()
            self._answer_all()

    def _answer_all(self) -> None:
        message = self._in.take()
        while message is not None:
            words, body = message
            if words[0] in ("start", "follow", "cancel") and self._is_elsewhere(words[1]):
                return
            getattr(self, "_on_" + words[0])(words[1:], body)
            message = self._in.take()

    def _is_elsewhere(self, ident: str) -> bool:
        """Leave where the job is another machine's: here nobody can say how it stands."""
        if self._state.folder(ident).there:
            return False
        other = self._state.elsewhere(ident)
        if other is not None:
            self._leaving = (
                "the job " + ident + " is on another machine, which keeps it in " + other + ": the "
                "address of this server leads to several machines; give each a name of its own"
            )
        return other is not None

    # What the client says.

    def _on_ping(self, words: "list[str]", _: bytes) -> None:
        if len(words) == 1:
            self._out.put("PONG", words[0])
            return
        for ident in list(self._followers) + self._launches.jobs:
            self._state.folder(ident).renew(words[1].encode("ascii"))
        self._out.put("PONG", words[0], kernel.clock())

    def _on_start(self, words: "list[str]", body: bytes) -> None:
        self._launches.start(words, body)

    def _on_follow(self, words: "list[str]", _: bytes) -> None:
        self._claims.claim(words[0])
        self._out.put("F", words[0])
        if words[0] not in self._launches.jobs:
            self._follow(words[0], int(words[1]))

    def _on_cancel(self, words: "list[str]", _: bytes) -> None:
        ident, reason, grace = words
        self._claims.claim(ident)
        place = self._state.folder(ident)
        entombed = not place.there and not place.launched and self._launches.entomb(ident, place)
        if not entombed and place.end() is None:
            self._order_end(place, reason, grace)
        if ident not in self._followers and ident not in self._launches.jobs:
            self._follow(ident, None)

    def _order_end(self, place: folder.Folder, reason: str, grace: str) -> None:
        try:
            folder.replace_file(place.at("cancel"), (reason + " " + grace + "\n").encode("ascii"))
        except OSError:
            return
        known = place.identity()
        if known.get("boot") == (kernel.boot_id() or "-"):
            pid, start = known["orders"].split()
            kernel.send_signal(int(pid), int(start), supervisor.ORDER)

    def _on_release(self, words: "list[str]", _: bytes) -> None:
        self._state.folder(words[0]).give_back()

    def _on_sum(self, words: "list[str]", _: bytes) -> None:
        self._sums.append(checksums.Checksum(words[0], self._state.folder(words[0])))

    def _on_clean(self, words: "list[str]", _: bytes) -> None:
        self._out.put("C", *cleaning.clean(self._state, float(words[0])))

    # What the disk says.

    def _follow(self, ident: str, offset: "int | None") -> None:
        self._forget(ident)
        place = self._state.folder(ident)
        one = self._followers[ident] = follower.Follower(ident, place, offset)
        one.watch = self._watcher.add(place.path)
        if one.watch < 0:
            one.ticking = True
        else:
            self._watches[one.watch] = ident

    def _forget(self, ident: str) -> None:
        one = self._followers.pop(ident, None)
        if one is not None:
            one.close()
            if self._watches.pop(one.watch, None) is not None:
                self._watcher.remove(one.watch)

    def _lost_count(self) -> None:
        """Look at everything: more happened than the kernel could keep."""
        for one in self._followers.values():
            one.suspect()

    def _watched(self) -> None:
        for number, mask, name in self._watcher.read():
            if number < 0:
                self._lost_count()
            one = self._followers.get(self._watches.get(number, ""))
            if one is None:
                continue
            one.changed(name)
            ended = mask & (kernel.IN_CLOSE_WRITE | kernel.IN_DELETE) and name == b"alive"
            if ended or mask & kernel.GONE:
                one.suspect()
