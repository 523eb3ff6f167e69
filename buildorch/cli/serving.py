"""Commands that ask servers: servers, doctor and clean."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime

from buildorch import api, cleaning
from buildorch.backends.registry import Backends
from buildorch.cli.command import CONFIG, command
from buildorch.cli.standings import began, standing_line, standing_text
from buildorch.cli.trusting import trust
from buildorch.errors import UsageError
from buildorch.model import THIS_MACHINE, Config
from buildorch.names import nearest, quoted
from buildorch.notifiers import problems as channel_problems
from buildorch.remote.builds import BuildServer
from buildorch.survey import ServerReport, survey

_INFRASTRUCTURE = 3

#: Seconds that one server may take: `servers` is for a glance, `doctor` for the truth.
_PATIENCE = 10.0


@command(
    positional=["action", "server"],
    iterable=["fingerprint"],
    help={
        "action": "`trust` shows the host key of a server, asks, and remembers it",
        "server": "whose key: a server, an ssh_config alias, or an address",
        "json": "write a JSON list",
        "brief": "a line each, without jobs and builds",
        "yes": "with trust: ask nobody; needs --fingerprint",
        "fingerprint": "with trust: what the key must be, as its administrator says it",
        "config": CONFIG,
    },
)
def servers(
    action: str | None = None,
    server: str | None = None,
    json: bool = False,
    brief: bool = False,
    yes: bool = False,
    fingerprint: Sequence[str] = (),
    config: str | None = None,
) -> int:
    """Ask all servers at once whether they are there, and what runs on them."""
    settings = api.configuration(config)
    if action is not None or yes or fingerprint:
        if action != "trust" or server is None:
            raise UsageError(_unclear(action))
        return trust(server, settings, yes=yes, fingerprints=fingerprint)
    return _list(settings, json=json, brief=brief)


def _unclear(action: str | None) -> str:
    forms = "write `buildorch servers`, or `buildorch servers trust SERVER`"
    if action in (None, "trust"):
        return forms
    near = nearest(str(action), ["trust"])
    hint = f"; did you mean `{near}`?" if near else ":"
    return f"`buildorch servers` does not know {quoted(str(action))}{hint} {forms}"


def _list(settings: Config, *, json: bool, brief: bool) -> int:
    found = api.servers(api.Options(config=settings))
    now = datetime.now().astimezone()
    if json:
        print(jsonlib.dumps([standing_line(one, now) for one in found]))
        return 0
    width = max((len(one.server.name) for one in found), default=0)
    for one in found:
        print(standing_text(one, now, width=width, brief=brief))
    if not found:
        where = settings.file or "no configuration was found"
        print(f"no servers are configured ({where}); stages run on this machine", file=sys.stderr)
    return 0


@command(
    positional=["server"],
    iterable=["server"],
    help={
        "server": "a server of the configuration; all of them where none is named",
        "older_than": "how long a job must have been over: 1h or more, 7d where nothing is said",
        "config": CONFIG,
    },
)
def clean(server: Sequence[str] = (), older_than: str = "7d", config: str | None = None) -> int:
    """Remove what jobs that ended long ago have left on servers; living jobs are never touched."""
    done = cleaning.clean(server, older_than, api.Options(config=config))
    width = max(len(one.server.name) for one in done)
    for one in done:
        print(f"{one.server.name:<{width}}  {_cleaned(one)}")
    return 0 if all(one.reachable for one in done) else _INFRASTRUCTURE


def _cleaned(one: cleaning.Cleaned) -> str:
    if one.jobs is None:
        return f"LEFT     {one.reason}"
    removed = f"{one.jobs} job{'' if one.jobs == 1 else 's'} removed"
    return f"CLEANED  {removed}, {one.freed / 1e6:.1f} MB freed"


@command(help={"config": CONFIG})
def doctor(config: str | None = None) -> int:
    """Look for what would get in the way: here, on the servers, and with who is told."""
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
    who = f"bitbake of {build.user} (pid {build.pid})"
    since = began(datetime.now().astimezone(), build.seconds)
    return f"{who} builds in {build.folder} since {since}: a build of ours will wait"


def _channel_findings(settings: Config) -> Iterator[str]:
    for channel in settings.channels.values():
        yield from channel_problems(channel)


def _counted(count: int) -> str:
    if not count:
        return "nothing is in the way"
    return f"{count} finding{'' if count == 1 else 's'}"
