"""The sections of the page that compare with the last good run: stages, artifacts."""

from __future__ import annotations

from pathlib import Path

from buildorch.events import ArtifactStored
from buildorch.report.comparison import (
    StageChange,
    artifact_name,
    artifact_note,
    missing_artifacts,
    parameter_changes,
    stage_changes,
)
from buildorch.report.element import Child, Html, element, joined
from buildorch.report.facts import Report
from buildorch.report.parts import code, file_link, pairs, section, stage_link, table
from buildorch.report.words import NONE, longer, moment, size, state_words, took
from buildorch.view import StageView


def comparison(report: Report) -> Html:
    """Return what is different from the last good run."""
    before = report.before
    if before is None:
        nothing = "There is no earlier run of this pipeline that succeeded."
        return section("comparison", "Last good run", element("p", nothing, class_="note"))
    changes = stage_changes(report.view, before)
    widest = max((abs(one.seconds) for one in changes if one.seconds is not None), default=0.0)
    given = parameter_changes(report.view, before)
    heads = ("stage", "#now", "#then", "#difference", "", "what changed")
    return section(
        "comparison",
        "Compared with the last good run",
        element(
            "p",
            joined([code(before.run), moment(before.created_at), took(before.seconds)], " · "),
            class_="note",
        ),
        pairs([("parameters", "; ".join(given))]),
        table(heads, (_change(one, widest) for one in changes), class_="comparison"),
    )


def _change(one: StageChange, widest: float) -> list[Child]:
    seconds = one.seconds
    name = stage_link(one.now) if one.now is not None else element("span", one.name)
    notes = one.notes
    if one.now is not None and one.then is not None and one.now.state != one.then.state:
        notes = [f"{state_words(one.now.state)}, was {state_words(one.then.state)}", *notes]
    return [
        name,
        _time(one.now),
        _time(one.then),
        longer(seconds) if seconds is not None else "",
        _tilt(seconds, widest) if seconds is not None and widest else "",
        "; ".join(notes),
    ]


def _time(stage: StageView | None) -> str:
    return took(stage.seconds) if stage is not None and stage.history else NONE


def _tilt(seconds: float, widest: float) -> Html:
    """Return a bar to the right of the middle for slower, to the left for faster."""
    wide = 50 * abs(seconds) / widest
    kind, left = ("slower", 50.0) if seconds > 0 else ("faster", 50 - wide)
    bar = element("i", class_=kind, style=f"left:{left:.1f}%;width:{wide:.1f}%")
    return element("span", bar, class_="tilt")


def artifacts(report: Report, home: Path | None) -> Html | None:
    """Return all files that were collected, with their checksums.

    They are linked where they stand below *home*, the folder of the page.
    """
    found = [one for stage in report.stages for one in stage.artifacts]
    gone = missing_artifacts(report.view, report.before) if report.before else []
    if not found and not gone:
        return None
    rows = [_artifact(report, one, home) for one in found]
    heads = ("stage", "file", "#size", "SHA-256", "since the last good run")
    lost = ", ".join(f"{path} ({stage})" for stage, path in gone)
    return section(
        "artifacts",
        "Artifacts",
        table(heads, rows, class_="artifacts") if rows else None,
        element("p", "No longer made: ", lost, class_="note") if lost else None,
    )


def _artifact(report: Report, one: ArtifactStored, home: Path | None) -> list[Child]:
    note = artifact_note(report.view, one, report.before) if report.before else ""
    name = artifact_name(report.view, one)
    shown = file_link(Path(one.path), home, name)
    return [one.stage, shown, size(one.size), element("code", one.sha256, class_="sum"), note]
