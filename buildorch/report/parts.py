"""Pieces of the page that several sections have: signs, tables, links to stages."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from buildorch.report.element import Child, Html, element, joined
from buildorch.report.words import look, state_words
from buildorch.view import StageView

#: Signs by look, as paths in a square of 18: their shape tells them without colour.
_SIGNS = {
    "good": "M5 9.4l2.8 2.8L13.2 6",
    "kept": "M4.5 7.2h9M4.5 10.8h9",
    "bad": "M5.6 5.6l6.8 6.8M12.4 5.6l-6.8 6.8",
    "late": "M9 4.8V9l3 2.2",
    "infra": "M9 4.6v5.2M9 12.9v.2",
    "off": "M5.5 9h7",
    "stopped": "M6.5 6.5h5v5h-5z",
    "going": "M7 5.4L12.2 9 7 12.6z",
}


def signs() -> Html:
    """Return the drawings that `sign` refers to."""
    drawn = [
        element(
            "symbol",
            element("circle", cx=9, cy=9, r=8.5),
            element("path", d=path),
            id=f"sign-{name}",
            viewBox="0 0 18 18",
        )
        for name, path in _SIGNS.items()
    ]
    return element("svg", *drawn, class_="signs", aria_hidden="true", width=0, height=0)


def sign(state: str) -> Html:
    """Return the sign of a state or an end."""
    kind = look(state)
    use = element("use", href=f"#sign-{kind}")
    return element("svg", use, class_=f"sign {kind}", viewBox="0 0 18 18", aria_hidden="true")


def stage_link(stage: StageView) -> Html:
    """Return a link to what is told of a stage."""
    return element("a", stage.name, href=f"#stage-{stage.stage.index + 1}")


def said(state: str) -> Html:
    """Return a state or an end in words, with its sign."""
    words = element("span", state_words(state))
    return element("span", sign(state), words, class_=f"outcome {look(state)}")


def table(heads: Sequence[str], rows: Iterable[Sequence[Child]], **attributes: str) -> Html:
    """Return a table; heads that begin with `#` are of columns with numbers."""
    kinds = ["number" if head.startswith("#") else None for head in heads]
    titles = [
        element("th", head.lstrip("#"), scope="col", class_=kind)
        for head, kind in zip(heads, kinds, strict=True)
    ]
    body = [
        element(
            "tr",
            *(element("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True)),
        )
        for row in rows
    ]
    made = element(
        "table", element("thead", element("tr", *titles)), element("tbody", *body), **attributes
    )
    return element("div", made, class_="scroll")


def pairs(items: Iterable[tuple[str, Child]]) -> Html:
    """Return names with their values; those without one are left out."""
    shown = [joined([element("dt", name), element("dd", told)]) for name, told in items if told]
    return element("dl", *shown) if shown else Html("")


def section(name: str, title: str, *children: Child) -> Html:
    """Return a section of the page."""
    return element("section", element("h2", title), *children, id=name)


def code(text: str) -> Html:
    """Return a command that one may type."""
    return element("code", text)


def file_link(path: Path, home: Path | None, name: str | None = None) -> Html:
    """Return a link to a file below *home*, the folder of the page; elsewhere only its name."""
    if home is not None and path.is_relative_to(home):
        where = path.relative_to(home)
        return element("a", name or str(where), href=quote(os.fsencode(where)))
    return code(name or str(path))
