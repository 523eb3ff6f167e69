"""The sections of the page about the run as a whole: head, what broke, servers."""

from __future__ import annotations

from collections.abc import Iterator

from buildorch.events import ArtifactStored
from buildorch.model import Server, StageStatus
from buildorch.report.element import Child, Html, element, joined
from buildorch.report.facts import Report
from buildorch.report.parts import code, pairs, said, section, sign, stage_link, table
from buildorch.report.words import (
    NONE,
    counted,
    first_error,
    longer,
    look,
    moment,
    size,
    state_words,
    took,
    utc,
    value,
)
from buildorch.view import StageView


def head(report: Report) -> Html:
    """Return the head of the page: what it came to, in a line, and figures."""
    view = report.view
    title = element("h1", sign(report.status), element("span", view.title))
    return element(
        "header",
        title,
        element("p", headline(report), class_=f"headline {look(report.status)}"),
        element("p", joined(list(_about(report)), " · "), class_="about"),
        _parameters(report),
        element("div", *_figures(report), class_="figures"),
    )


def headline(report: Report) -> str:
    """Return what the run came to, in a sentence."""
    broken = report.broken
    time = took(report.seconds)
    if report.status == "succeeded":
        return f"Succeeded in {time}: {report.good} of {counted(len(report.stages), 'stage')}"
    if report.status == "failed" and len(broken) == 1:
        one = broken[0]
        where = f" on {one.server}" if one.server else ""
        after = f" after {took(one.seconds)}" if one.seconds is not None else ""
        return f"{one.name} {state_words(one.state)}{where}{after}"
    if report.status == "failed":
        return f"Failed in {time}: {', '.join(one.name for one in broken)}"
    if report.status == "cancelled":
        by = f" by {report.view.cancel_requested}" if report.view.cancel_requested else ""
        return f"Cancelled{by} after {time}"
    if report.status == "running":
        return f"Under way for {time}: {report.good} of {counted(len(report.stages), 'stage')}"
    return f"Interrupted after {time}: nobody drives it, builds on the servers go on"


def _about(report: Report) -> Iterator[Child]:
    view = report.view
    yield joined(["run ", code(report.short)])
    yield f"by {view.by}"
    yield element("time", moment(view.created_at), datetime=utc(view.created_at))
    if view.created.parent:
        yield joined(["repeats ", code(view.created.parent)])


def _parameters(report: Report) -> Html | None:
    given = [
        element("li", element("span", name), " ", element("b", value(one)))
        for name, one in report.view.params.items()
    ]
    return element("ul", *given, class_="parameters") if given else None


def _figures(report: Report) -> Iterator[Html]:
    yield _figure("stages", f"{report.good}/{len(report.stages)}", "")
    yield _figure("time", took(report.seconds), "", _against(report))
    yield _figure("errors", f"{report.total('errors'):,}", "bad" if report.total("errors") else "")
    yield _figure("warnings", f"{report.total('warnings'):,}", "")
    yield _figure("retries", str(report.retries), "")


def _figure(name: str, number: str, kind: str, below: str | None = None) -> Html:
    return element(
        "div",
        element("span", name, class_="label"),
        element("span", number, class_=f"value {kind}".rstrip()),
        element("span", below, class_="below") if below else None,
    )


def _against(report: Report) -> str | None:
    if report.before is None or report.status != "succeeded":
        return None
    return f"{longer(report.seconds - report.before.seconds)} than the last good run"


def what_broke(report: Report) -> Html | None:
    """Return the stages that went wrong, and what each has stopped."""
    if not report.broken:
        return None
    cards = [_card(report, stage) for stage in report.broken]
    retry = element("p", "Repeat what failed: ", code(f"buildorch retry {report.view.run}"))
    return section("broke", "What broke", *cards, retry if report.view.status else None)


def _card(report: Report, stage: StageView) -> Html:
    first, _, place = first_error(stage).partition("\n")
    held = [stage_link(one) for one in report.stages if _skipped_by(report, one, stage)]
    run, name = report.view.run, stage.name
    return element(
        "article",
        element("h3", stage_link(stage), " ", element("small", state_words(stage.state))),
        element("p", first, class_="error") if first else None,
        element("p", place, class_="place") if place else None,
        element("p", "Not run because of it: ", joined(held, ", ")) if held else None,
        element("p", code(f"buildorch logs {run} {name} --errors")),
        class_=look(stage.state),
    )


def _skipped_by(report: Report, one: StageView, broken: StageView) -> bool:
    """Whether *one* was skipped and comes, however far, after *broken*."""
    if one.status is not StageStatus.SKIPPED:
        return False
    seen, todo = set[str](), list(one.stage.after)
    while todo:
        name = todo.pop()
        if name == broken.name:
            return True
        if name not in seen:
            seen.add(name)
            todo += report.view.stages[name].stage.after
    return False


def servers(report: Report) -> Html:
    """Return where the stages ran, and how the connections were."""
    known = {one.name: one for stage in report.view.plan.stages for one in stage.servers}
    used: dict[str, list[tuple[StageView, float]]] = {}
    for stage in report.stages:
        for attempt in stage.history:
            used.setdefault(attempt.server, []).append((stage, attempt.seconds or 0.0))
    rows = [_server(report, known.get(name), name, work) for name, work in used.items()]
    heads = ("server", "where", "stages", "#attempts", "#busy", "#lost connections")
    if not rows:
        return section("servers", "Servers", element("p", "No stage ran.", class_="note"))
    return section("servers", "Servers", table(heads, rows))


def _server(
    report: Report, server: Server | None, name: str, work: list[tuple[StageView, float]]
) -> list[Child]:
    stages = {stage.name: stage for stage, _ in work}
    where = _address(server) if server is not None else ""
    purpose = f" ({server.purpose})" if server is not None and server.purpose else ""
    busy = took(sum(seconds for _, seconds in work))
    links = joined([stage_link(one) for one in stages.values()], ", ")
    breaks = str(report.breaks(name) or NONE)
    return [name, f"{where}{purpose}", links, str(len(work)), busy, breaks]


def _address(server: Server) -> str:
    if not server.host:
        return "this machine"
    user = f"{server.user}@" if server.user else ""
    port = f":{server.port}" if server.port else ""
    return f"{user}{server.host}{port}"


def about_run(report: Report) -> Html:
    """Return the rest that is known of the run."""
    view = report.view
    reason = view.finished.reason if view.finished is not None else view.detached
    archive = next((one for one in reversed(_stored(report)) if not one.stage), None)
    kept = f"{archive.path}, {size(archive.size)}, SHA-256 {archive.sha256}" if archive else None
    untold = [f"{due.channel} ({answer.message})" for due, answer in view.untold]
    return section(
        "run",
        "The run",
        pairs(
            [
                ("id", code(view.run)),
                ("pipeline", view.plan.name),
                ("defined in", view.plan.source),
                ("ended", moment(report.ended_at) if view.finished_at else None),
                ("reason", reason),
                ("results", code(view.results)),
                ("archive", kept),
                ("not told", "; ".join(untold)),
                ("warnings", "; ".join(view.plan.warnings)),
            ]
        ),
    )


def _stored(report: Report) -> list[ArtifactStored]:
    events = (record.event for record in report.records)
    return [event for event in events if isinstance(event, ArtifactStored)]


def outcomes(report: Report) -> Html:
    """Return the legend: the outcomes that this run has, one for each sign."""
    states = {look(stage.state): stage.state for stage in report.stages}
    return element(
        "ul", *(element("li", said(state)) for state in states.values()), class_="legend"
    )
