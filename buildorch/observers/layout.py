"""The whole board as lines: pure, so that tests compare boards as text.

`render` fits any width and height: it leaves out columns as the width shrinks, and stages that
matter least as the height does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from buildorch.model import RunStatus, StageStatus
from buildorch.observers.columns import Columns
from buildorch.observers.look import Look, width_of
from buildorch.observers.progress import NO_PROGRESS, StageProgress, time_left, totals
from buildorch.observers.rows import Line, Rows, server_of, state_word
from buildorch.view import RunView, StageView

#: Rows that are left for stages below this height are worth more than rules and hints.
_LOW = 10

#: A title is cut down to this many columns before the run's id is left out.
_SHORTEST_TITLE = 12


def render(
    view: RunView,
    progress: Mapping[str, StageProgress],
    now: float,
    width: int,
    height: int | None,
    *,
    look: Look,
    hint: str = "",
) -> list[Line]:
    """Return the board of a run.

    Args:
        view: The run.
        progress: What is known of its stages beside the events, by name.
        now: Unix time.
        width: Columns; no line is wider.
        height: Lines at most; None is without limit.
        look: What the terminal can show.
        hint: What a person can press, at the bottom.

    Returns:
        At least one line, at most *height*.
    """
    rule = Line(((look.rule * width, "dim"),))
    low = height is not None and height < _LOW
    head = [_title(view, now, width, look)] + ([] if low else [rule])
    foot = [] if low else [rule]
    foot += [_totals(view, progress, now, width, look)]
    foot += [] if low else _hints(view, hint, width, look)
    pairs = _pairs(view, progress, now, width, look)
    if height is None:
        return head + _all(pairs) + foot
    rows = max(0, height - len(head) - len(foot))
    return (head + _fold(pairs, rows, width, look) + foot)[: max(1, height)]


@attrs.frozen
class _Pair:
    """The lines of one stage."""

    stage: StageView
    first: Line
    second: Line | None


def _pairs(
    view: RunView, progress: Mapping[str, StageProgress], now: float, width: int, look: Look
) -> list[_Pair]:
    stages = list(view.stages.values())
    names = [look.clean(stage.name) for stage in stages]
    servers = [look.clean(server_of(stage)) for stage in stages]
    rows = Rows(view, now, Columns.of(names, servers, width), look)
    return [
        _Pair(stage, *rows.lines(stage, progress.get(stage.name, NO_PROGRESS))) for stage in stages
    ]


def _all(pairs: Iterable[_Pair]) -> list[Line]:
    return [line for pair in pairs for line in (pair.first, pair.second) if line is not None]


#: What matters most has the lowest rank; a stage without a rank is at work.
_RANKS = {
    "connecting": 1,
    "backoff": 1,
    "queued": 4,
    "waiting": 5,
    StageStatus.CANCELLED: 6,
    StageStatus.SUCCEEDED: 7,
    StageStatus.UP_TO_DATE: 7,
    StageStatus.SKIPPED: 8,
}
_RECOVERED, _LIVE = 2, 2


def _rank(pair: _Pair) -> int:
    return _RECOVERED if pair.stage.recovered else _RANKS.get(pair.stage.state, 0)


def _fold(pairs: Sequence[_Pair], rows: int, width: int, look: Look) -> list[Line]:
    """Return at most *rows* lines: what matters most, in the stages' order; the rest counted."""
    if len(_all(pairs)) <= rows:
        return _all(pairs)
    fits = len(pairs) <= rows
    kept = _grants(pairs, fits=fits)[: rows if fits else max(0, rows - 1)]
    lines = [line for _, _, line in sorted(kept, key=lambda grant: grant[:2])]
    shown = {index for index, _, _ in kept}
    hidden = [pair.stage for pair in pairs if pair.stage.stage.index not in shown]
    return lines + ([_rest(hidden, width, look)] if hidden and rows else [])


def _grants(pairs: Sequence[_Pair], *, fits: bool) -> list[tuple[int, int, Line]]:
    """Return (stage, 0 or 1, line) in the order in which lines get their place.

    A live stage's second line comes before any other stage, unless every stage *fits*.
    """
    ranked = sorted(pairs, key=_rank)
    live = [pair for pair in ranked if _rank(pair) <= _LIVE]
    rest = ranked[len(live) :]
    firsts, seconds = _firsts(live), _seconds(live)
    others = _firsts(rest)
    middle = others + seconds if fits else seconds + others
    return firsts + middle + _seconds(rest)


def _firsts(pairs: Iterable[_Pair]) -> list[tuple[int, int, Line]]:
    return [(pair.stage.stage.index, 0, pair.first) for pair in pairs]


def _seconds(pairs: Iterable[_Pair]) -> list[tuple[int, int, Line]]:
    found = [(pair.stage.stage.index, pair.second) for pair in pairs]
    return [(index, 1, line) for index, line in found if line is not None]


def _rest(hidden: Iterable[StageView], width: int, look: Look) -> Line:
    """Return the line that counts the stages that have no line: `+12 done  +3 waiting`."""
    counts = Counter(state_word(stage)[0] for stage in hidden)
    text = "  ".join(f"+{count} {word}" for word, count in counts.items())
    return Line(((look.fit(text, width).rstrip(), "dim"),))


def _title(view: RunView, now: float, width: int, look: Look) -> Line:
    run, by = f"  run {look.clean(view.run)}", f"  by {look.clean(view.by)}"
    clock = f"  {look.clock(now)}"
    title = look.clean(view.title)
    for rest in (run + by + clock, run + clock, run, clock, ""):
        room = width - width_of(rest)
        if room >= min(width_of(title), _SHORTEST_TITLE):
            break
    return Line(((look.fit(title, min(room, width_of(title))), "title"), (rest, "dim")))


def _totals(
    view: RunView, progress: Mapping[str, StageProgress], now: float, width: int, look: Look
) -> Line:
    found = totals(view, progress)
    count = found.errors + found.recovered
    recovered = " (recovered)" if not found.errors else f" ({found.recovered} recovered)"
    known = [
        *_urgent(view, look),
        (f"Errors: {count}{recovered if found.recovered else ''}", "bad" if found.errors else ""),
        (f"Warnings: {found.warnings}", "warn" if found.warnings else ""),
    ]
    whole = [*known, *_end(view, progress, now, look)]
    line = _joined(whole, width, look)
    if len(line.spans) == len(whole):
        return line
    return _joined([*known, *_end(view, progress, now, look, spread=False)], width, look)


def _end(
    view: RunView,
    progress: Mapping[str, StageProgress],
    now: float,
    look: Look,
    *,
    spread: bool = True,
) -> Iterator[tuple[str, str]]:
    """Yield when it will be over, with how far that may be wrong, or how it was."""
    if view.status is not None:
        good = view.status is RunStatus.SUCCEEDED
        yield f"{view.status.value} in {look.time(view.seconds)}", "good" if good else "bad"
        return
    if view.cancel_requested is not None:
        if view.orphans:
            yield f"asked by {look.clean(view.cancel_requested)}", "warn"
        return
    left = time_left(view, progress)
    if left is not None and left.seconds >= 1:
        wrong = left.spread if spread and left.spread is not None and left.spread >= 1 else None
        about = "" if wrong is None else f", give or take {look.time(wrong)}"
        at = look.clock(now + left.seconds, now)
        yield f"ETA: {look.time(left.seconds)} ({at}{about})", ""


def _urgent(view: RunView, look: Look) -> Iterator[tuple[str, str]]:
    """Yield what is cut last: that a run is being cancelled, and for which servers it waits."""
    if view.status is not None:
        return
    if not view.orphans:
        if view.cancel_requested is not None:
            yield f"Cancelling, asked by {look.clean(view.cancel_requested)}", "warn"
        return
    where = ", ".join(sorted({look.clean(one.server) for one in view.orphans}))
    count = len(view.orphans)
    if any(stage.finished is None for stage in view.stages.values()):
        text = f"{'A job' if count == 1 else f'{count} jobs'} may still run on {where}"
    else:
        jobs = "a job is" if count == 1 else f"{count} jobs are"
        text = f"Waiting for {where} to confirm that {jobs} dead"
    if view.cancel_requested is not None:
        text = f"Cancelling: {text[0].lower()}{text[1:]}"
    yield text, "warn"


def _joined(parts: Iterable[tuple[str, str]], width: int, look: Look) -> Line:
    """Return the parts with two blanks between them, as many as fit; the first is cut."""
    spans: list[tuple[str, str]] = []
    for text, style in parts:
        gap = "  " if spans else ""
        if spans and width_of(gap + text) > width:
            break
        shown = gap + (text if width_of(text) <= width else look.fit(text, width))
        width -= width_of(shown)
        spans.append((shown, style))
    return Line(tuple(spans))


def _hints(view: RunView, hint: str, width: int, look: Look) -> list[Line]:
    text = hint if view.status is None else ""
    return [Line(((look.fit(text, width).rstrip(), "dim"),))] if text else []
