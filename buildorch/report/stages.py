"""What the page tells of each stage: how it ended, its attempts, logs and files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs

from buildorch.duration import exact_duration
from buildorch.report import logview
from buildorch.report.comparison import artifact_name
from buildorch.report.element import Html, element, joined
from buildorch.report.facts import Report
from buildorch.report.logs import Log, log_path
from buildorch.report.parts import code, pairs, sign, stage_link
from buildorch.report.words import (
    BAD,
    counted,
    first_error,
    look,
    moment,
    outcome,
    size,
    state_words,
    took,
)
from buildorch.view import AttemptView, StageView

#: Characters of a command that are shown.
_LONG = 4000


@attrs.frozen
class Logs:
    """The logs of a run, by stage and attempt, read once.

    Attributes:
        known: Those that are there.
    """

    known: dict[tuple[str, int], Log]

    @classmethod
    def of(cls, report: Report) -> Logs:
        """Read all logs of a run."""
        found = {
            (stage.name, attempt.number): Log.read(
                log_path(report.view.results, stage.name, attempt.number)
            )
            for stage in report.stages
            for attempt in stage.history
        }
        return cls({key: log for key, log in found.items() if log is not None})

    def named(self, report: Report) -> list[tuple[Log, str]]:
        """Return the logs with the names of their pieces on the page."""
        return [
            (log, log_name(report.view.stages[stage], attempt))
            for (stage, attempt), log in self.known.items()
        ]


def log_name(stage: StageView, attempt: int) -> str:
    """Return what the pieces of a log are called on the page."""
    return f"s{stage.stage.index + 1}a{attempt}"


def stage_sections(report: Report, logs: Logs, home: Path | None) -> Html:
    """Return all stages; those that went wrong are open."""
    return joined([_stage(report, stage, logs, home) for stage in report.stages])


def _stage(report: Report, stage: StageView, logs: Logs, home: Path | None) -> Html:
    body = element(
        "div",
        _facts(report, stage),
        _files(report, stage),
        *(_attempt(stage, one, logs, home) for one in reversed(stage.history)),
        class_="body",
    )
    return element(
        "details",
        _summary(stage),
        body,
        id=f"stage-{stage.stage.index + 1}",
        class_=f"stage {look(stage.state)}",
        open=stage.status in BAD,
    )


def _summary(stage: StageView) -> Html:
    result = stage.result
    notes = [f"{len(stage.history)} attempts"] if len(stage.history) > 1 else []
    if result is not None:
        notes += [counted(result.errors, "error")] if result.errors else []
        notes += [counted(result.warnings, "warning")] if result.warnings else []
    if not stage.history and stage.reason:
        notes.append(stage.reason)
    return element(
        "summary",
        sign(stage.state),
        element("span", str(stage.stage.index + 1), class_="number"),
        element("span", stage.name, class_="name"),
        element("span", outcome(stage), class_=f"word {look(stage.state)}"),
        element("span", ", ".join(notes), class_="notes"),
        element("span", stage.server if stage.history else None, class_="server"),
        element("span", took(stage.seconds) if stage.history else None, class_="time"),
    )


def _facts(report: Report, stage: StageView) -> Html:
    planned, finished = stage.stage, stage.finished
    before = [stage_link(report.view.stages[name]) for name in planned.after]
    started = stage.first_started_at
    return pairs(
        [
            ("title", planned.title),
            ("why", _why(stage)),
            ("warning", finished.warning if finished is not None else None),
            ("log", None if finished is None or finished.log_complete else "incomplete"),
            ("started", moment(started) if started is not None else None),
            ("after", joined(before, ", ") or None),
            ("folder", element("code", planned.workdir) if planned.workdir else None),
            ("command", _command(stage)),
            ("timeout", exact_duration(planned.timeout) if planned.timeout else None),
            ("still alive", ", ".join(f"job {job} on {at}" for at, job in sorted(stage.orphans))),
        ]
    )


def _why(stage: StageView) -> Html | None:
    told = first_error(stage)
    if not told and stage.reason:
        told = stage.reason
    return element("span", told, class_="why") if told else None


def _command(stage: StageView) -> Html | None:
    planned = stage.stage
    if planned.function is not None:
        return code(f"{planned.function.module}:{planned.function.qualname}")
    if planned.command is None:
        return None
    text = planned.command if isinstance(planned.command, str) else " ".join(planned.command)
    text = text.strip()
    shown = text if len(text) <= _LONG else f"{text[:_LONG]}…"
    return element("pre", shown, class_="command") if "\n" in shown else code(shown)


def _files(report: Report, stage: StageView) -> Html | None:
    if not stage.artifacts:
        return None
    total = sum(one.size for one in stage.artifacts)
    names = [artifact_name(report.view, one) for one in stage.artifacts[:3]]
    more = ", …" if len(stage.artifacts) > len(names) else ""
    told = f"{counted(len(stage.artifacts), 'file')}, {size(total)}: {', '.join(names)}{more}"
    return pairs([("artifacts", element("a", told, href="#artifacts"))])


def _attempt(stage: StageView, attempt: AttemptView, logs: Logs, home: Path | None) -> Html:
    result = attempt.result
    state = result.status.value if result is not None else stage.state
    parts = [f"Attempt {attempt.number}", attempt.server, state_words(state), took(attempt.seconds)]
    title = element("h3", sign(state), element("span", " · ".join(part for part in parts if part)))
    log = logs.known.get((stage.name, attempt.number))
    return element(
        "div",
        title,
        *(_told(stage, attempt, log, home) if log is not None else [_no_log(attempt)]),
        class_=f"attempt {look(state)}",
    )


def _no_log(attempt: AttemptView) -> Html:
    missing = "Its log is not here any more." if attempt.started_at else "It never began."
    return element("p", missing, class_="note")


def _told(stage: StageView, attempt: AttemptView, log: Log, home: Path | None) -> Iterator[Html]:
    """Yield what an attempt's log tells: of one that failed also why, and where it says so."""
    result = attempt.result
    if result is not None and result.status in BAD:
        why = result.alert or result.first_error or result.reason
        if why and len(stage.history) > 1:  # else the stage has told it
            yield element("p", why, class_="why")
        yield logview.neighbourhoods(log) or logview.last_lines(log)
    yield logview.whole(log, log_name(stage, attempt.number), home)
