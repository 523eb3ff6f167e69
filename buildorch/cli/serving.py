"""Commands that ask servers: servers and doctor."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator, Mapping

from invoke import Context, task

from buildorch import api
from buildorch.backends.registry import Backends
from buildorch.cli.looking import CONFIG
from buildorch.model import THIS_MACHINE, Config
from buildorch.notifiers import problems as channel_problems
from buildorch.store.slots import Slots
from buildorch.survey import ServerReport, survey

_INFRASTRUCTURE = 3

#: Seconds that one server may take: `servers` is for a glance, `doctor` for the truth.
_GLANCE, _PATIENCE = 2.0, 10.0


@task(help={"json": "write a JSON list", "config": CONFIG})
def servers(c: Context, json: bool = False, config: str | None = None) -> int:
    """Ask all servers at once whether they are there, and what runs on them."""
    del c
    settings = api.configuration(config)
    with api.history(api.Options()) as (places, store):
        reports = survey(settings.servers, Backends({}, places.home), _GLANCE)
        left = api.undriven(places, store)
        jobs = {
            name: (
                *Slots(places).holders(name),
                *(f"{job} (undriven)" for job in left.get(name, ())),
            )
            for name in settings.servers
        }
    if json:
        print(jsonlib.dumps([_line(report, jobs, settings) for report in reports]))
        return 0
    width = max((len(report.server.name) for report in reports), default=0)
    for report in reports:
        print(f"{report.server.name:<{width}}  {_standing(report, jobs)}")
    if not reports:
        where = settings.file or "no configuration was found"
        print(f"no servers are configured ({where}); stages run on this machine", file=sys.stderr)
    return 0


def _line(
    report: ServerReport, jobs: Mapping[str, tuple[str, ...]], settings: Config
) -> dict[str, object]:
    from buildorch.planner.servers import planned  # noqa: PLC0415 - networkx takes long to import

    server = planned(report.server)
    return {
        "alias": server.name,
        "host": server.host,
        "reachable": report.reachable,
        "reason": report.reason,
        "slots": server.slots or settings.defaults.parallel_limit,
        "jobs": list(jobs[server.name]),
    }


def _standing(report: ServerReport, jobs: Mapping[str, tuple[str, ...]]) -> str:
    if not report.reachable:
        return f"OFFLINE ({report.reason})"
    running = ", ".join(jobs[report.server.name])
    return f"OK       {running}".rstrip()


@task(help={"config": CONFIG})
def doctor(c: Context, config: str | None = None) -> int:
    """Look for what would get in the way: here, on the servers, and with who is told."""
    del c
    settings = api.configuration(config)
    asked = settings.servers or {THIS_MACHINE.name: THIS_MACHINE}
    with api.history(api.Options()) as (places, _):
        print(f"configuration: {settings.file or 'none found; stages run on this machine'}")
        print(f"state folder: {places.home}")
        reports = survey(asked, Backends({}, places.home), _PATIENCE)
    for report in reports:
        if (facts := report.facts) is not None:
            print(f"{report.server.name}: OK, {facts.agent} part, jobs in {facts.state_dir}")
    found = [*_server_findings(reports), *_channel_findings(settings)]
    for finding in found:
        print(f"- {finding}")
    print(_counted(len(found)), file=sys.stderr)
    return 0 if all(report.reachable for report in reports) else _INFRASTRUCTURE


def _server_findings(reports: list[ServerReport]) -> Iterator[str]:
    for report in reports:
        if report.facts is None:
            yield f"{report.server.name}: {report.message or report.reason}"
        else:
            yield from (f"{report.server.name}: {what}" for what in report.facts.missing)


def _channel_findings(settings: Config) -> Iterator[str]:
    for channel in settings.channels.values():
        yield from channel_problems(channel)


def _counted(count: int) -> str:
    if not count:
        return "nothing is in the way"
    return f"{count} finding{'' if count == 1 else 's'}"
