"""The graph of a run: its stages as boxes that lead to what is told of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from buildorch.report.element import Html, element, joined
from buildorch.report.facts import Report
from buildorch.report.layout import BOX, Layout, Place, fitting, lay_out
from buildorch.report.words import look, outcome, took
from buildorch.view import StageView

_ROUND = 8
_SMALLEST = 0.72


def graph(report: Report) -> Html:
    """Return the drawing of a run's plan, coloured by what came of it."""
    texts = {stage.name: (stage.name, _below(stage)) for stage in report.stages}
    layout = lay_out(report.view.plan, texts)
    critical = list(report.critical)
    held = set(itertools.pairwise(critical))
    edges = sorted(layout.edges, key=lambda edge: edge in held)  # those on the path on top
    return element(
        "svg",
        element("title", f"The stages of {report.view.title}, and what each waits for"),
        *(_edge(layout.edges[edge], on_path=edge in held) for edge in edges),
        *(_box(report, stage, layout) for stage in report.stages),
        class_="graph",
        role="img",
        viewBox=f"0 0 {layout.width:g} {layout.height:g}",
        width=f"{layout.width:g}",
        height=f"{layout.height:g}",
        # Made smaller to fit, as far as its texts can be read; from there on it is scrolled.
        style=f"min-width:{_SMALLEST * layout.width:.0f}px",
    )


def _below(stage: StageView) -> str:
    server = stage.server or stage.stage.servers[0].name
    return " · ".join(part for part in (took(stage.seconds), server) if part)


def _box(report: Report, stage: StageView, layout: Layout) -> Html:
    place = layout.boxes[stage.name]
    top, number = place.middle - BOX / 2, stage.stage.index + 1
    shape = element(
        "rect", x=_px(place.left), y=_px(top), width=_px(place.width), height=BOX, rx=_ROUND
    )
    sign = element(
        "use",
        href=f"#sign-{look(stage.state)}",
        x=_px(place.left + 12),
        y=_px(place.middle - 9),
        width=18,
        height=18,
    )
    lines = (
        _text(place, -5, fitting(stage.name, place.width), "name"),
        _text(place, 13, fitting(_below(stage), place.width), "below"),
    )
    said = element("title", f"{number}. {stage.name}: {outcome(stage)}")
    path = " critical" if stage.name in report.critical else ""
    return element(
        "a",
        said,
        shape,
        sign,
        *lines,
        href=f"#stage-{number}",
        class_=f"node {look(stage.state)}{path}",
    )


def _text(place: Place, below: float, text: str, kind: str) -> Html:
    return element(
        "text", text, x=_px(place.left + 38), y=_px(place.middle + below + 2), class_=kind
    )


def _edge(way: Sequence[Place], *, on_path: bool) -> Html:
    first, last = way[0], way[-1]
    parts = [f"M{_px(first.right)} {_px(first.middle)}"]
    x, y = first.right, first.middle
    for place in way[1:]:
        end = place.left - (5 if place is last else 0)
        half = (x + end) / 2
        parts.append(
            f"C{_px(half)} {_px(y)} {_px(half)} {_px(place.middle)} {_px(end)} {_px(place.middle)}"
        )
        if place is not last:
            parts.append(f"H{_px(place.right)}")
        x, y = place.right, place.middle
    back, tip = _px(last.left - 7), _px(last.left - 1)
    high, low = _px(last.middle - 4), _px(last.middle + 4)
    arrow = f"M{back} {high}L{tip} {_px(last.middle)}L{back} {low}z"
    path = " critical" if on_path else ""
    line = element("path", d="".join(parts), class_=f"edge{path}")
    return joined([line, element("path", d=arrow, class_=f"tip{path}")])


def _px(length: float) -> str:
    return f"{length:.1f}".removesuffix(".0")
