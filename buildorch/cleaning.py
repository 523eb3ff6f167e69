"""Removing what jobs that ended long ago have left on servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, runtime_checkable

import attrs

from buildorch.backends.registry import Backends
from buildorch.duration import Duration, parse_duration
from buildorch.errors import InfrastructureError, UsageError
from buildorch.model import THIS_MACHINE, Config, Server
from buildorch.names import hint
from buildorch.settings import Options, configuration, history
from buildorch.survey import Ear
from buildorch.watched import undriven

#: Seconds that a job must have been over: a controller may still read its log.
LEAST_AGE = 3600.0


@attrs.frozen(kw_only=True)
class Cleaned:
    """What was removed on a server.

    Attributes:
        server: The server.
        jobs: How many jobs' folders; None where nothing was tried.
        freed: Bytes of their files.
        reason: Why nothing was tried, with what to do; None where it was.
        reachable: Whether the server answered, or was not asked.
    """

    server: Server
    jobs: int | None = None
    freed: int = 0
    reason: str | None = None
    reachable: bool = True


def clean(
    servers: Iterable[str] = (), older_than: Duration = "7d", options: Options | None = None
) -> tuple[Cleaned, ...]:
    """Remove the job folders of ended jobs, on all servers at once; a living job is never touched.

    A server on which a run of this machine waits for somebody to resume it is left out: its logs
    may not be here yet.

    Args:
        servers: Names of servers; none means all of the configuration, or this machine.
        older_than: How long a job must have been over, an hour at least.
        options: The configuration, the backends, and where the state folder is.

    Raises:
        UsageError: There is no such server, or the time is wrong.
    """
    age = _age(older_than)
    options = options or Options()
    asked = _asked(tuple(servers), configuration(options.config))
    with history(options) as (places, store):
        left = undriven(places, store)
        backends = Backends(options.backends, places.home)
    with ThreadPoolExecutor(max_workers=max(1, len(asked))) as threads:
        return tuple(threads.map(lambda one: _clean(one, backends, age, left), asked))


def _age(older_than: Duration) -> float:
    try:
        age = parse_duration(older_than)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}") from error
    if age < LEAST_AGE:
        raise UsageError(
            f"--older-than takes 1h or more, not {older_than}: the log of a job that has just "
            "ended may still be read"
        )
    return age


def _asked(names: tuple[str, ...], settings: Config) -> list[Server]:
    known = settings.servers or {THIS_MACHINE.name: THIS_MACHINE}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no server {name!r}{hint(name, known)}")
    return [known[name] for name in dict.fromkeys(names or known)]


@runtime_checkable
class _Cleans(Protocol):
    """A session whose server part can remove what is old."""

    def clean(self, age: float) -> tuple[int, int]:
        """Return how many jobs were removed, and their bytes."""


def _clean(
    server: Server, backends: Backends, age: float, left: Mapping[str, list[str]]
) -> Cleaned:
    if server.name in left:
        runs = ", ".join(left[server.name])
        reason = f"nobody drives {runs}: resume or cancel it first, its log may not be here yet"
        return Cleaned(server=server, reason=reason)
    try:
        return _cleaned(server, backends, age)
    except InfrastructureError as error:
        return Cleaned(server=server, reason=str(error), reachable=False)


def _cleaned(server: Server, backends: Backends, age: float) -> Cleaned:
    session = backends(server.backend).connect(server, Ear())
    try:
        if not isinstance(session, _Cleans):
            return Cleaned(server=server, reason=f"its backend {server.backend} cannot clean")
        jobs, freed = session.clean(age)
        return Cleaned(server=server, jobs=jobs, freed=freed)
    finally:
        session.close()
