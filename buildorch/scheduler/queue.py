"""Who goes next: the stages that wait for nothing but the run's limit and their server's slots."""

from __future__ import annotations

import heapq
from collections import Counter

from buildorch.model import Plan, Server
from buildorch.scheduler.actions import TakeSlot
from buildorch.scheduler.stage import StageState
from buildorch.scheduler.state import RunState
from buildorch.scheduler.table import QUEUEING


class Admission:
    """Asks for slots in the plan's order, as many as the limits leave.

    A stage whose server is full does not hold up the stages of other servers: it stands aside
    until that server has room. Slots that other runs may hold are the runner's to take, hence
    asked for: the answer comes as a fact.

    Args:
        plan: Whose `parallel_limit` and `slots` are kept.
    """

    def __init__(self, plan: Plan) -> None:
        self._limit = plan.parallel_limit
        self._line: list[tuple[int, str, str]] = []
        self._aside: dict[str, list[tuple[int, str, str]]] = {}
        self._queued: dict[str, str] = {}
        self._asked: dict[str, str] = {}
        self._asked_of: Counter[str] = Counter()

    def add(self, state: StageState) -> None:
        """Let *state* take part from now on."""
        name, server = state.name, state.server.name
        if self._queued.get(name) == server or name in self._asked:
            return
        self._queued[name] = server
        heapq.heappush(self._line, (state.stage.index, name, server))

    def answered(self, name: str, *, taken: bool) -> None:
        """Note that the slot that was asked for *name* was given or refused."""
        server = self._asked.pop(name, None)
        if server is not None:
            self._asked_of[server] -= 1
            if not taken:
                self._call_next(server)

    @property
    def asked(self) -> frozenset[str]:
        """The stages that wait for the answer."""
        return frozenset(self._asked)

    def ask(self, run: RunState) -> list[TakeSlot]:
        """Return the slots to be taken now."""
        for server in run.freed:
            self._call_next(server)
        run.freed.clear()
        made: list[TakeSlot] = []
        while self._line and len(run.active) + len(self._asked) < self._limit:
            place = heapq.heappop(self._line)
            _, name, server = place
            state = run.stages[name]
            if not self._waits(state, server):
                self._call_next(server)
            elif not self._has_room(run, state.server):
                heapq.heappush(self._aside.setdefault(server, []), place)
            else:
                del self._queued[name]
                self._asked[name] = server
                self._asked_of[server] += 1
                made.append(TakeSlot(name, server))
        return made

    def _has_room(self, run: RunState, server: Server) -> bool:
        return run.load[server.name] + self._asked_of[server.name] < (server.slots or self._limit)

    def _call_next(self, server: str) -> None:
        """Let the first of those that stand aside for *server* go back to the line."""
        aside = self._aside.get(server)
        if aside:
            heapq.heappush(self._line, heapq.heappop(aside))

    def _waits(self, state: StageState, server: str) -> bool:
        """Tell whether *state* still waits for *server*; else forget that it did."""
        if self._queued.get(state.name) != server:
            return False
        if state.phase in QUEUEING and state.server.name == server:
            return True
        del self._queued[state.name]
        return False
