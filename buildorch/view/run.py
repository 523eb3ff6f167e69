"""What is known of a run."""

from __future__ import annotations

import copy
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, ValuesView
from pathlib import PurePath
from typing import Any

import attrs

from buildorch import events
from buildorch.errors import StoreDamaged
from buildorch.events import Event, Recorded
from buildorch.model import JSON, Plan, RunStatus
from buildorch.view.stage import StageView


@attrs.frozen
class Orphan:
    """A job that may live although its attempt is over.

    Attributes:
        stage: Its stage.
        server: Where it was launched.
        job: Its id.
    """

    stage: str
    server: str
    job: str


@attrs.define
class RunView:
    """What is known of a run.

    Attributes:
        run: Its id.
        plan: What it executes.
        created: The event that made it: by whom, parameters, results folder, parent run.
        created_at: Unix time of that.
        stages: Its stages by name, in the order of their numbers.
        controller: Process id and host of the controller that drives it.
        detached: Why the last controller left; None while one drives it.
        cancel_requested: Who wants it to end.
        abandoned: Who wants it to end without servers that do not answer.
        finished: Its end.
        finished_at: Unix time of its end.
        updated_at: Unix time of the newest event.
        seq: Number of the newest event.
        messages: What people are told, by key, with the channel's answer.
    """

    run: str
    plan: Plan
    created: events.RunCreated
    created_at: float
    stages: Mapping[str, StageView] = attrs.field(init=False)
    _followers: dict[str, list[str]] = attrs.field(init=False, factory=dict, repr=False)
    #: How many of the stages directly before each have not ended.
    _awaited: MutableMapping[str, int] = attrs.field(init=False, factory=dict, repr=False)
    controller: tuple[int, str] | None = None
    detached: str | None = None
    cancel_requested: str | None = None
    abandoned: str | None = None
    finished: events.RunFinished | None = None
    finished_at: float | None = None
    updated_at: float = 0.0
    seq: int = 0
    messages: MutableMapping[
        str, tuple[events.NotificationDue, events.NotificationResult | None]
    ] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        ordered = sorted(self.plan.stages, key=lambda stage: stage.index)
        self.stages = {stage.name: StageView(stage) for stage in ordered}
        for stage in ordered:
            before = [name for name in stage.after if name in self.stages]
            for name in before:
                self._followers.setdefault(name, []).append(stage.name)
            self._await(stage.name, len(before))

    @classmethod
    def start(cls, plan: Plan, record: Recorded) -> RunView:
        """Return the view of a run that has just been created.

        Args:
            plan: What it executes.
            record: Its `RunCreated`.

        Raises:
            StoreDamaged: The event is another one.
        """
        if not isinstance(record.event, events.RunCreated):
            raise _headless(record.run)
        return cls(
            run=record.run,
            plan=plan,
            created=record.event,
            created_at=record.at,
            updated_at=record.at,
            seq=record.seq,
        )

    @classmethod
    def of(
        cls, records: Iterable[Recorded], decode_plan: Callable[[Mapping[str, Any]], Plan]
    ) -> RunView:
        """Return the view of a stored run.

        Args:
            records: All its events, in order.
            decode_plan: Makes a plan of what `RunCreated` holds, as `store.codec` does.

        Raises:
            StoreDamaged: The first event is no `RunCreated`.
        """
        rest = iter(records)
        first = next(rest, None)
        if first is None or not isinstance(first.event, events.RunCreated):
            raise _headless(first.run if first is not None else None)
        view = cls.start(decode_plan(first.event.plan), first)
        for record in rest:
            view.apply(record)
        return view

    @property
    def status(self) -> RunStatus | None:
        """How it ended; None while it is under way or interrupted."""
        return self.finished.status if self.finished is not None else None

    @property
    def title(self) -> str:
        """What people call its pipeline."""
        return self.plan.title or self.plan.name

    @property
    def by(self) -> str:
        """Who started it."""
        return self.created.by

    @property
    def params(self) -> Mapping[str, JSON]:
        """Its parameters."""
        return self.created.params

    @property
    def results(self) -> str:
        """The absolute folder of its logs and files."""
        return self.created.results

    @property
    def seconds(self) -> float:
        """How long it took, or has taken up to the newest event."""
        if self.finished is not None:
            return self.finished.seconds
        return max(0.0, self.updated_at - self.created_at)

    @property
    def untold(self) -> list[tuple[events.NotificationDue, events.NotificationResult]]:
        """The messages that a channel did not take, with what it said."""
        answered = [(due, answer) for due, answer in self.messages.values() if answer is not None]
        return [(due, answer) for due, answer in answered if not answer.ok]

    def draft(self) -> RunView:
        """Return a copy that changes without this one, to see what events would lead to.

        Costs as much as those events, however many stages and messages there are.
        """
        made = copy.copy(self)
        made.stages, made.messages = _Drafts(self.stages), ChainMap({}, self.messages)
        made._awaited = ChainMap({}, self._awaited)  # noqa: SLF001 - it is of this class
        return made

    @property
    def orphans(self) -> list[Orphan]:
        """The jobs that may live although their attempts are over."""
        return [
            Orphan(stage.name, server, job)
            for stage in self.stages.values()
            for server, job in sorted(stage.orphans)
        ]

    def apply(self, record: Recorded) -> None:
        """Take one more event; one that does not fit changes nothing and is no error."""
        self.updated_at, self.seq = record.at, record.seq
        event = record.event
        change = _CHANGES.get(type(event))
        if change is not None:
            change(self, event, record.at)
            return
        stage = self.stages.get(getattr(event, "stage", ""))
        if stage is not None:
            ends = isinstance(event, events.StageFinished) and stage.finished is None
            stage.apply(event, record.at)
            if ends:
                for name in self._followers.get(stage.name, ()):
                    self._await(name, self._awaited[name] - 1)

    def _await(self, name: str, count: int) -> None:
        """Tell a stage that waits for a limit from one that waits for *count* other stages."""
        self._awaited[name] = count
        if not count and self.stages[name].state == "waiting":
            self.stages[name].state = "queued"

    def followers(self, name: str) -> list[StageView]:
        """Return the stages directly after the stage *name*, in the order of their numbers."""
        return [self.stages[after] for after in self._followers.get(name, ())]

    def behind(self, name: str) -> list[StageView]:
        """Return all stages that come after the stage *name*, in the order of their numbers."""
        found: dict[str, StageView] = {}
        left = self.followers(name)
        while left:
            one = left.pop()
            if one.name not in found:
                found[one.name] = one
                left += self.followers(one.name)
        return sorted(found.values(), key=lambda view: view.stage.index)

    def waits_for(self, view: StageView) -> list[str]:
        """Return the direct predecessors of *view* that have not ended."""
        before = (self.stages.get(name) for name in view.stage.after)
        return [one.name for one in before if one is not None and one.finished is None]

    def log_path(self, view: StageView) -> str | None:
        """Return the path of the newest log of *view*, or None where it never ran."""
        if view.finished is not None and view.finished.log is not None:
            return str(PurePath(self.results, view.finished.log))
        if view.started_at is None:
            return None
        return str(PurePath(self.results, view.name, f"attempt-{view.attempt}.log"))


class _Drafts(Mapping[str, StageView]):
    """Stages of which those that are looked up by name are copies."""

    def __init__(self, stages: Mapping[str, StageView]) -> None:
        self._stages = stages
        self._own: dict[str, StageView] = {}

    def __getitem__(self, name: str) -> StageView:
        if name not in self._own:
            self._own[name] = self._stages[name].draft()
        return self._own[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stages)

    def __len__(self) -> int:
        return len(self._stages)

    def __contains__(self, name: object) -> bool:
        return name in self._stages

    def values(self) -> ValuesView[StageView]:
        """Return all stages: copies only of those that were looked up, so change none of them."""
        return {**self._stages, **self._own}.values()


def _headless(run: str | None) -> StoreDamaged:
    return StoreDamaged(
        f"the record of run {run or '(empty)'} does not begin with run_created, so it cannot be "
        "read; its remote builds go on, each with a folder in `jobs` of its server's state folder "
        "(~/.local/state/buildorch, or its `state_dir`)"
    )


def _attached(view: RunView, event: events.ControllerAttached, _: float) -> None:
    view.controller, view.detached = (event.pid, event.host), None


def _detached(view: RunView, event: events.ControllerDetached, _: float) -> None:
    view.controller, view.detached = None, event.reason


def _cancel_requested(view: RunView, event: events.CancelRequested, _: float) -> None:
    view.cancel_requested = view.cancel_requested or event.by


def _abandon_requested(view: RunView, event: events.AbandonRequested, _: float) -> None:
    view.abandoned = view.abandoned or event.by


def _notification_due(view: RunView, event: events.NotificationDue, _: float) -> None:
    view.messages[event.key] = (event, None)


def _notification_result(view: RunView, event: events.NotificationResult, _: float) -> None:
    if event.key in view.messages:
        view.messages[event.key] = (view.messages[event.key][0], event)


def _run_finished(view: RunView, event: events.RunFinished, at: float) -> None:
    if view.finished is None:
        view.finished, view.finished_at, view.controller = event, at, None


_CHANGES: Mapping[type[Event], Callable[[RunView, Any, float], None]] = {
    events.ControllerAttached: _attached,
    events.ControllerDetached: _detached,
    events.CancelRequested: _cancel_requested,
    events.AbandonRequested: _abandon_requested,
    events.NotificationDue: _notification_due,
    events.NotificationResult: _notification_result,
    events.RunFinished: _run_finished,
}
