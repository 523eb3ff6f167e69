"""The slots on servers that the stages of this run hold; all runs on this machine share them."""

from __future__ import annotations

from buildorch.scheduler import Scheduler, facts
from buildorch.scheduler.stage import StageState
from buildorch.store.slots import SlotLease, Slots


class Leases:
    """Holds a slot for each stage that needs one.

    Args:
        slots: Shared with the other runs on this machine.
        scheduler: The run's; only asked.
        run: Id of the run, for those who find a slot taken.
        parallel_limit: Slots of a server that says nothing of them.
    """

    def __init__(self, slots: Slots, scheduler: Scheduler, run: str, parallel_limit: int) -> None:
        self._slots = slots
        self._scheduler = scheduler
        self._run = run
        self._parallel_limit = parallel_limit
        self._held: dict[str, SlotLease] = {}

    def take(self, stage: str, server: str) -> facts.SlotTaken | facts.SlotBusy:
        """Take a slot for *stage*, instead of one that it may hold elsewhere; say who has it."""
        before = self._held.pop(stage, None)
        if before is not None:
            before.release()
        lease = self._try(self._scheduler.state.stages[stage], server)
        if lease is None:
            holder = ", ".join(self._slots.holders(server))
            return facts.SlotBusy(stage=stage, server=server, holder=holder)
        self._held[stage] = lease
        return facts.SlotTaken(stage=stage, server=server)

    def retake(self) -> None:
        """Hold the slots of stages that run already; they run on where others took them."""
        for name, state in self._scheduler.state.active.items():
            lease = self._try(state, state.server.name)
            if lease is not None:
                self._held[name] = lease

    def give_back(self) -> None:
        """Give back the slots of stages that need none any more."""
        needed = self._scheduler.state.active.keys() | self._scheduler.asked
        for stage in self._held.keys() - needed:
            self._held.pop(stage).release()

    def leave(self) -> None:
        """Give all back: others may take them, whatever still runs there."""
        for lease in self._held.values():
            lease.release()

    def _try(self, state: StageState, server: str) -> SlotLease | None:
        count = state.server.slots or self._parallel_limit
        return self._slots.try_take(server, count, f"{self._run} {state.name}")
