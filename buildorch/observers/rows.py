"""The lines of one stage on the board: pure, in exactly the columns that there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from buildorch.job import Wait
from buildorch.messages.waits import held_by, waits_for
from buildorch.messages.words import Words
from buildorch.model import StageStatus
from buildorch.observers.columns import BAR, ELAPSED, MARK, SHORTEST_NAME, Columns
from buildorch.observers.look import Look, width_of
from buildorch.observers.progress import StageProgress
from buildorch.view import RunView, StageView


@attrs.frozen
class Line:
    """One line of a board: pieces of plain text, each with the name of its style.

    Attributes:
        spans: (text, style) in order; a style is `title`, `dim`, `good`, `warn`, `bad` or empty.
    """

    spans: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The line as plain text, without the blanks at its end."""
        return "".join(text for text, _ in self.spans).rstrip()


#: States by the word that the board has for them, and its style.
_WORDS = {
    "running": ("running", ""),
    "draining": ("running", ""),
    "waiting": ("waiting", "dim"),
    "queued": ("queued", "dim"),
    "connecting": ("connecting", ""),
    "launching": ("launching", ""),
    "backoff": ("retry", "warn"),
    "cancelling": ("stopping", "warn"),
    StageStatus.SUCCEEDED: ("done", "good"),
    StageStatus.UP_TO_DATE: ("up to date", "good"),
    StageStatus.FAILED: ("FAILED", "bad"),
    StageStatus.TIMED_OUT: ("TIMED OUT", "bad"),
    StageStatus.CANCELLED: ("cancelled", "warn"),
    StageStatus.SKIPPED: ("skipped", "dim"),
    StageStatus.UNREACHABLE: ("UNREACHABLE", "bad"),
    StageStatus.LOST: ("LOST", "bad"),
    StageStatus.NO_SPACE: ("NO SPACE", "bad"),
}

#: States that are shown as a bar.
_BARS = ("running", "draining", StageStatus.SUCCEEDED)


#: Columns of a lock's name below which only the place in the line is shown.
_SHORTEST_LOCK = 4

#: Characters of the beginning of a run's id, day and minute, which commands take as well.
_SHORT_RUN = len("20260714-0930")


def state_word(stage: StageView) -> tuple[str, str]:
    """Return the word for the state of *stage* (`done`, `running`, `FAILED`) and its style.

    Args:
        stage: A stage.
    """
    word, style = _WORDS.get(stage.state, (stage.state, ""))
    return word, "warn" if stage.allowed else style


@attrs.frozen
class Rows:
    """Makes the lines of stages.

    Attributes:
        view: The run.
        at: Unix time now.
        columns: The division of the width.
        look: What the terminal can show.
    """

    view: RunView
    at: float
    columns: Columns
    look: Look

    def lines(self, stage: StageView, now: StageProgress) -> tuple[Line, Line | None]:
        """Return the line of *stage*, and a second one where there is more to say.

        Args:
            stage: A stage of the run.
            now: What its log says.
        """
        has_bar = stage.state in _BARS and not waits_for_lock(stage)
        right = self._progress(stage, now) if has_bar else self._state(stage, now)
        spans = tuple(self._cut((*self._head(stage), *right), self.columns.width))
        text, style = self._detail(stage, now)
        if not text:
            return Line(spans), None
        second = self.look.fit(text, self.columns.width - self._indent).rstrip()
        return Line(spans), Line(((" " * self._indent, ""), (second, style)))

    @property
    def _indent(self) -> int:
        wide = self.columns.width > self.columns.label + 2 * SHORTEST_NAME
        return self.columns.label if wide else 1

    def _head(self, stage: StageView) -> Iterator[tuple[str, str]]:
        look, columns = self.look, self.columns
        word = "Stage " if columns.server else ""
        yield look.fit(f"{word}{stage.stage.index + 1}: ", columns.label), "dim"
        yield look.fit(look.clean(stage.name), columns.name) + "  ", "title"
        if columns.server:
            yield look.fit(look.clean(server_of(stage)), columns.server - 1) + " ", "dim"

    def _cut(self, spans: Iterable[tuple[str, str]], width: int) -> Iterator[tuple[str, str]]:
        """Yield *spans* up to *width* columns."""
        for text, style in spans:
            if width_of(text) > width:
                yield self.look.fit(text, width), style
                return
            width -= width_of(text)
            yield text, style

    def _progress(self, stage: StageView, now: StageProgress) -> Iterator[tuple[str, str]]:
        done = stage.status is StageStatus.SUCCEEDED
        percent = 100.0 if done else now.percent
        style = "warn" if stage.link_lost_since is not None else state_word(stage)[1]
        if self.columns.bar:
            yield (f"{'[running]':<{BAR}}" if percent is None else self._bar(percent)), style
        mark = self._mark(percent, done=done)
        about = "~" if now.guessed and percent is not None and not done else ""
        yield f"{about + mark:>{MARK}}", style
        if self.columns.elapsed:
            elapsed = self._elapsed(stage)
            yield " " * max(1, ELAPSED - width_of(elapsed)) + elapsed, ""
        if self.columns.left:
            yield "  " + self._tail(stage, now), "good" if stage.recovered else "dim"

    def _bar(self, percent: float) -> str:
        cells = int(max(0.0, min(percent, 100.0)) / 10)
        return f"[{self.look.full * cells}{self.look.empty * (10 - cells)}]"

    def _mark(self, percent: float | None, *, done: bool) -> str:
        if done:
            return "done"
        if percent is None:
            return "" if self.columns.bar else "run"
        return f"{max(0, min(int(percent), 99))}%"  # only its end makes it 100

    def _tail(self, stage: StageView, now: StageProgress) -> str:
        if stage.recovered:
            return "recovered"
        if stage.finished is not None or now.eta is None:
            return ""
        left = self.look.time(now.eta)
        return f"left {left:>5}"

    def _elapsed(self, stage: StageView) -> str:
        """Return the time of the whole stage once it ended, else of the current attempt."""
        if stage.finished is not None:
            return self.look.time(stage.seconds)
        return self.look.time(None if stage.started_at is None else self.at - stage.started_at)

    def _state(self, stage: StageView, now: StageProgress) -> Iterator[tuple[str, str]]:
        word, style = ("waiting", "") if waits_for_lock(stage) else state_word(stage)
        yield (f"{f'[{word}]':<{BAR}}  " if self.columns.bar else f"{word}  "), style
        yield ", ".join(part for part in self._because(stage, now) if part), ""

    def _because(self, stage: StageView, now: StageProgress) -> Iterator[str]:
        """Yield what belongs behind the word for the state."""
        look = self.look
        match stage.state:
            case "running" if stage.wait is not None:
                yield self._waited(stage.wait)
            case "waiting":
                yield "after " + ", ".join(map(look.clean, self.view.waits_for(stage)))
            case "queued":
                yield look.clean(now.note) or "for a free slot"
            case "connecting":
                yield self._next_try(stage)
            case "backoff":
                yield f"try {stage.attempt + 1} {self._when(stage)}"
            case "launching" | "cancelling":
                yield self._elapsed(stage)
                yield look.clean(stage.kill)
            case StageStatus.UP_TO_DATE:
                parent = look.clean(self.view.created.parent)
                yield f"from run {parent}" if parent else ""
            case _:
                yield self._elapsed(stage)
                yield "allowed" if stage.allowed else ""
                yield reason(stage, look)

    def _waited(self, wait: Wait) -> str:
        """Return what is waited for: the place in the line stays, the name takes what is left."""
        look, columns, words = self.look, self.columns, Words.of(self.look.language)
        word = BAR if columns.bar else len("waiting")
        room = columns.width - columns.label - columns.name - 2 - columns.server - word - 2
        place = look.clean(waits_for(attrs.evolve(wait, name=""), words))
        room -= width_of(place)
        if room < _SHORTEST_LOCK:
            return place.lstrip(", ")
        name = look.clean(wait.name)
        shown = name if width_of(name) <= room else look.fit(name, room).rstrip()
        return look.clean(waits_for(attrs.evolve(wait, name=shown), words))

    def _holder(self, wait: Wait, since: str) -> str:
        """Return who has it: a narrow board shortens the run, then leaves out since when."""
        look, words = self.look, Words.of(self.look.language)
        short = attrs.evolve(wait, run=wait.run and look.clean(wait.run)[:_SHORT_RUN])
        bare = attrs.evolve(short, seconds=None)
        texts = [held_by(wait, words, since), held_by(short, words, since), held_by(bare, words)]
        room = self.columns.width - self._indent
        shown = [look.clean(text) for text in texts]
        return next((text for text in shown if width_of(text) <= room), shown[-1])

    def _next_try(self, stage: StageView) -> str:
        failed = stage.connect_failed
        if failed is None:
            return ""
        why = f"try {failed.tries}: {self.look.clean(failed.reason)}"
        if failed.fallback is not None:
            return f"{why}, goes to {self.look.clean(failed.fallback)}"
        return f"{why}, again {self._when(stage)}" if stage.retry_at is not None else why

    def _when(self, stage: StageView) -> str:
        left = 0.0 if stage.retry_at is None else stage.retry_at - self.at
        return f"in {self.look.time(left)}" if left >= 1 else "now"

    def _detail(self, stage: StageView, now: StageProgress) -> tuple[str, str]:
        """Return the text of the second line and its style."""
        look = self.look
        if stage.state in ("running", "launching", "draining", "cancelling"):
            return self._while_running(stage, now)
        if stage.state == "connecting" and stage.connect_failed is not None:
            return look.clean(stage.connect_failed.message), "warn"
        if stage.finished is None or stage.recovered:
            return (told(stage, look), "dim") if stage.failures else ("", "")
        if stage.status is StageStatus.SUCCEEDED:
            return look.clean(stage.finished.warning), "warn"
        return look.clean(stage.finished.first_error), state_word(stage)[1]

    def _while_running(self, stage: StageView, now: StageProgress) -> tuple[str, str]:
        look = self.look
        if stage.link_lost_since is not None:
            since = look.clock(stage.link_lost_since, self.at)
            lost = look.time(self.at - stage.link_lost_since)
            why = "no answer" if stage.barred is None else stage.barred
            build = "is done" if stage.state == "draining" else "goes on"
            more = ", reconnecting" if stage.barred is None else ""
            return f"{why} since {since} ({lost}): the build {build}{more}", "warn"
        if stage.wait is not None:
            since = "" if stage.wait_since is None else look.clock(stage.wait_since, self.at)
            return self._holder(stage.wait, since), "dim"
        if now.last_line:
            which = f"try {stage.attempt}: " if stage.attempt > 1 else ""
            return which + look.clean(now.last_line), "dim"
        return (told(stage, look) if stage.failures else ""), "dim"


def waits_for_lock(stage: StageView) -> bool:
    """Tell whether the command of a running *stage* has not started: it waits for a lock."""
    return stage.state == "running" and stage.wait is not None and stage.wait.kind == "lock"


def server_of(stage: StageView) -> str:
    """Return the name of the server of *stage*, or of the one that it would run on."""
    return stage.server or (stage.stage.servers[0].name if stage.stage.servers else "")


def reason(stage: StageView, look: Look) -> str:
    """Return why *stage* ended badly, in a few words; nothing where only the log knows.

    Args:
        stage: A stage.
        look: What the terminal can show.
    """
    if stage.result is None:
        return ""
    return look.clean(Words.of(look.language).reason(stage.result, stage.stage))


def told(stage: StageView, look: Look) -> str:
    """Return what the last failed attempt of *stage* said: its first error, else the reason.

    Args:
        stage: A stage with a failed attempt.
        look: What the terminal can show.
    """
    last = stage.failures[-1]
    why = Words.of(look.language).reason(last, stage.stage)
    what = look.clean(last.first_error) or look.clean(why) or last.status.value
    return f"try {last.attempt}: {what}"
