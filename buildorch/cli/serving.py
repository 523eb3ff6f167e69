"""Commands that ask servers: servers and doctor."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from invoke import Context, task

from buildorch import api
from buildorch.backends.registry import Backends
from buildorch.cli.looking import CONFIG
from buildorch.cli.trusting import trust
from buildorch.errors import UsageError
from buildorch.model import THIS_MACHINE, Config
from buildorch.notifiers import problems as channel_problems
from buildorch.remote.builds import BuildServer
from buildorch.store.slots import Slots
from buildorch.survey import ServerReport, survey

_INFRASTRUCTURE = 3

#: Seconds that one server may take: `servers` is for a glance, `doctor` for the truth.
_GLANCE, _PATIENCE = 2.0, 10.0

#: Seconds after which a time of day needs its date.
_HALF_A_DAY = 12 * 3600


@task(
    positional=["action", "server"],
    iterable=["fingerprint"],
    help={
        "action": "`trust` shows the host key of a server, asks, and remembers it",
        "server": "whose key: a server, an ssh_config alias, or an address",
        "json": "write a JSON list",
        "yes": "with trust: ask nobody; needs --fingerprint",
        "fingerprint": "with trust: what the key must be, as its administrator says it",
        "config": CONFIG,
    },
)
def servers(
    c: Context,
    action: str | None = None,
    server: str | None = None,
    json: bool = False,
    yes: bool = False,
    fingerprint: Sequence[str] = (),
    config: str | None = None,
) -> int:
    """Ask all servers at once whether they are there, and what runs on them."""
    del c
    settings = api.configuration(config)
    if action is not None or yes or fingerprint:
        if action != "trust" or server is None:
            raise UsageError("write `buildorch servers`, or `buildorch servers trust SERVER`")
        return trust(server, settings, yes=yes, fingerprints=fingerprint)
    return _list(settings, json=json)


def _list(settings: Config, *, json: bool) -> int:
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
        reports = survey(asked, Backends({}, places.home), _PATIENCE, builds=True)
    for report in reports:
        if (facts := report.facts) is not None:
            print(f"{report.server.name}: OK, {facts.agent} part, jobs in {facts.state_dir}")
        for build in report.builds:
            if build.state == "idle":
                print(f"{report.server.name}: {_build(build)}")
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
        for build in report.builds:
            if build.state == "busy":
                yield f"{report.server.name}: {_build(build)}"


def _build(build: BuildServer) -> str:
    if build.state == "idle":
        where = f"of {build.user} in {build.folder}"
        return f"idle bitbake server {build.pid} {where}, will be used"
    since = datetime.now().astimezone() - timedelta(seconds=build.seconds)
    form = "%H:%M" if build.seconds < _HALF_A_DAY else "%Y-%m-%d %H:%M"
    who = f"bitbake of {build.user} (pid {build.pid})"
    return f"{who} builds in {build.folder} since {since:{form}}: a build of ours will wait"


def _channel_findings(settings: Config) -> Iterator[str]:
    for channel in settings.channels.values():
        yield from channel_problems(channel)


def _counted(count: int) -> str:
    if not count:
        return "nothing is in the way"
    return f"{count} finding{'' if count == 1 else 's'}"
