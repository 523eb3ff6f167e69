"""The texts of messages, from what is recorded; a line whose facts are not known is left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

import attrs

from buildorch import events
from buildorch.errors import LoginRefused
from buildorch.events import AttemptFinished, ConnectFailed, RetryScheduled, StageFinished
from buildorch.job import Wait
from buildorch.messages.lines import (
    SENTENCE,
    around,
    clear,
    last_lines,
    listed,
    told,
    told_failures,
)
from buildorch.messages.routing import Message, stem
from buildorch.messages.runs import RunTexts
from buildorch.messages.waits import held_by, waits_for
from buildorch.messages.words import clean, cut
from buildorch.model import GOOD_ENDS, PlannedStage, StageStatus
from buildorch.view import StageView
from buildorch.view.stage import AttemptView

#: Ends of a stage that nobody is told of: a cancel and a skip follow from what was told before,
#: and the last failed try to connect has said that a server is unreachable.
_QUIET = frozenset({StageStatus.CANCELLED, StageStatus.SKIPPED, StageStatus.UNREACHABLE})

#: Ends of an attempt whose log is worth sending along.
_WITH_LOG = frozenset({StageStatus.FAILED, StageStatus.TIMED_OUT, StageStatus.NO_SPACE})


@attrs.frozen
class Composer(RunTexts):
    """Composes all messages about one run."""

    def message(self, event: events.Event) -> Message | None:
        """Return what *event* has to tell, or None."""
        made: Message | None = None
        match event:
            case events.RunCreated():
                made = self.started(event)
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
                made = self.finished(event)
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
            cut(clean(event.reason), SENTENCE),
            words.say("log_in_again" if why == LoginRefused.reason else "mend_it"),
        ]
        mark = f"@{int(state.link_lost_since or 0)}"
        return Message("barred", lines, event.stage, event.attempt, mark, bad=True)

    def _unreachable(self, event: ConnectFailed) -> Message:
        state, words = self.view.stages[event.stage], self.words
        head = self._head("unreachable", state, server=event.server)
        lines = [head, cut(clean(event.message), SENTENCE)]
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
        return self._alert(state, end.status, lines, number)

    def _failed(self, event: StageFinished) -> Message:
        state = self.view.stages[event.stage]
        lines = self._failure(state, event, event.attempts)
        if event.allowed:
            lines += [self.words.say("allowed"), self._command("logs", event.stage)]
        else:
            lines += [*self._what_stops(state.stage), self._command("logs", event.stage)]
            lines.append(self._command("retry"))
        return self._alert(state, event.status, lines, event.attempts)

    def _alert(
        self, state: StageView, status: StageStatus, lines: list[str], number: int
    ) -> Message:
        """Return the alert of a failed attempt: with its log, and after that of the first one."""
        message = Message("failed", lines, state.name, number, bad=True)
        if status in _WITH_LOG and state.started_at is not None:
            path = PurePath(self.view.results, state.name, f"attempt-{number}.log")
            message = attrs.evolve(message, attach=str(path))
        return self._after_failure(state, message, "failed_again")

    def _after_failure(self, state: StageView, message: Message, phrase: str) -> Message:
        """Return *message* as one that continues the alert of the stage's first failure."""
        first = next(iter(told_failures(state, message.attempt)), None)
        if first is None:
            return message
        took = next((one.seconds for one in state.history if one.number == message.attempt), None)
        words = self.words
        note = words.say(phrase, attempt=message.attempt) + words.inside(words.took(took))
        follows = stem(self.view.run, "failed", state.name, first.attempt)
        return attrs.evolve(message, follows=follows, note=note)

    def _failure(
        self, state: StageView, end: AttemptFinished | StageFinished, number: int
    ) -> list[str]:
        """Return head, first error (else the log's last lines) and cause of a failed attempt."""
        words = self.words
        attempt = next((one for one in state.history if one.number == number), None)
        seconds = attempt.seconds if attempt is not None else None
        lines = [self._head(end.status, state) + words.inside(words.took(seconds))]
        if said := told(end, words):
            result = attempt.result if attempt is not None else None
            lines += [words.say("error", error=said[0]), *said[1:], *around(result)]
        elif end.status is not StageStatus.LOST:
            lines += last_lines(self.tails(state.name))
        return [*lines, cut(self._why(state, end, attempt), SENTENCE)]

    def _why(
        self,
        state: StageView,
        end: AttemptFinished | StageFinished,
        attempt: AttemptView | None,
    ) -> str:
        """Return why it ended as it did; where that was, once no other attempt names a server."""
        reason = self.words.reason(end, state.stage)
        if isinstance(end, AttemptFinished) or attempt is None or not attempt.server:
            return reason
        where = self.words.say("at", server=attempt.server)
        return f"{reason}, {where}" if reason else where[0].upper() + where[1:]

    def _retry(self, state: StageView, event: RetryScheduled) -> str:
        words, stage = self.words, state.stage
        infrastructure = event.cause == "infrastructure"
        same = [
            end
            for end in told_failures(state, event.attempt)
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
        names = [one.name for one in self.view.behind(stage.name) if not one.stage.always]
        return [self.words.say("skipped", stages=listed(names, self.words))] if names else []

    def _succeeded(self, event: StageFinished) -> Message:
        state, words = self.view.stages[event.stage], self.words
        failures = told_failures(state, event.attempts)
        retried = [words.count("retry_number", len(failures))] if failures else []
        took = words.inside([*words.took(event.seconds), *retried])
        facts = [", ".join(self._counts(state, event)), cut(clean(event.warning or ""))]
        if not failures:
            up_to_date = event.status is StageStatus.UP_TO_DATE
            head = self._head("up_to_date" if up_to_date else "stage_done", state)
            return Message("stage_done", [head + took, *facts], event.stage, event.attempts)
        was = next(iter(told(failures[-1], words)), words.reason(failures[-1], state.stage))
        lines = [self._head("recovered", state) + took]
        lines += [words.say("was", error=cut(clean(was), SENTENCE))] if was else []
        lines += [*facts, *self._next(state.name)]
        message = Message("recovered", lines, event.stage, event.attempts)
        return self._after_failure(state, message, "recovered_note")

    def _counts(self, state: StageView, event: StageFinished) -> Iterator[str]:
        if event.warnings:
            yield self.words.count("warnings", event.warnings)
        if state.artifacts:
            size = self.words.size(sum(artifact.size for artifact in state.artifacts))
            yield f"{self.words.count('files', len(state.artifacts))} {size}"
        yield from self._tests([state])
        result = state.history[-1].result if state.history else None
        if result is not None and result.sstate is not None:
            yield f"sstate {result.sstate}%"

    def _next(self, name: str) -> Iterator[str]:
        """Yield the line of stages that can start now that *name* has succeeded."""
        stages = self.view.stages
        ready = [
            state.name
            for state in self.view.followers(name)
            if state.status is None and all(clear(stages[before]) for before in state.stage.after)
        ]
        if ready:
            yield self.words.say("next", stages=listed(ready, self.words))
