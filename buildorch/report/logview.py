"""A log on the page: the neighbourhood of its errors, and all of it behind a click."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from buildorch.report.element import Html, element, html, joined
from buildorch.report.logs import Log, Shown
from buildorch.report.parts import file_link
from buildorch.report.words import counted, size

#: Lines and bytes of a log that stands on the page as it is; of others only the end does.
_SMALL_LINES, _SMALL_BYTES, _END = 400, 48_000, 200

#: Characters of a line that are shown.
_WIDE = 2000


def neighbourhoods(log: Log) -> Html:
    """Return the lines around the first errors of a log; those of the others behind a click."""
    groups = log.neighbourhoods()
    first = log.says.first_error
    if first is None:
        return Html("")
    main = next((one for one in groups if one[0].number <= first.line <= one[-1].number), [])
    others = [lines(one) for one in groups if one is not main]
    shown = lines(main) if main else None
    if not others:
        return joined([shown])
    summary = element("summary", element("span", "More errors", class_="verb"))
    return joined([shown, element("details", summary, *others, class_="whole more")])


def last_lines(log: Log, count: int = 12) -> Html:
    """Return the end of a log, where nothing in it was recognised as an error."""
    shown = log.end(count)
    return lines(shown) if shown else Html("")


def lines(shown: Iterable[Shown]) -> Html:
    """Return lines of a log with their numbers."""
    return element("div", element("pre", *map(_line, shown)), class_="lines")


def _line(line: Shown) -> Html:
    text = line.text if len(line.text) <= _WIDE else f"{line.text[:_WIDE]}…"
    number = element("span", str(line.number), class_="n")
    return element("span", number, f"{text}\n", class_="error" if line.error else None)


def whole(log: Log, name: str, home: Path | None) -> Html:
    """Return the log behind a click: searched and scrolled where scripts run.

    Args:
        log: The log.
        name: What its pieces are called.
        home: The folder of the page, for a link to the file; None where the page moves.
    """
    small = log.says.lines <= _SMALL_LINES and log.size <= _SMALL_BYTES
    shown = log.beginning(_SMALL_LINES) if small else log.end(_END)
    note = None
    if not small:
        note = element(
            "p",
            f"The last {len(shown)} lines; to search all of them here, allow scripts.",
            class_="note",
        )
    told = [counted(log.says.lines, "line"), size(log.size)]
    told += [counted(log.says.errors, "error")] if log.says.errors else []
    told += [counted(log.says.warnings, "warning")] if log.says.warnings else []
    if not log.whole:
        told.append("its middle is left out here")
    summary = element(
        "summary", element("span", "Log", class_="verb"), element("span", ", ".join(told))
    )
    place = element("p", "File: ", file_link(log.path, home), class_="note")
    viewer = element(
        "div",
        note,
        lines(shown),
        class_="viewer",
        data_log=name,
        data_errors=_numbers(log.marks.errors),
        data_warnings=_numbers(log.marks.warnings),
    )
    return element("details", summary, viewer, place, class_="whole")


def _numbers(marks: Iterable[int]) -> str:
    return ",".join(map(str, sorted(marks)))


def pieces(log: Log, name: str) -> Iterator[str]:
    """Yield the text of a log for the page's script; nothing where it is gone by now."""
    try:
        for piece in log.pieces():
            yield element(
                "script",
                html(piece.packed),
                type="text/plain",
                data_piece=name,
                data_first=piece.first,
                data_lines=piece.lines,
            )
    except OSError:
        return
