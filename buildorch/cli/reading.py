"""Commands that read logs: logs and analyze."""

from __future__ import annotations

import itertools
import json as jsonlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from buildorch.analysis import Analysis, Analyzer, Legible, alert, analyze_file, readable, tail
from buildorch.analysis.rules import TOOLS
from buildorch.cli.command import CONFIG, RUN, command
from buildorch.cli.parsing import whole_number
from buildorch.errors import RunNotFound, UsageError
from buildorch.names import hint, shown_name
from buildorch.settings import Options, history
from buildorch.store.database import Store
from buildorch.store.ids import LAST
from buildorch.view import RunView, StageView
from buildorch.view.outcome import DETACHED
from buildorch.watched import INTERVAL, Watched

_PIECE = 1 << 16

#: Lines that are shown before and after the first error.
_AROUND = 5

#: Stands for standard input.
_STDIN = "-"


@command(
    positional=["run", "stage"],
    help={
        "run": RUN,
        "stage": "name of the stage; may be left out where the run has one",
        "follow": "go on until the stage has ended",
        "attempt": "number of the attempt; else the newest is shown, with --follow from it on",
        "errors": "show only the first error and its neighbourhood",
        "config": CONFIG,
    },
)
def logs(
    run: str = "last",
    stage: str | None = None,
    follow: bool = False,
    attempt: str | None = None,
    errors: bool = False,
    config: str | None = None,
) -> int:
    """Print the log of a stage; Ctrl-C leaves only the view.

    Byte for byte into a file or a pipe; on a terminal without what could do something to it.
    """
    number = whole_number("--attempt", attempt) if attempt is not None else None
    with history(Options(config=config)) as (places, store):
        watched = Watched(places, store, _found(store, run, stage))
        watched.catch_up()
        shown = _stage(watched.view, stage)
        if errors:
            print(_neighbourhood(_log(watched.view, shown, number)), end="")
        elif follow:
            return _follow(watched, shown, number)
        else:
            write = _Writer()
            for piece in _pieces(_log(watched.view, shown, number), 0):
                write.piece(piece)
            write.end()
    return 0


def _found(store: Store, run: str, stage: str | None) -> str:
    """Return the id of *run*; a stage's name in its place is the likeliest slip."""
    try:
        return store.find(run)
    except RunNotFound as error:
        if stage is not None or run == LAST:
            raise
        raise RunNotFound(
            f"{error}; for a stage of the newest run write `buildorch logs last {run}`"
        ) from error


def _stage(view: RunView, name: str | None) -> StageView:
    names = list(view.stages)
    if name is None and len(names) > 1:
        raise UsageError(f"run {view.run} has {len(names)} stages; name one: {', '.join(names)}")
    name = names[0] if name is None else name
    for known in (name, shown_name(name)):
        if known in view.stages:
            return view.stages[known]
    raise UsageError(f"run {view.run} has no stage {name!r}{hint(name, names)}")


def _log(view: RunView, stage: StageView, number: int | None) -> Path:
    """Return the log of an attempt that has begun, the newest where *number* is None.

    Raises:
        UsageError: There is none; says why.
    """
    path = _path(view, stage, number if number is not None else stage.attempt)
    if path is not None and path.is_file():
        return path
    what = f"stage {stage.name} of run {view.run}"
    if number is not None and number > stage.attempt:
        raise UsageError(f"{what} has no attempt {number}; it had {stage.attempt}")
    if path is not None and stage.finished is not None:
        raise UsageError(f"the log {path} of {what} is gone: somebody removed it")
    raise UsageError(_no_log(view, stage))


def _no_log(view: RunView, stage: StageView) -> str:
    why = f" ({stage.reason})" if stage.reason else ""
    return f"stage {stage.name} of run {view.run} has no log: it is {stage.state}{why}"


def _path(view: RunView, stage: StageView, number: int) -> Path | None:
    if number == stage.attempt:
        newest = view.log_path(stage)
        return Path(newest) if newest is not None else None
    return Path(view.results, stage.name, f"attempt-{number}.log")


def _pieces(path: Path, offset: int) -> Iterator[bytes]:
    with path.open("rb") as log:
        log.seek(offset)
        while piece := log.read(_PIECE):
            yield piece


class _Writer:
    """Writes a log to stdout: as it is, or fit for a terminal where that is one."""

    def __init__(self) -> None:
        self._legible = Legible() if sys.stdout.isatty() else None

    def piece(self, piece: bytes) -> None:
        """Write the next piece."""
        if self._legible is None:
            sys.stdout.buffer.write(piece)
        else:
            sys.stdout.write(self._legible.feed(piece))
        sys.stdout.flush()

    def end(self) -> None:
        """Write what still waits for the end of its line."""
        if self._legible is not None and (rest := self._legible.end()):
            print(rest, flush=True)


def _follow(watched: Watched, stage: StageView, number: int | None) -> int:
    """Print the log as it grows, of one attempt or from the newest on, until the stage ended."""
    view, shown, offset = watched.view, number or max(1, stage.attempt), 0
    write = _Writer()
    try:
        while True:
            more = watched.catch_up()
            path = _path(view, stage, shown if stage.attempt else 0)
            for piece in _pieces(path, offset) if path is not None and path.is_file() else ():
                offset += len(piece)
                write.piece(piece)
            if number is None and shown < stage.attempt:
                write.end()
                shown, offset = shown + 1, 0
            elif stage.finished is not None or watched.over or shown < stage.attempt:
                if path is None:
                    print(_no_log(view, stage), file=sys.stderr)
                return 0
            elif not more:
                return _left(view)
            else:
                time.sleep(INTERVAL)
    except KeyboardInterrupt:
        return 0
    finally:
        write.end()


def _left(view: RunView) -> int:
    print(
        f"nobody drives run {view.run} any more, so that no more of its log comes here; "
        f"`buildorch resume {view.run}` picks it up",
        file=sys.stderr,
    )
    return DETACHED


def _lines(log: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a log, of a very long one its beginning."""
    while line := log.readline(_PIECE):
        yield line if line.endswith(b"\n") else line + b"\n"
        while line and not line.endswith(b"\n"):
            line = log.readline(_PIECE)


def _neighbourhood(path: Path) -> str:
    """Return the first error of a log with the lines around it."""
    first = analyze_file(path).first_error
    if first is None:
        return f"{path}: no error was recognised; it ends with:\n{tail(path)}\n"
    begin = max(0, first.line - 1 - _AROUND)
    with path.open("rb") as log:
        around = b"".join(itertools.islice(_lines(log), begin, first.line + _AROUND))
    return f"{path}:{first.line}\n{readable(around.rstrip())}\n"


@command(
    positional=["log"],
    help={
        "log": "the file; `-` or nothing is standard input",
        "tool": f"what wrote it: {', '.join(TOOLS)}; else it is found out",
        "json": "write one JSON object",
        "config": CONFIG,
    },
)
def analyze(
    log: str = _STDIN,
    tool: str | None = None,
    json: bool = False,
    config: str | None = None,
) -> int:
    """Say what a build log says: its first real error, how many there are, how far it got."""
    del config  # a log is read without one
    if tool is not None and tool not in TOOLS:
        raise UsageError(f"--as: unknown tool {tool!r}{hint(tool, TOOLS)}")
    if log == _STDIN and sys.stdin.isatty():
        raise UsageError("name a LOG, or pipe one in: `make 2>&1 | buildorch analyze`")
    found = _read_stdin(tool) if log == _STDIN else analyze_file(log, tool)
    print(jsonlib.dumps(found.as_dict()) if json else _words(found))
    return 0


def _read_stdin(tool: str | None) -> Analysis:
    analyzer = Analyzer(tool)
    for piece in iter(lambda: os.read(sys.stdin.fileno(), _PIECE), b""):
        analyzer.feed(piece)
    return analyzer.finish()


def _words(found: Analysis) -> str:
    """Return an analysis for people: counts, then the first error and the tool's last summary."""
    counts = f"{_counted(found.errors, 'error')}, {_counted(found.warnings, 'warning')}"
    far = f", {found.progress:g} %" if found.progress is not None else ""
    lines = [f"{found.tool or 'unknown tool'}: {counts}{far}"]
    if found.first_error is not None:
        lines.append(f"line {found.first_error.line}: {alert(found)}")
    if found.summary:
        lines.append(found.summary)
    return "\n".join(lines)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
