"""The timeline of a run: a bar for each attempt, on the time that it took."""

from __future__ import annotations

import itertools
import math

import attrs

from buildorch.report.critical import ready
from buildorch.report.element import Html, element, joined
from buildorch.report.facts import Report
from buildorch.report.words import look, state_words, took
from buildorch.view import AttemptView, StageView

#: Pixels of a row; the page's style has the same.
ROW = 30

#: Steps of the scale, in seconds.
_STEPS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400),
)
_MOST_STEPS = 8

#: Percent of the width from which on a bar's time stands before it, not behind.
_LATE = 84

#: Share of the time from which on waiting is shown.
_SHORTEST = 0.002


@attrs.frozen
class _Scale:
    """From Unix time to percent of the width."""

    begin: float
    seconds: float

    def at(self, moment: float) -> float:
        """Return where *moment* is."""
        return min(100.0, max(0.0, 100 * (moment - self.begin) / self.seconds))

    def span(self, begin: float, end: float) -> str:
        """Return the style of what lasts from *begin* to *end*."""
        left = self.at(begin)
        return f"left:{left:.3f}%;width:{max(0.0, self.at(end) - left):.3f}%"


def timeline(report: Report) -> Html:
    """Return the bars of all stages, those on the critical path marked."""
    scale = _Scale(report.view.created_at, max(report.seconds, 0.001))
    stages = sorted(report.stages, key=lambda stage: report.start(stage) or math.inf)
    rows = [_row(report, stage, scale) for stage in stages]
    names = [stage.name for stage in stages]
    return element(
        "div",
        _ruler(scale),
        element("ol", *rows),
        element("div", *_joints(report, names, scale), class_="joints", aria_hidden="true"),
        class_="gantt",
    )


def _ruler(scale: _Scale) -> Html:
    step = next((one for one in _STEPS if scale.seconds / one <= _MOST_STEPS), scale.seconds)
    ticks = [index * step for index in range(int(scale.seconds / step) + 1)]
    lines = [
        element("span", _tick(tick), style=f"left:{100 * tick / scale.seconds:.3f}%")
        for tick in ticks
        if tick <= 0.94 * scale.seconds or tick == 0
    ]
    return element("div", *lines, class_="ruler", aria_hidden="true")


def _tick(seconds: float) -> str:
    return "0" if not seconds else took(seconds).replace(".0s", "s")


def _row(report: Report, stage: StageView, scale: _Scale) -> Html:
    number = stage.stage.index + 1
    on_path = stage.name in report.critical
    label = element(
        "a",
        element("span", str(number), class_="number"),
        element("span", stage.name, class_="name"),
        element("span", "◆", class_="mark", title="on the critical path") if on_path else None,
        href=f"#stage-{number}",
    )
    bars = [_bar(report, stage, attempt, scale) for attempt in stage.history]
    beside = _wait(report, stage, scale), _told(report, stage, scale)
    track = element("div", *bars, *beside, class_="track")
    return element("li", label, track, class_="critical" if on_path else None)


def _wait(report: Report, stage: StageView, scale: _Scale) -> Html | None:
    """Return the line from when the stage could have started to when it did."""
    start = report.start(stage)
    begin = ready(report.view, stage, report.ended_at)
    if start is None or start - begin < _SHORTEST * scale.seconds:
        return None
    title = f"waited {took(start - begin)} for its turn"
    return element("span", class_="wait", style=scale.span(begin, start), title=title)


def _bar(report: Report, stage: StageView, attempt: AttemptView, scale: _Scale) -> Html | None:
    start = report.begun.get((stage.name, attempt.number))
    if start is None:
        return None
    # Its last attempt is not over for a stage until its artifacts are here.
    last = attempt is stage.history[-1] or attempt.finished_at is None
    end = report.end(stage) if last else attempt.finished_at or start
    state = attempt.result.status.value if attempt.result is not None else stage.state
    said = f"attempt {attempt.number} on {attempt.server}: {state_words(state)}"
    return element(
        "span",
        class_=f"bar {look(state)}",
        style=scale.span(start, end),
        title=f"{said}, {took(end - start)}",
    )


def _told(report: Report, stage: StageView, scale: _Scale) -> Html:
    """Return the words beside the bars: how long it took, or what it came to without one."""
    start = report.start(stage)
    if start is None:
        return element("span", state_words(stage.state), class_="told", style="left:0")
    begin, end = scale.at(start), scale.at(report.end(stage))
    text = took(report.end(stage) - start)
    if end < _LATE:
        return element("span", text, class_="told", style=f"left:{end:.3f}%")
    if begin > 100 - _LATE:
        return element("span", text, class_="told early", style=f"right:{100 - begin:.3f}%")
    return element("span", text, class_="told inside", style=f"right:{100 - end:.3f}%")


def _joints(report: Report, names: list[str], scale: _Scale) -> list[Html]:
    """Return the lines that lead from a stage of the critical path to the next."""
    found = []
    for name, after in itertools.pairwise(report.critical):
        first, last = names.index(name), names.index(after)
        at = scale.at(report.end(report.view.stages[name]))
        top, high = min(first, last), abs(last - first)
        style = f"left:{at:.3f}%;top:{(top + 0.5) * ROW:g}px;height:{high * ROW:g}px"
        found.append(element("span", style=style))
    return found


def path_words(report: Report) -> Html:
    """Return the critical path as a sentence."""
    stages = [report.view.stages[name] for name in report.critical]
    if not stages:
        return Html("")
    worked = sum(report.end(stage) - (report.start(stage) or 0.0) for stage in stages)
    links = [element("a", one.name, href=f"#stage-{one.stage.index + 1}") for one in stages]
    share = f"{took(worked)} of {took(report.seconds)}"
    mark = element("span", "◆", class_="mark")
    return joined([mark, " Critical path: ", joined(links, " → "), f", {share}"])
