"""A plan as a picture: plain text, Mermaid, Graphviz dot, or SVG drawn here."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from html import escape
from typing import Literal, TypeAlias

import attrs

from buildorch.errors import UsageError
from buildorch.model import Plan, PlannedStage
from buildorch.names import hint, quoted

Form: TypeAlias = Literal["text", "mermaid", "dot", "svg"]


def draw(plan: Plan, form: Form | str = "text") -> str:
    """Return *plan* as a picture.

    Args:
        plan: The plan.
        form: `text`, `mermaid`, `dot` or `svg`.

    Raises:
        UsageError: There is no such form.

    Example:
        >>> from buildorch.model import THIS_MACHINE
        >>> a = PlannedStage(name="a", index=0, servers=[THIS_MACHINE], command="true")
        >>> b = PlannedStage(name="b", index=1, servers=[THIS_MACHINE], command="true", after=["a"])
        >>> print(draw(Plan(name="p", stages=[a, b])))
        a (local)
          b (local) <- a
    """
    forms = {"text": _text, "mermaid": _mermaid, "dot": _dot, "svg": _svg}
    if form not in forms:
        raise UsageError(f"a plan cannot be drawn as {quoted(form)}{hint(form, forms)}")
    return forms[form](plan)


def levels(plan: Plan) -> Mapping[str, int]:
    """Return for each stage how many stages come before it on the longest way to it."""
    found: dict[str, int] = {}
    for stage in plan.stages:
        found[stage.name] = 1 + max((found[name] for name in stage.after), default=-1)
    return found


def _text(plan: Plan) -> str:
    depth = levels(plan)
    lines = []
    for stage in plan.stages:
        after = f" <- {', '.join(stage.after)}" if stage.after else ""
        lines.append(f"{'  ' * depth[stage.name]}{stage.name} ({stage.servers[0].name}){after}")
    return "\n".join(lines)


def _mermaid(plan: Plan) -> str:
    lines = ["flowchart LR"]
    for stage in plan.stages:
        label = "<br/>".join(_mermaid_text(text) for text in _label(stage))
        lines.append(f'  s{stage.index + 1}["{label}"]')
    lines += [f"  s{before + 1} --> s{after + 1}" for before, after in _edges(plan)]
    return "\n".join(lines)


def _mermaid_text(text: str) -> str:
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;")


def _dot(plan: Plan) -> str:
    lines = [f"digraph {_dot_text(plan.name)} {{", "  rankdir=LR; node [shape=box];"]
    for stage in plan.stages:
        label = "\\n".join(_dot_text(text)[1:-1] for text in _label(stage))
        lines.append(f'  s{stage.index + 1} [label="{label}"];')
    lines += [f"  s{before + 1} -> s{after + 1};" for before, after in _edges(plan)]
    return "\n".join([*lines, "}"])


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _label(stage: PlannedStage) -> tuple[str, str]:
    return stage.name, stage.servers[0].name


def _edges(plan: Plan) -> list[tuple[int, int]]:
    numbers = {stage.name: stage.index for stage in plan.stages}
    return [(numbers[name], stage.index) for stage in plan.stages for name in stage.after]


@attrs.frozen
class _Box:
    """A stage in a drawing; all lengths in pixels."""

    stage: PlannedStage
    left: int
    top: int
    width: int

    HEIGHT = 44

    @property
    def middle(self) -> int:
        """Its vertical middle."""
        return self.top + self.HEIGHT // 2

    def svg(self) -> str:
        """Return its rectangle and texts."""
        x, name, server = self.left + 10, *map(escape, _label(self.stage))
        return (
            f'<g><rect x="{self.left}" y="{self.top}" width="{self.width}" height="{self.HEIGHT}" '
            f'rx="6" fill="#f6f8fa" stroke="#57606a"/>'
            f'<text x="{x}" y="{self.top + 19}" fill="#1f2328">{name}</text>'
            f'<text x="{x}" y="{self.top + 35}" fill="#57606a" font-size="11">{server}</text></g>'
        )

    def arrow_to(self, other: _Box) -> str:
        """Return the line from the right side of this to the left side of *other*."""
        start, end = self.left + self.width, other.left - 6
        half = (start + end) // 2
        return (
            f'<path d="M{start} {self.middle} C{half} {self.middle} {half} {other.middle} '
            f'{end} {other.middle}" fill="none" stroke="#57606a" marker-end="url(#tip)"/>'
        )


_MARGIN, _GAP, _ROW = 12, 48, 60
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 6 6" refX="1" refY="3" markerWidth="6" markerHeight="6" '
    'orient="auto"><path d="M0 0L6 3L0 6z" fill="#57606a"/></marker></defs>'
)


def _svg(plan: Plan) -> str:
    boxes = _boxes(plan)
    width = max((box.left + box.width for box in boxes.values()), default=0) + _MARGIN
    height = max((box.top + box.HEIGHT for box in boxes.values()), default=0) + _MARGIN
    arrows = [
        boxes[name].arrow_to(boxes[stage.name]) for stage in plan.stages for name in stage.after
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13" role="img">'
    )
    title = f"<title>{escape(plan.title or plan.name)}</title>"
    return "\n".join([head, title, _TIP, *arrows, *(box.svg() for box in boxes.values()), "</svg>"])


def _boxes(plan: Plan) -> dict[str, _Box]:
    """Return the stages' boxes: a column for each level, as wide as its longest text."""
    depth = levels(plan)
    columns: dict[int, list[PlannedStage]] = {}
    for stage in sorted(plan.stages, key=lambda one: one.index):
        columns.setdefault(depth[stage.name], []).append(stage)
    boxes: dict[str, _Box] = {}
    left = _MARGIN
    for _, column in sorted(columns.items()):
        width = 20 + max(_pixels(text) for stage in column for text in _label(stage))
        for row, stage in enumerate(column):
            boxes[stage.name] = _Box(stage, left, _MARGIN + row * _ROW, width)
        left += width + _GAP
    return boxes


def _pixels(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return 8 * (len(text) + wide)
