"""What a run came to, and how it stands, as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs

from buildorch.model import RunStatus, StageStatus
from buildorch.observers.layout import render
from buildorch.observers.look import Look, width_of
from buildorch.observers.progress import StageProgress
from buildorch.observers.rows import reason, server_of, state_word, told
from buildorch.view import RunView, StageView

#: Ends after which a stage's log is worth a look.
_BAD = frozenset(
    {StageStatus.FAILED, StageStatus.TIMED_OUT, StageStatus.LOST, StageStatus.NO_SPACE}
)

_HEADLINES = {
    RunStatus.SUCCEEDED: "succeeded",
    RunStatus.FAILED: "FAILED",
    RunStatus.CANCELLED: "cancelled",
    None: "not over: its controller has left, builds on the servers go on",
}


def summary(view: RunView, look: Look | None = None) -> str:
    """Return what a run came to: a line a stage, the results folder, and what to do now.

    Args:
        view: The run.
        look: What the terminal can show.

    Returns:
        Lines, each with its end.
    """
    shown = look or Look()
    return "".join(f"{line}\n" for line in _summary(view, shown))


def _summary(view: RunView, look: Look) -> Iterator[str]:
    took = f" in {look.time(view.seconds)}" if view.status is not None else ""
    title, run = look.clean(view.title), look.clean(view.run)
    yield f"{title} {_HEADLINES.get(view.status, view.status)}{took}, run {run}"
    stages = list(view.stages.values())
    rows = _table([_row(stage, look) for stage in stages], look)
    indent = " " * (len("    ") + len(str(len(stages))))
    for stage, row in zip(stages, rows, strict=True):
        yield row
        yield from (f"{indent}{text}" for text in _details(stage, look) if text)
    for due, answer in view.untold:
        yield f"Not told: {look.clean(due.channel)} ({look.clean(answer.message)})"
    yield f"Results: {look.clean(view.results)}"
    for stage in view.stages.values():
        if stage.status in _BAD:
            yield f"Log:     buildorch logs {run} {look.clean(stage.name)}"
    yield from _commands(view, run)


def _commands(view: RunView, run: str) -> Iterator[str]:
    if view.status is None:
        yield f"Resume:  buildorch resume {run}"
        yield f"Cancel:  buildorch cancel {run}"
    elif view.status is not RunStatus.SUCCEEDED:
        yield f"Retry:   buildorch retry {run}"


def _row(stage: StageView, look: Look) -> list[str]:
    word = state_word(stage)[0]
    server = look.clean(server_of(stage)) if stage.history else ""
    notes = ", ".join(note for note in _notes(stage, look) if note)
    number = str(stage.stage.index + 1)
    return [number, look.clean(stage.name), word, look.time(stage.seconds), server, notes]


def _notes(stage: StageView, look: Look) -> Iterator[str]:
    finished = stage.finished
    if finished is None:
        return
    yield "allowed to fail" if stage.allowed else ""
    yield "recovered" if stage.recovered else ""
    yield reason(stage, look) if finished.status is not StageStatus.SUCCEEDED else ""
    yield _counted(finished.warnings, "warning")
    yield "log incomplete" if not finished.log_complete else ""


def _details(stage: StageView, look: Look) -> Iterator[str]:
    """Yield the lines below the row of a stage."""
    if stage.recovered:
        yield told(stage, look)
    if stage.finished is not None:
        yield look.clean(stage.finished.warning)
        yield look.clean(stage.finished.first_error)
    for server, job in sorted(stage.orphans):
        yield f"job {look.clean(job)} may still run on {look.clean(server)}"


def _counted(count: int, word: str) -> str:
    return "" if not count else f"{count} {word}{'' if count == 1 else 's'}"


def _table(rows: Iterable[list[str]], look: Look) -> Iterator[str]:
    """Yield the rows with their columns aligned; the last one is as long as it is."""
    lines = list(rows)
    widths = [max(map(width_of, column)) for column in zip(*lines, strict=True)]
    for row in lines:
        cells = [look.fit(cell, width) for cell, width in zip(row, widths, strict=True)]
        yield ("  " + "  ".join((*cells[:-1], row[-1]))).rstrip()


def status_text(
    view: RunView,
    *,
    alive: bool,
    now: float,
    progress: Mapping[str, StageProgress] | None = None,
    ordered: bool = False,
    look: Look | None = None,
    width: int = 80,
) -> str:
    """Return how a run stands, for `buildorch status RUN`.

    Args:
        view: The run.
        alive: Whether a controller drives it right now.
        now: Unix time.
        progress: What is known of its stages beside the events, by name.
        ordered: Whether a cancel is ordered that no controller has seen.
        look: What the terminal can show.
        width: Columns of the terminal.

    Returns:
        Lines, each with its end: the board of a run that is driven, the last facts with their
        age of one that is interrupted, the summary of one that is over.
    """
    shown = look or Look()
    if view.status is not None:
        ended = view.finished_at or now
        return f"{summary(view, shown)}Ended {_ago(ended, now, shown)}\n"
    at = now if alive else view.updated_at
    known = dict(progress or {}) if alive else _without_estimates(progress or {})
    board = [line.text for line in render(view, known, at, width, None, look=shown)]
    facts = _driven(view, shown) if alive else _interrupted(view, now, shown, ordered=ordered)
    return "".join(f"{line}\n" for line in (*board, *facts))


def _without_estimates(progress: Mapping[str, StageProgress]) -> dict[str, StageProgress]:
    return {name: attrs.evolve(one, eta=None) for name, one in progress.items()}


def _driven(view: RunView, look: Look) -> Iterator[str]:
    if view.controller is not None:
        pid, host = view.controller
        yield f"Driven by process {pid} on {look.clean(host)}"
    yield from _orphans(view, look)
    if view.orphans:
        yield f"Abandon: buildorch cancel {look.clean(view.run)} --abandon"


def _orphans(view: RunView, look: Look) -> Iterator[str]:
    for orphan in view.orphans:
        server, job = look.clean(orphan.server), look.clean(orphan.job)
        yield f"Waits for {server} to confirm that job {job} is dead"


def _interrupted(view: RunView, now: float, look: Look, *, ordered: bool) -> Iterator[str]:
    left = f" ({look.clean(view.detached)})" if view.detached else ""
    jobs = "builds on the servers go on"
    if ordered or view.cancel_requested is not None:
        jobs = "the kill of its builds is ordered, and not all of it is confirmed"
    yield f"INTERRUPTED{left}: nobody drives this run; {jobs}."
    yield f"The facts above are from {_ago(view.updated_at, now, look)}."
    yield from _orphans(view, look)
    yield from _commands(view, look.clean(view.run))
    if view.orphans:
        yield f"Abandon: buildorch cancel {look.clean(view.run)} --abandon"


def _ago(at: float, now: float, look: Look) -> str:
    return f"{look.clock(at, now)} ({look.time(now - at)} ago)"
