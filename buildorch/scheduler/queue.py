"""Who goes next: the stages that wait for nothing but the run's limit and their server's slots."""

from __future__ import annotations

import heapq
from collections import Counter

from buildorch.model import Plan
from buildorch.scheduler.actions import TakeSlot
from buildorch.scheduler.stage import StageState
from buildorch.scheduler.state import RunState
from buildorch.scheduler.table import Phase


class Admission:
    """Asks for slots in the plan's order, as many as the limits leave.

    A stage whose server is full does not hold up the stages of other servers. Slots that other
    runs may hold are the runner's to take, hence asked for: the answer comes as a fact.

    Args:
        plan: Whose `parallel_limit` and `slots` are kept.
    """

    def __init__(self, plan: Plan) -> None:
        self._limit = plan.parallel_limit
        self._waiting: dict[str, list[tuple[int, str]]] = {}
        self._queued: dict[str, str] = {}
        self._asked: dict[str, str] = {}

    def add(self, state: StageState) -> None:
        """Let *state* take part from now on."""
        server = state.server.name
        if self._queued.get(state.name) == server or state.name in self._asked:
            return
        self._queued[state.name] = server
        line = self._waiting.setdefault(server, [])
        heapq.heappush(line, (state.stage.index, state.name))

    def answered(self, name: str) -> None:
        """Note that the slot that was asked for *name* was given or refused."""
        self._asked.pop(name, None)

    @property
    def asked(self) -> frozenset[str]:
        """The stages that wait for the answer."""
        return frozenset(self._asked)

    def ask(self, run: RunState) -> list[TakeSlot]:
        """Return the slots to be taken now."""
        made: list[TakeSlot] = []
        asked = Counter(self._asked.values())
        while len(run.active) + len(self._asked) < self._limit:
            state = self._next(run, asked)
            if state is None:
                break
            server = state.server.name
            self._asked[state.name] = server
            asked[server] += 1
            made.append(TakeSlot(state.name, server))
        return made

    def _next(self, run: RunState, asked: Counter[str]) -> StageState | None:
        """Remove and return the first stage in the plan's order whose server has room."""
        best: tuple[int, str] | None = None
        line: list[tuple[int, str]] = []
        for server, candidates in self._waiting.items():
            self._drop_stale(run, server, candidates)
            if not candidates or (best is not None and best <= candidates[0]):
                continue
            slots = run.stages[candidates[0][1]].server.slots or self._limit
            if run.load[server] + asked[server] < slots:
                best, line = candidates[0], candidates
        if best is None:
            return None
        heapq.heappop(line)
        del self._queued[best[1]]
        return run.stages[best[1]]

    def _drop_stale(self, run: RunState, server: str, line: list[tuple[int, str]]) -> None:
        """Remove stages from the front that ended meanwhile, or wait for another server."""
        while line and not self._waits(run.stages[line[0][1]], server):
            name = heapq.heappop(line)[1]
            if self._queued.get(name) == server:
                del self._queued[name]

    def _waits(self, state: StageState, server: str) -> bool:
        waits = state.phase in (Phase.QUEUED, Phase.BACKOFF) and state.server.name == server
        return waits and self._queued.get(state.name) == server
