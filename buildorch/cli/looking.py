"""Commands that look at runs: status and history."""

from __future__ import annotations

import json as jsonlib
import shutil
import sys
import time
from typing import Any

from buildorch import settings
from buildorch.cli.command import CONFIG, RUN, command
from buildorch.cli.parsing import whole_number
from buildorch.observers.look import Look, wants_board
from buildorch.store.codec import line, timestamp
from buildorch.store.ownership import holder
from buildorch.store.places import Places
from buildorch.store.rows import RunRow
from buildorch.view import run_finished_line
from buildorch.watched import Watched


@command(
    positional=["run"],
    help={
        "run": RUN,
        "follow": "go on until it has ended, also where no board can be drawn",
        "once": "draw no live board",
        "json": "write one JSON object; with --follow one event a line",
        "config": CONFIG,
    },
)
def status(
    run: str = "last",
    follow: bool = False,
    once: bool = False,
    json: bool = False,
    config: str | None = None,
) -> int:
    """Show a run, live or past, from any terminal; Ctrl-C leaves only the view.

    On a terminal a run that is under way is shown on a live board until it has ended.
    """
    with settings.history(settings.Options(config=config)) as (places, store):
        watched = Watched(places, store, store.find(run))
        if follow and json:
            _follow_json(watched)
        elif json:
            print(jsonlib.dumps(_line(watched)))
        elif not once and wants_board(sys.stdout) and watched.catch_up():
            _watch_board(Watched(places, store, watched.view.run))
        elif follow:
            _follow_lines(watched)
        else:
            print(_text(watched), end="")
    return 0


def _line(watched: Watched) -> dict[str, Any]:
    """Return the JSON of a run: as the last line of `run --json`, with what is so now."""
    running = watched.catch_up()
    known = run_finished_line(watched.view, time.time() if running else None)
    del known["event"]  # it is no event, and the run may not have ended
    if not watched.over:
        known["exit_code"] = None
    if running:
        known["status"] = "running"
        known |= _how_far(watched, known["stages"])
    return {**known, "running": running}


def _how_far(watched: Watched, stages: dict[str, Any]) -> dict[str, Any]:
    """Return when a run that is under way is done, and tell it to its stages; null: not known."""
    from buildorch.observers.progress import time_left  # noqa: PLC0415 - only for a live run

    progress = watched.progress().all()
    for name, now in progress.items():
        over = watched.view.stages[name].finished is not None
        stages[name] |= {
            "progress": None if over else now.percent,
            "eta": None if over or now.eta is None else round(now.eta, 1),
        }
    left = time_left(watched.view, progress)
    spread = left.spread if left is not None else None
    return {
        "eta": None if left is None else round(left.seconds, 1),
        "eta_spread": None if spread is None else round(spread, 1),
    }


def _text(watched: Watched) -> str:
    from buildorch.observers.summary import status_text  # noqa: PLC0415 - only where it is shown

    alive = watched.catch_up()
    wide = sys.stdout is not None and sys.stdout.isatty()
    return status_text(
        watched.view,
        alive=alive,
        now=time.time(),
        progress=None if watched.over else watched.progress().all(),
        ordered=watched.cancel_ordered,
        look=Look.of(sys.stdout),
        width=shutil.get_terminal_size().columns if wide else 80,
    )


def _follow_json(watched: Watched) -> None:
    from buildorch.cli.watching import watch  # noqa: PLC0415 - only where a run is followed
    from buildorch.observers.jsonlines import JsonLines  # noqa: PLC0415 - likewise

    watch(watched, JsonLines(sys.stdout, line))


def _follow_lines(watched: Watched) -> None:
    from buildorch.cli.watching import watch  # noqa: PLC0415 - only where a run is followed
    from buildorch.observers.lines import Lines  # noqa: PLC0415 - likewise

    watch(watched, Lines(sys.stdout))


def _watch_board(watched: Watched) -> None:
    from buildorch.cli.watching import watch  # noqa: PLC0415 - only where a run is followed
    from buildorch.observers.board import Board  # noqa: PLC0415 - likewise

    progress = watched.progress()
    board = Board(sys.stdout, progress=progress.of, hint="Ctrl-C leaves this view; the run goes on")
    if not watch(watched, board):
        print(f"run {watched.view.run} goes on; `buildorch status` shows it again", file=sys.stderr)


@command(
    help={
        "limit": "how many runs",
        "pipeline": "only runs of this pipeline",
        "json": "write one JSON object a run",
        "config": CONFIG,
    }
)
def history(
    limit: str = "20",
    pipeline: str | None = None,
    json: bool = False,
    config: str | None = None,
) -> int:
    """List the newest runs."""
    count = whole_number("--limit", limit)
    with settings.history(settings.Options(config=config)) as (places, store):
        rows = store.runs(count, pipeline)
        shown = [(row, _standing(places, row)) for row in rows]
    if json:
        for row, standing in shown:
            print(jsonlib.dumps(_history_line(row, standing)))
        return 0
    look, now = Look.of(sys.stdout), time.time()
    width = max((len(row.short) for row in rows), default=0)
    for row, standing in shown:
        print(f"{row.short:<{width}}  {_history_text(row, standing, look, now)}")
    if not shown:
        print("no runs yet; `buildorch demo` makes one", file=sys.stderr)
    return 0


def _history_line(row: RunRow, standing: str) -> dict[str, Any]:
    return {
        "run": row.run,
        "short": row.short,
        "pipeline": row.pipeline,
        "status": standing,
        "created": timestamp(row.created),
        "finished": timestamp(row.finished) if row.finished is not None else None,
        "by": row.by,
        "parent": row.parent,
        "results": row.results,
    }


def _history_text(row: RunRow, standing: str, look: Look, now: float) -> str:
    when = look.clock(row.created, now)
    took = look.time(row.finished - row.created) if row.finished is not None else ""
    again = f", retry of {look.clean(row.parent)}" if row.parent else ""
    what = f"{look.clean(row.pipeline)}  by {look.clean(row.by)}{again}"
    return f"{when:>16}  {standing:<11}  {took:>9}  {what}  {row.run}"


def _standing(places: Places, row: RunRow) -> str:
    if row.status is not None:
        return row.status.value
    return "running" if holder(places, row.run) is not None else "interrupted"
