"""Launching over one link: a job's folder appears whole, once, and with its supervisor, or not.

What is launched is answered when its supervisor has told how it went.
"""

import os

from buildorch.remote.agent import account, claims, command, folder, launch, limits, wire


class Launches:
    """The launches of one link that are not answered yet.

    Args:
        state: Where the jobs are.
        world: What the account gave us.
        out: The link.
        claim: The runs of the link.
        follow: Called with a job's id and an offset once the job is there.
    """

    def __init__(
        self,
        state: account.State,
        world: command.World,
        out: wire.Outbox,
        claim: claims.Claims,
        follow: "Follow",
    ) -> None:
        self._state = state
        self._supervisors = launch.Supervisors(state, world)
        self._out = out
        self._claims = claim
        self._follow = follow
        self._repeated = {}  # type: dict[str, int]

    @property
    def ends(self) -> "list[int]":
        """The descriptors on which supervisors speak."""
        return self._supervisors.ends

    @property
    def jobs(self) -> "list[str]":
        """The jobs that are being launched."""
        return self._supervisors.launching

    def look(self) -> None:
        """Let go of supervisors that are not needed."""
        self._supervisors.look()

    def start(self, words: "list[str]", body: bytes) -> None:
        """Launch a job, or attach to it; its order and the sizes of its files are *words*."""
        order = limits.Order(words)
        try:
            run = self._state.lock_run(order.ident)
            try:
                self._state.admit(run, order.nonce, order.epoch)
                self._launch(order.ident, words[:8], _files(words[8:], body))
            finally:
                os.close(run)
        except folder.Refused as refusal:
            self._refuse(order.ident, refusal.reason, refusal.detail)
        except OSError as error:
            unwritable = folder.refusal(error, self._state.root)
            self._refuse(order.ident, unwritable.reason, unwritable.detail)

    def _launch(self, ident: str, order: "list[str]", files: "dict[str, bytes]") -> None:
        self._claims.claim(ident)
        place = self._state.folder(ident)
        self._bury(place)
        if place.launched and not place.there:
            self._attach(ident, place)  # what its folder said is lost, not that it ran
            return
        files["log"] = b""
        files["exit.new"] = b"\n" * folder.RESERVED
        try:
            lock = place.create(files)
        except FileExistsError:
            self._attach(ident, place)
            return
        shell = [limits.BASH] * files["enter"].startswith(limits.BASH_LINE)
        try:
            self._supervisors.take_on(order + shell, lock)
        except OSError:
            place.discard()
            os.close(lock)
            raise

    def _bury(self, place: folder.Folder) -> None:
        """Remove what a launch that was cut short has left: nothing ran in it."""
        lock = place.take()
        if lock is None:
            return
        if not place.has("id") and not place.launched and place.end() is None:
            place.discard()
        os.close(lock)

    def _attach(self, ident: str, place: folder.Folder) -> None:
        if place.has("tombstone"):
            self._refuse(ident, "tombstone", "the job was cancelled before its launch came here")
        elif ident in self._supervisors.launching:
            self._repeated[ident] = self._repeated.get(ident, 0) + 1
        else:
            self._out.put("S", ident, "again")
            self._follow(ident, 0)

    def answered(self, fd: int) -> None:
        """Tell what a supervisor has answered."""
        ident, answer = self._supervisors.heard(fd)
        if ident is None:
            return
        first, _, detail = (answer or "").partition("\n")
        again = self._repeated.pop(ident, 0)
        if first.startswith("refused "):
            for _ in range(1 + again):
                self._refuse(ident, first.split()[1], detail)
            return
        # Also where the supervisor died without a word: the follower finds out what is true.
        self._out.put("S", ident, "new")
        for _ in range(again):
            self._out.put("S", ident, "again")
        self._follow(ident, 0)

    def _refuse(self, ident: str, reason: str, detail: str) -> None:
        self._out.put_frame(detail.encode("utf-8", "replace"), "R", ident, reason)

    def entomb(self, ident: str, place: folder.Folder) -> bool:
        """Leave a folder in which nothing can be launched; return False where one is there."""
        end = folder.lost("never started", "the job was cancelled before its launch came here")
        try:
            run = self._state.lock_run(ident)
            try:
                os.close(place.create({"tombstone": b"", "log": b"", "exit": end}))
            finally:
                os.close(run)
        except OSError:
            return False
        return True


def _files(words: "list[str]", body: bytes) -> "dict[str, bytes]":
    """Return the files of a launch by name: `name:size` words, and their bytes in one piece."""
    files, place = {}, 0
    for word in words:
        name, size = word.split(":")
        files[os.path.basename(name)] = body[place : place + int(size)]
        place += int(size)
    return files


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Follow = Callable[[str, int], None]
