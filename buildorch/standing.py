"""How each server stands: what it answered, and what the runs of this machine have there."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import attrs

from buildorch.backends.registry import Backends
from buildorch.errors import StoreError
from buildorch.model import Config, Server
from buildorch.ports import Backend
from buildorch.remote.glance import Glance, ServerJob
from buildorch.store.database import Store
from buildorch.store.places import Places
from buildorch.store.slots import Slots
from buildorch.survey import ServerReport, glance
from buildorch.watched import undriven


@attrs.frozen(kw_only=True)
class ServerStanding:
    """How a server stands.

    Attributes:
        server: The server.
        reason: One word why it did not answer: `refused`, `timed out`, ...; None where it did.
        message: The same in a sentence, with what to do.
        glance: What it answered: load, room, jobs of ours from all machines, builds of others.
        slots: How many stages it takes at once from this user on this machine.
        taken: What has these slots now, as `RUN STAGE`.
        undriven: What may run there although nobody drives it, as `RUN STAGE`; it has no slot.
    """

    server: Server
    reason: str | None
    message: str | None
    glance: Glance | None
    slots: int
    taken: tuple[str, ...]
    undriven: tuple[str, ...]

    @property
    def reachable(self) -> bool:
        """Whether it answered."""
        return self.glance is not None


def standings(
    settings: Config, places: Places, store: Store, own: Mapping[str, Backend], limit: float = 2.0
) -> tuple[ServerStanding, ...]:
    """Ask all servers of a configuration at once how they stand.

    Args:
        settings: The configuration.
        places: The state folder of this machine.
        store: Its history.
        own: Backends of the caller's own, by name.
        limit: Seconds in which a server has to be reached.
    """
    reports = glance(settings.servers, Backends(own, places.home), limit)
    left = undriven(places, store)
    slots = Slots(places)
    return tuple(
        ServerStanding(
            server=report.server,
            reason=report.reason,
            message=report.message,
            glance=_with_starters(report, store),
            slots=_slots(report.server, settings),
            taken=slots.holders(report.server.name),
            undriven=tuple(left.get(report.server.name, ())),
        )
        for report in reports
    )


def _slots(server: Server, settings: Config) -> int:
    from buildorch.planner.servers import planned  # noqa: PLC0415 - networkx takes long to import

    return planned(server).slots or settings.defaults.parallel_limit


def _with_starters(report: ServerReport, store: Store) -> Glance | None:
    """Name who started our own runs: a server knows it only of jobs that take locks."""
    if report.glance is None:
        return None
    jobs = tuple(_with_starter(job, store) for job in report.glance.jobs)
    return attrs.evolve(report.glance, jobs=jobs)


def _with_starter(job: ServerJob, store: Store) -> ServerJob:
    if not job.by:
        with contextlib.suppress(StoreError):  # another machine has started it
            return attrs.evolve(job, by=store.run(job.run).by)
    return job
