"""The page: one HTML file that needs nothing else, neither a network nor a script to be read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from buildorch.report import changes, logview, sections
from buildorch.report.element import Child, Html, element
from buildorch.report.facts import Report
from buildorch.report.graph import graph
from buildorch.report.parts import section, signs
from buildorch.report.stages import Logs, stage_sections
from buildorch.report.timeline import path_words, timeline
from buildorch.report.words import moment
from buildorch.version import version


def page(report: Report, home: Path | None = None, *, again: int | None = None) -> Iterator[str]:
    """Yield the page in pieces: logs can be larger than what one wants to hold.

    Args:
        report: What is told.
        home: The folder of the page, so that it can link to files below it.
        again: Seconds after which a browser reads it again; None: never.
    """
    logs = Logs.of(report)
    script = _asset("page.js")
    yield "<!DOCTYPE html>\n"
    yield '<html lang="en">\n'
    yield _head(report, script, again)
    yield "\n<body>\n"
    yield signs()
    for part in _sections(report, logs, home):
        yield f"{part}\n" if part is not None else ""
    for log, name in logs.named(report):
        yield from logview.pieces(log, name)
    yield f"\n<script>{script}</script>\n</body>\n</html>\n"


def _head(report: Report, script: str, again: int | None) -> Html:
    # Whatever a log may smuggle in: no other script runs, and nothing is fetched from anywhere.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )
    return element(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        Html('<meta name="referrer" content="no-referrer">'),
        Html("" if again is None else f'<meta http-equiv="refresh" content="{again}">'),
        element("title", f"{report.view.title} {report.status}, run {report.short}"),
        element("style", Html(_asset("page.css"))),
    )


def _sections(report: Report, logs: Logs, home: Path | None) -> Iterator[Child]:
    yield sections.head(report)
    yield Html("<main>")
    yield sections.what_broke(report)
    yield section("timeline", "Timeline", timeline(report), element("p", path_words(report)))
    yield section(
        "graph",
        "Graph",
        element("div", graph(report), class_="scroll drawing", tabindex=0),
        sections.outcomes(report),
    )
    yield section("stages", "Stages", stage_sections(report, logs, home))
    yield changes.comparison(report)
    yield changes.artifacts(report, home)
    yield sections.servers(report)
    yield sections.about_run(report)
    yield Html("</main>")
    yield element("footer", f"buildorch {version()}, {moment(report.made_at)}")


def _asset(name: str) -> str:
    return files("buildorch.report").joinpath(name).read_text("utf-8")
