"""Writes docs/performance.md and its plots from what was measured.

Prose between the two marks is the page's own: it is kept when the page is written anew.
"""

from __future__ import annotations

import math
from pathlib import Path

import attrs

from bench import record
from bench.plot import Bar, bars, shown
from bench.record import Entry, Record, RowRecord
from bench.registry import place
from bench.row import OURS

PAGE = Path(__file__).parents[1] / "docs/performance.md"
PLOTS = PAGE.with_suffix("")
_BEGIN, _END = "<!-- begin: where the time goes -->", "<!-- end: where the time goes -->"
_COMPARED = 2  # one bar says nothing
_PROSE = "## Where the time goes\n"

_HEAD = """\
# Performance

What an orchestrator costs beside the work itself, compared with its peers on one machine: the \
contenders of a row take turns; the figures are medians of their runs, and what those lay between. \
`nox -s bench` measures all of it again, installs the peers, and prints these tables; \
`-- --page` writes this page, `-- --rows chain,wide --times 1` is a quick look. It needs root, \
since the hosts are network and PID namespaces with an sshd each. The targets are for buildorch as \
it always works: each command detached from the connection, logged, and recorded before the next \
one begins. `nox -s guard` is the short form that every change has to pass: half a minute against \
plain ssh.

The plain figures are [here](performance/figures.json).
"""


def summary(told: Record) -> str:
    """Return one line for each row: its target, and whether it was met."""
    lines = ["| work | target | buildorch | |", "|---|---|---|---|"]
    for row in told.rows:
        met = "met" if row.met else "**missed**"
        lines.append(f"| {row.title} | {row.target} | {row.said} | {met} |")
    return "\n".join(lines) + "\n"


def machine(told: Record) -> str:
    """Return what it was measured on."""
    lines = [f"| {name} | {value} |" for name, value in told.machine.items()]
    return "\n".join(["| machine | |", "|---|---|", *lines, ""])


def section(row: RowRecord) -> str:
    """Return what is said of one row, without its plot."""
    headings = [*row.columns.values()]
    lines = [
        f"| | version | {' | '.join(headings)} | lost |",
        f"|---|---|{'---|' * (len(headings) + 1)}",
        *(_line(row, entry) for entry in row.entries),
    ]
    runs = max((len(entry.samples) for entry in row.entries), default=0)
    verdict = (
        f"Target: {row.target}. {'Met' if row.met else 'Missed'}: {row.said}. "
        f"Measured on {row.day}, up to {runs} runs each."
    )
    commands = "\n".join(f"{entry.name}: {entry.command}" for entry in row.entries)
    commands = f"nox -s bench -- --rows {row.name}\n\n{commands}"
    parts = [verdict, row.note, "\n".join(lines), f"```text\n{commands}\n```"]
    return "\n\n".join(part for part in parts if part) + "\n"


def _line(row: RowRecord, entry: Entry) -> str:
    figures = (_figure(entry, name) for name in row.columns)
    return f"| {entry.name} | {entry.version} | {' | '.join(figures)} | {_lost(entry)} |"


def _figure(entry: Entry, name: str) -> str:
    """Return the median, and what the runs lay between."""
    values = entry.taken.all_of(name)
    if not values:
        return ""
    median = shown(entry.taken.figure(name))
    if len(values) == 1:
        return median
    return f"{median} ({shown(min(values))} to {shown(max(values))})"


def _lost(entry: Entry) -> str:
    asked = max((sample.asked for sample in entry.samples), default=0)
    lost = f"{entry.taken.lost} of {asked}" if entry.samples else ""
    failed = f"{len(entry.errors)} runs failed" if entry.errors else ""
    return ", ".join(text for text in (lost, failed) if text)


def plot(row: RowRecord) -> str | None:
    """Return the picture of a row, or None where there is nothing to compare."""
    drawn = [
        Bar(entry.name, value, entry.name == OURS, entry.taken.lost)
        for entry in row.entries
        if math.isfinite(value := entry.taken.figure(row.bar))
    ]
    if len(drawn) < _COMPARED:
        return None
    title = row.title.replace("`", "")
    return bars(title, row.columns[row.bar], drawn, more_is_better=row.more_is_better)


def printed(told: Record) -> str:
    """Return all of it for a terminal."""
    sections = (f"{row.title}\n\n{section(row)}" for row in told.rows)
    return "\n".join([*sections, machine(told), summary(told)])


def write(now: Record) -> None:
    """Write the page, its plots and its figures; rows that were not measured now stay."""
    PLOTS.mkdir(exist_ok=True)
    figures = PLOTS / "figures.json"
    told = record.over(record.read(figures), now) if figures.exists() else now
    told = attrs.evolve(told, rows=tuple(sorted(told.rows, key=_place)))
    for old in PLOTS.glob("*.svg"):
        old.unlink()
    record.write(told, figures)
    sections = [_pictured(row) for row in told.rows]
    text = [_HEAD, summary(told), machine(told), f"{_BEGIN}\n\n{_kept()}\n{_END}\n", *sections]
    PAGE.write_text("\n".join(text), encoding="utf-8")


def _place(row: RowRecord) -> int:
    return place(row.name)


def _pictured(row: RowRecord) -> str:
    """Write the plot of a row; return its section, which shows it."""
    picture = plot(row)
    if picture is None:
        return f"## {row.title}\n\n{section(row)}"
    (PLOTS / f"{row.name}.svg").write_text(picture, encoding="utf-8")
    return f"## {row.title}\n\n![{row.title}](performance/{row.name}.svg)\n\n{section(row)}"


def _kept() -> str:
    """Return the prose that the page has now."""
    if not PAGE.exists():
        return _PROSE
    _, begin, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    return rest.partition(_END)[0].strip() + "\n" if begin else _PROSE
