"""How a server stands, as lines for people and as an object for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from buildorch.remote.glance import ForeignBuild, Glance, Room, ServerJob
from buildorch.standing import ServerStanding

#: Seconds after which a time of day needs its date.
_HALF_A_DAY = 12 * 3600

_INDENT = "    "


def began(now: datetime, seconds: int) -> str:
    """Return when something began that takes *seconds* up to *now*.

    Example:
        >>> began(datetime(2026, 7, 14, 9, 30), 3600), began(datetime(2026, 7, 14, 9, 30), 86400)
        ('08:30', '2026-07-13 09:30')
    """
    form = "%H:%M" if seconds < _HALF_A_DAY else "%Y-%m-%d %H:%M"
    return _since(now, seconds).strftime(form)


def standing_text(one: ServerStanding, now: datetime, *, width: int, brief: bool) -> str:
    """Return the lines of a server.

    Args:
        one: The server.
        now: The time, with its zone.
        width: Of the column of names.
        brief: Whether its jobs and builds are left out.
    """
    name = f"{one.server.name:<{width}}"
    if one.glance is None:
        rest = [] if brief else [f"{_INDENT}{text}" for text in _held(one)]
        return "\n".join([f"{name}  OFFLINE ({one.reason})", *rest])
    figures = ", ".join(_figures(one.glance, one))
    lines = [] if brief else [f"{_INDENT}{line}" for line in _lines(one, one.glance, now)]
    return "\n".join([f"{name}  OK       {figures}", *lines])


def _figures(seen: Glance, one: ServerStanding) -> Iterator[str]:
    if seen.load is not None:
        yield f"load {seen.load:.1f}" + (f" of {seen.processors}" if seen.processors else "")
    rooms = (("memory", seen.memory), ("disk", seen.disk))
    free = [f"{_gigabytes(room)} {name}" for name, room in rooms if room is not None]
    if free:
        yield f"{' and '.join(free)} free"
    yield f"{len(one.taken)} of {one.slots} slots"
    if not seen.whole:
        yield "it did not tell all in time"


def _gigabytes(room: Room) -> str:
    return f"{room.free / 1e9:.1f} GB"


def _lines(one: ServerStanding, seen: Glance, now: datetime) -> Iterator[str]:
    told = {_called(job) for job in seen.jobs}
    for job in seen.jobs:
        by = f", by {job.by}" if job.by else ""
        waits = ", waits" if job.waits else ""
        left = " (undriven)" if _called(job) in one.undriven else ""
        yield f"{_called(job)}{left} since {began(now, job.seconds)}{by}{waits}"
    yield from (text for text in _held(one) if text.removesuffix(" (undriven)") not in told)
    for build in seen.builds:
        where = f" in {build.folder}" if build.folder else ""
        who = f"{build.tool} of {build.user or 'somebody'} (pid {build.pid})"
        yield f"{who}{where} since {began(now, build.seconds)}, not ours"


def _held(one: ServerStanding) -> tuple[str, ...]:
    """Return what the runs of this machine have there, as far as this machine knows."""
    return (*one.taken, *(f"{job} (undriven)" for job in one.undriven))


def _called(job: ServerJob) -> str:
    return f"{job.run} {job.stage}"


def standing_line(one: ServerStanding, now: datetime) -> dict[str, object]:
    """Return the JSON object of a server.

    Args:
        one: The server.
        now: The time, with its zone.
    """
    seen = one.glance or Glance()
    return {
        "alias": one.server.name,
        "host": one.server.host,
        "reachable": one.reachable,
        "reason": one.reason,
        "message": one.message,
        "slots": one.slots,
        "slots_taken": len(one.taken),
        "jobs": list(_held(one)),
        "load": seen.load,
        "processors": seen.processors or None,
        "memory": _room(seen.memory),
        "disk": _room(seen.disk),
        "running": [_job(job, now) for job in seen.jobs],
        "builds": [_build(build, now) for build in seen.builds],
        "whole": seen.whole,
    }


def _room(room: Room | None) -> dict[str, object] | None:
    if room is None:
        return None
    place = {"place": room.place} if room.place else {}
    return {"free": room.free, "total": room.total, **place}


def _job(job: ServerJob, now: datetime) -> dict[str, object]:
    since = _stamp(now, job.seconds)
    about = {"job": job.id, "run": job.run, "stage": job.stage, "by": job.by or None}
    return {**about, "since": since, "waits": job.waits}


def _build(build: ForeignBuild, now: datetime) -> dict[str, object]:
    about = {"tool": build.tool, "pid": build.pid, "user": build.user or None}
    return {**about, "since": _stamp(now, build.seconds), "folder": build.folder or None}


def _stamp(now: datetime, seconds: int) -> str:
    return _since(now, seconds).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _since(now: datetime, seconds: int) -> datetime:
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:  # what no clock can mean
        return now
