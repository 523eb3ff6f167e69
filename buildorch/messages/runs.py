"""The texts of messages about a run as a whole: its beginning and its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from buildorch import events
from buildorch.messages.lines import SENTENCE, clear, listed, told_failures
from buildorch.messages.routing import Message, stem
from buildorch.messages.telling import Telling
from buildorch.messages.words import clean, cut
from buildorch.model import RunStatus, StageStatus


@attrs.frozen
class RunTexts(Telling):
    """Composes the messages about a run as a whole."""

    def started(self, event: events.RunCreated) -> Message:
        """Return the message that a run has begun."""
        words, plan = self.words, self.view.plan
        bound = [
            cut(clean(value if isinstance(value, str) else f"{name}={value}"), 40)
            for name, value in event.params.items()
        ]
        facts = [words.count("stages", len(plan.stages)), *bound, words.say("by", by=event.by)]
        head = words.say("started", pipeline=plan.title or plan.name)
        both = self.background.run and f"{self._run} ({self.view.run})"
        run = words.say("run", run=both or self.view.run)
        background = self.background
        if background.usual is not None:
            usual = words.say("usual", time=words.time(background.usual), at=background.due)
            run = f"{usual} {run}"
        message = Message("started", [head, ", ".join(facts), run])
        return self._after_parent(message, words.say("retried", by=event.by, run=self._run))

    def _after_parent(self, message: Message, note: str) -> Message:
        """Return *message* as one that continues the end of the run that this one repeats."""
        parent = self.view.created.parent
        if parent is None:
            return message
        return attrs.evolve(message, follows=stem(parent, "finished"), note=note)

    def finished(self, event: events.RunFinished) -> Message:
        """Return the message of the end of a run."""
        words, plan = self.words, self.view.plan
        bad = event.status is not RunStatus.SUCCEEDED
        head = words.say(f"run_{event.status}", pipeline=plan.title or plan.name)
        lines = [head + words.inside(words.took(event.seconds)), ", ".join(self._totals())]
        if bad:
            lines += self._by_status()
        else:
            lines += self._fixed()
        lines.append(cut(clean(event.reason or ""), SENTENCE))
        lines.append(words.say("results", path=event.results))
        if event.status is RunStatus.FAILED:
            lines.append(self._command("retry"))
        message = Message("finished", lines, bad=bad)
        note = words.say(f"note_{event.status}", run=self._run)
        return self._after_parent(message, note + words.inside(words.took(event.seconds)))

    def _fixed(self) -> Iterator[str]:
        """Yield what had failed in the last such run, and succeeded in this one."""
        before = self.background.before()
        if before is None:
            return
        now = self.view.stages.values()
        names = [one.name for one in now if one.status is StageStatus.SUCCEEDED]
        mended = [name for name in names if name in before.failed]
        if mended:
            yield self.words.say("fixed", run=before.run, stages=listed(mended, self.words))
            was = self.words.error(clean(before.failed[mended[0]]))
            yield self.words.say("was", error=cut(was, SENTENCE)) if was else ""

    def _totals(self) -> Iterator[str]:
        states = list(self.view.stages.values())
        good = sum(clear(state) for state in states)
        yield self.words.say("of_stages", good=good, total=len(states))
        yield from self._tests(states)
        warnings = sum(state.finished.warnings for state in states if state.finished is not None)
        if warnings:
            yield self.words.count("warnings", warnings)
        retries = sum(len(told_failures(state, state.attempt)) for state in states)
        if retries:
            yield self.words.count("retries", retries)

    def _by_status(self) -> Iterator[str]:
        """Yield a line for each way in which stages ended that is no success."""
        named: Mapping[StageStatus, list[str]] = {status: [] for status in StageStatus}
        for state in self.view.stages.values():
            if state.status is not None and not clear(state):
                named[state.status].append(state.name)
        for status, names in named.items():
            if names:
                yield self.words.say(f"list_{status}", stages=listed(names, self.words))
