"""Draws bars as SVG, from figures alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import attrs

_WIDTH, _LABELS, _VALUES = 760, 190, 150
_BAR, _STEP, _TOP = 18, 26, 44
_OURS, _OTHER, _LOSING = "#1f6feb", "#8c959f", "#d4a72c"
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" \
font-family="sans-serif" font-size="13">
<rect width="{width}" height="{height}" fill="white"/>"""
#: Figures further apart than this are drawn on a logarithmic scale.
_FAR_APART = 60


@attrs.frozen
class Bar:
    """One bar.

    Attributes:
        label: Who.
        value: How much.
        ours: Whether it is ours.
        lost: How many pieces of work were lost.
    """

    label: str
    value: float
    ours: bool = False
    lost: int = 0

    @property
    def color(self) -> str:
        """What it is drawn in: a contender that loses work is no match."""
        if self.ours:
            return _OURS
        return _LOSING if self.lost else _OTHER


def bars(title: str, heading: str, drawn: Sequence[Bar], *, more_is_better: bool = False) -> str:
    """Return a picture of the bars, the best first.

    Args:
        title: What is compared.
        heading: What the bars show, with its unit.
        drawn: The bars.
        more_is_better: Whether the largest is the best.
    """
    ordered = sorted(drawn, key=lambda bar: bar.value, reverse=more_is_better)
    lowest, *_, highest = sorted(bar.value for bar in ordered)
    far = lowest > 0 and highest / lowest > _FAR_APART
    height = _TOP + _STEP * len(ordered) + 10
    scale = ", logarithmic scale" if far else ""
    below = f"{heading}{scale}; {'more' if more_is_better else 'less'} is better"
    lines = [
        _SVG.format(width=_WIDTH, height=height),
        f'<text x="8" y="18" font-weight="bold">{escape(title)}</text>',
        f'<text x="8" y="35" font-size="11" fill="#57606a">{escape(below)}</text>',
    ]
    for number, bar in enumerate(ordered):
        share = _share(bar.value, lowest, highest, far=far)
        lines += _drawn(bar, _TOP + _STEP * number, share * (_WIDTH - _LABELS - _VALUES))
    return "\n".join([*lines, "</svg>", ""])


def _share(value: float, lowest: float, highest: float, *, far: bool) -> float:
    """Return the length of a bar, of the longest."""
    if not far:
        return value / highest if highest else 0.0
    floor = lowest / 2
    return math.log(value / floor) / math.log(highest / floor)


def _drawn(bar: Bar, top: float, length: float) -> list[str]:
    weight = ' font-weight="bold"' if bar.ours else ""
    text = f'y="{top + _BAR - 5}"{weight}'
    size = f'width="{max(length, 1):.1f}" height="{_BAR}"'
    value = f"{shown(bar.value)}, {bar.lost} lost" if bar.lost else shown(bar.value)
    return [
        f'<text x="{_LABELS - 8}" text-anchor="end" {text}>{escape(bar.label)}</text>',
        f'<rect x="{_LABELS}" y="{top}" {size} fill="{bar.color}"/>',
        f'<text x="{_LABELS + length + 6:.1f}" {text}>{value}</text>',
    ]


def shown(value: float) -> str:
    """Return a figure with three digits that say something.

    >>> [shown(value) for value in (0.01234, 5.678, 12, 1234.5, 29_800.0)]
    ['0.0123', '5.68', '12', '1,234', '29,800']
    """
    if not math.isfinite(value):
        return "none"
    if value == int(value):
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{digits}f}"
