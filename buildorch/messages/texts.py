"""The texts of messages, from what is recorded; a line whose facts are not known is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import attrs

from buildorch import events
from buildorch.errors import LoginRefused
from buildorch.events import AttemptFinished, ConnectFailed, RetryScheduled, StageFinished
from buildorch.job import Wait
from buildorch.messages.routing import Message
from buildorch.messages.waits import held_by, waits_for
from buildorch.messages.words import Words, clean, cut
from buildorch.model import GOOD_ENDS, PlannedStage, RunStatus, StageStatus
from buildorch.view import RunView, StageView

#: Ends of a stage that nobody is told of: a cancel and a skip follow from what was told before,
#: and the last failed try to connect has said that a server is unreachable.
_QUIET = frozenset({StageStatus.CANCELLED, StageStatus.SKIPPED, StageStatus.UNREACHABLE})


#: Lines of the log that stand for an error that was not recognised.
_TAIL = 5

#: Characters of a sentence that people need whole.
_SENTENCE = 300


def _no_tail(_: str) -> str:
    return ""


@attrs.frozen
class Composer:
    """Composes messages about one run.

    Attributes:
        view: The run, with the newest fact applied.
        words: The language.
        tails: Returns the last lines of a stage's log.
    """

    view: RunView
    words: Words
    tails: Callable[[str], str] = _no_tail

    def message(self, event: events.Event) -> Message | None:
        """Return what *event* has to tell, or None."""
        made: Message | None = None
        match event:
            case events.RunCreated():
                made = self._started(event)
            case ConnectFailed(retry_in=None):
                made = self._unreachable(event)
            case RetryScheduled():
                made = self._retried(event)
            case events.LinkLost(barred=str(why)):
                made = self._barred(event, why)
            case events.StepWaiting(wait=Wait() as wait):
                made = self._waiting(event, wait)
            case StageFinished(status=status) if status not in _QUIET:
                good = status in GOOD_ENDS
                made = self._succeeded(event) if good else self._failed(event)
            case events.RunFinished():
                made = self._finished(event)
        return made

    def link_lost(self, stage: str, after: float) -> Message:
        """Return the alert that the server of *stage* has not answered for *after* seconds."""
        state, words = self.view.stages[stage], self.words
        lines = [
            self._head("link_lost", state, server=state.server, time=words.time(after)),
            cut(clean(state.link_lost_reason or "")),
            words.say("fetched_later" if state.state == "draining" else "goes_on"),
        ]
        mark = f"@{int(state.link_lost_since or 0)}"
        return Message("link_lost", lines, stage, state.attempt, mark, bad=True)

    def _waiting(self, event: events.StepWaiting, wait: Wait) -> Message:
        """Return the message of a wait: one a command, however often its holder changes."""
        state, words = self.view.stages[event.stage], self.words
        head = self._head("waits", state, what=waits_for(wait, words))
        lines = [head, held_by(wait, words)]
        return Message("waiting", lines, event.stage, event.attempt, f".{event.step}/{wait.kind}")

    def _barred(self, event: events.LinkLost, why: str) -> Message | None:
        """Return the alert that only a person can bring the link back: one a loss and server."""
        state, words = self.view.stages[event.stage], self.words
        others = (one for one in self.view.stages.values() if one is not state)
        if any(one.barred is not None and one.server == event.server for one in others):
            return None
        lines = [
            self._head("barred", state, server=event.server),
            cut(clean(event.reason), _SENTENCE),
            words.say("log_in_again" if why == LoginRefused.reason else "mend_it"),
        ]
        mark = f"@{int(state.link_lost_since or 0)}"
        return Message("barred", lines, event.stage, event.attempt, mark, bad=True)

    def _started(self, event: events.RunCreated) -> Message:
        words, plan = self.words, self.view.plan
        bound = [
            cut(clean(value if isinstance(value, str) else f"{name}={value}"), 40)
            for name, value in event.params.items()
        ]
        facts = [words.count("stages", len(plan.stages)), *bound, words.say("by", by=event.by)]
        head = words.say("started", pipeline=plan.title or plan.name)
        return Message("started", [head, ", ".join(facts), words.say("run", run=self.view.run)])

    def _unreachable(self, event: ConnectFailed) -> Message:
        state, words = self.view.stages[event.stage], self.words
        head = self._head("unreachable", state, server=event.server)
        lines = [head, cut(clean(event.message), _SENTENCE)]
        if event.fallback is not None:
            lines.append(words.say("fallback", server=event.fallback))
        else:
            lines += [*self._what_stops(state.stage), self._command("retry")]
        mark = f"@{event.server}"
        return Message("unreachable", lines, event.stage, event.attempt, mark, bad=True)

    def _retried(self, event: RetryScheduled) -> Message | None:
        state, number = self.view.stages[event.stage], event.attempt - 1
        end = next((one for one in state.failures if one.attempt == number), None)
        if event.cause in ("free", "moved") or end is None:
            return None  # it never started, or somebody wanted that: nobody has to act on it
        lines = [*self._failure(state, end, number), self._retry(state, event)]
        lines.append(self._command("logs", event.stage))
        return Message("failed", lines, event.stage, number, bad=True)

    def _failed(self, event: StageFinished) -> Message:
        state = self.view.stages[event.stage]
        lines = self._failure(state, event, event.attempts)
        if event.allowed:
            lines += [self.words.say("allowed"), self._command("logs", event.stage)]
        else:
            lines += [*self._what_stops(state.stage), self._command("logs", event.stage)]
            lines.append(self._command("retry"))
        return Message("failed", lines, event.stage, event.attempts, bad=True)

    def _failure(
        self, state: StageView, end: AttemptFinished | StageFinished, number: int
    ) -> list[str]:
        """Return head, first error (else the log's last lines) and cause of a failed attempt."""
        words = self.words
        attempt = next((one for one in state.history if one.number == number), None)
        seconds = attempt.seconds if attempt is not None else None
        lines = [self._head(end.status, state) + words.inside(words.took(seconds))]
        if told := _told(end):
            lines += [words.say("error", error=told[0]), *told[1:]]
        elif end.status is not StageStatus.LOST:
            tail = (cut(clean(line)) for line in self.tails(state.name).splitlines())
            lines += [line for line in tail if line][-_TAIL:]
        return [*lines, cut(words.reason(end, state.stage), _SENTENCE)]

    def _retry(self, state: StageView, event: RetryScheduled) -> str:
        words, stage = self.words, state.stage
        infrastructure = event.cause == "infrastructure"
        same = [
            end
            for end in _told_failures(state, event.attempt)
            if (end.status is StageStatus.LOST) is infrastructure
        ]
        only = stage.servers[0].name if len(stage.servers) == 1 else None
        server = event.server or only
        return words.say(
            "infra_retry" if infrastructure else "retry",
            number=len(same),
            times=stage.infra_retry if infrastructure else stage.retry.times,
            when=words.say("in", time=words.time(event.delay)) if event.delay else words.say("now"),
            where=words.say("on", server=server) if server is not None else "",
        )

    def _what_stops(self, stage: PlannedStage) -> list[str]:
        """Return the line that says what does not run because *stage* failed."""
        if self.view.plan.fail_fast:
            return [self.words.say("fail_fast")]
        behind = {stage.name}
        for other in self.view.plan.stages:  # in topological order
            if behind.intersection(other.after):
                behind.add(other.name)
        names = [
            state.name
            for state in self.view.stages.values()
            if state.name in behind - {stage.name} and not state.stage.always
        ]
        return [self.words.say("skipped", stages=", ".join(names))] if names else []

    def _succeeded(self, event: StageFinished) -> Message:
        state, words = self.view.stages[event.stage], self.words
        failures = _told_failures(state, event.attempts)
        retried = [words.count("retry_number", len(failures))] if failures else []
        took = words.inside([*words.took(event.seconds), *retried])
        facts = [", ".join(self._counts(state, event)), cut(clean(event.warning or ""))]
        if not failures:
            up_to_date = event.status is StageStatus.UP_TO_DATE
            head = self._head("up_to_date" if up_to_date else "stage_done", state)
            return Message("stage_done", [head + took, *facts], event.stage, event.attempts)
        was = next(iter(_told(failures[-1])), words.reason(failures[-1], state.stage))
        lines = [self._head("recovered", state) + took]
        lines += [words.say("was", error=cut(clean(was), _SENTENCE))] if was else []
        lines += [*facts, *self._next(state.name)]
        return Message("recovered", lines, event.stage, event.attempts)

    def _counts(self, state: StageView, event: StageFinished) -> Iterator[str]:
        if event.warnings:
            yield self.words.count("warnings", event.warnings)
        if state.artifacts:
            size = self.words.size(sum(artifact.size for artifact in state.artifacts))
            yield f"{self.words.count('files', len(state.artifacts))} {size}"

    def _next(self, name: str) -> Iterator[str]:
        """Yield the line of stages that can start now that *name* has succeeded."""
        stages = self.view.stages
        ready = [
            state.name
            for state in stages.values()
            if name in state.stage.after
            and state.status is None
            and all(_clear(stages[before]) for before in state.stage.after)
        ]
        if ready:
            yield self.words.say("next", stages=", ".join(ready))

    def _finished(self, event: events.RunFinished) -> Message:
        words, plan = self.words, self.view.plan
        bad = event.status is not RunStatus.SUCCEEDED
        head = words.say(f"run_{event.status}", pipeline=plan.title or plan.name)
        lines = [head + words.inside(words.took(event.seconds)), ", ".join(self._totals())]
        if bad:
            lines += self._by_status()
        lines.append(cut(clean(event.reason or ""), _SENTENCE))
        lines.append(words.say("results", path=event.results))
        if event.status is RunStatus.FAILED:
            lines.append(self._command("retry"))
        return Message("finished", lines, bad=bad)

    def _totals(self) -> Iterator[str]:
        states = list(self.view.stages.values())
        good = sum(_clear(state) for state in states)
        yield self.words.say("of_stages", good=good, total=len(states))
        warnings = sum(state.finished.warnings for state in states if state.finished is not None)
        if warnings:
            yield self.words.count("warnings", warnings)
        retries = sum(len(_told_failures(state, state.attempt)) for state in states)
        if retries:
            yield self.words.count("retries", retries)

    def _by_status(self) -> Iterator[str]:
        """Yield a line for each way in which stages ended that is no success."""
        named: Mapping[StageStatus, list[str]] = {status: [] for status in StageStatus}
        for state in self.view.stages.values():
            if state.status is not None and not _clear(state):
                named[state.status].append(state.name)
        for status, names in named.items():
            if names:
                yield self.words.say(f"list_{status}", stages=", ".join(names))

    def _head(self, phrase: str, state: StageView, **more: object) -> str:
        number, total = state.stage.index + 1, len(self.view.stages)
        shown = state.stage.title or state.name
        return self.words.say(phrase, number=number, total=total, stage=shown, **more)

    def _command(self, name: str, *arguments: str) -> str:
        return " ".join(["buildorch", name, self.view.run, *arguments])


def _told(end: AttemptFinished | StageFinished) -> list[str]:
    """Return what people are told of the first error: what failed, then where."""
    text = end.alert or end.first_error or ""
    return [cut(clean(line), _SENTENCE) for line in text.splitlines()]


def _told_failures(state: StageView, before: int) -> list[AttemptFinished]:
    """Return the failed attempts before the attempt *before* of which people were told."""
    return [end for end in state.setbacks if end.attempt < before]


def _clear(state: StageView) -> bool:
    """Tell whether the stage ended so that the pipeline goes on."""
    return state.status in GOOD_ENDS or state.allowed
