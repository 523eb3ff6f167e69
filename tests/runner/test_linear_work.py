"""Laws of growth: twice the stages is twice the work, counted in instructions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from buildorch import events
from buildorch.events import Event, Recorded
from buildorch.job import JobEnd
from buildorch.model import Channel, Plan, PlannedStage, Server, StageStatus
from buildorch.runner.journal import Journal
from buildorch.store.codec import plan_from_dict, plan_to_dict
from buildorch.store.database import Store
from buildorch.view import RunView
from runner.work import growth, instructions

#: Stages of a short run, and of a long one.
SHORT, LONG = 10, 300

#: Twice the stages may be this much more work.
LINEAR = 2.2

RUN = "20260714-093012-4fa2c1"
SERVER = Server(name="h1", host="h1")
CHANNELS = {"team": Channel(name="team"), "mail": Channel(name="mail")}


def plan_of(count: int) -> Plan:
    """Return a plan of a chain of *count* stages."""
    return Plan(
        name="chain",
        stages=[
            PlannedStage(
                name=f"s{number}",
                index=number,
                servers=[SERVER],
                command="true",
                after=[f"s{number - 1}"] if number else [],
            )
            for number in range(count)
        ],
    )


def life(stage: str, status: StageStatus = StageStatus.SUCCEEDED) -> Iterator[list[Event]]:
    """Yield what is written of a stage, turn by turn."""
    yield [
        events.AttemptStarted(stage=stage, attempt=1, server="h1"),
        events.StepLaunching(stage=stage, attempt=1, step=1, server="h1", job=f"{stage}.1.1"),
    ]
    yield [events.StepStarted(stage=stage, attempt=1, step=1)]
    yield [
        events.StepFinished(stage=stage, attempt=1, step=1, end=JobEnd(kind="exit")),
        events.AttemptFinished(stage=stage, attempt=1, status=status),
        events.StageFinished(stage=stage, status=status, attempts=1, server="h1", seconds=1.0),
    ]


@pytest.fixture(name="begun")
def _begun(tmp_path: Path) -> Iterator[Callable[[int], tuple[Store, RunView]]]:
    """Give a function that makes the history of a new run with so many stages."""
    made: list[Store] = []

    def begun(count: int) -> tuple[Store, RunView]:
        plan = plan_of(count)
        store = Store(tmp_path / f"runs-{len(made)}.db")
        made.append(store)
        created = events.RunCreated(
            pipeline="chain", plan=plan_to_dict(plan), nonce="0", results="/r", by="mina"
        )
        return store, RunView.start(plan, *store.create(RUN, [created], at=1.0))

    yield begun
    for store in made:
        store.close()


def journal_of(store: Store, view: RunView, channels: dict[str, Channel]) -> Journal:
    """Return a journal that tells *channels*."""
    return Journal(
        store,
        view,
        epoch=1,
        wall=lambda: 2.0,
        channels=channels,
        language="en",
        tails=lambda _: "",
        observers=(),
    )


@pytest.mark.parametrize("status", [StageStatus.SUCCEEDED, StageStatus.FAILED])
@pytest.mark.parametrize("told", [{}, CHANNELS], ids=["nobody", "everybody"])
def test_a_turn_costs_what_happens_in_it(
    begun: Callable[[int], tuple[Store, RunView]], told: dict[str, Channel], status: StageStatus
) -> None:
    """The last stage of a long run costs no more than that of a short one."""

    def last_stage(count: int) -> int:
        journal = journal_of(*begun(count), told)
        for number in range(count - 1):
            for turn in life(f"s{number}"):
                journal.write(turn)
        turns = list(life(f"s{count - 1}", status))
        return instructions(lambda: [journal.write(turn) for turn in turns])

    last_stage(2)  # what is made at first use is no part of it
    assert last_stage(LONG) < 1.1 * last_stage(SHORT)


def test_a_join_costs_nothing_before_its_last_predecessor() -> None:
    """The end of one of many stages before another costs no more than that of one of few."""

    def one_end(count: int) -> int:
        names = [f"s{number}" for number in range(count)]
        stages = [
            PlannedStage(name=name, index=number, servers=[SERVER], command="true")
            for number, name in enumerate(names)
        ]
        join = PlannedStage(name="join", index=count, servers=[SERVER], command="true", after=names)
        plan = Plan(name="fan", stages=[*stages, join])
        created = events.RunCreated(pipeline="fan", plan={}, nonce="0", results="/r", by="mina")
        view = RunView.start(plan, recorded(created, 1))
        end = events.StageFinished(stage="s0", status=StageStatus.SUCCEEDED)
        work = instructions(lambda: view.apply(recorded(end, 2)))
        assert view.stages["join"].state == ("waiting" if count > 1 else "queued")
        return work

    one_end(1)
    assert one_end(LONG) < 1.1 * one_end(SHORT)


def recorded(event: Event, seq: int) -> Recorded:
    """Return *event* with its place."""
    return Recorded(run=RUN, seq=seq, at=1.0, epoch=1, event=event)


def test_reading_a_run_is_linear(begun: Callable[[int], tuple[Store, RunView]]) -> None:
    """A run is read, and what it adds up to is known, in one pass over its events."""

    def reading(count: int) -> Callable[[], object]:
        store, view = begun(count)
        turns = itertools.chain.from_iterable(life(f"s{number}") for number in range(count))
        store.append(RUN, [*itertools.chain(*turns)], epoch=1, at=2.0, durable=False)
        assert view.run == RUN
        return lambda: RunView.of(store.read(RUN), plan_from_dict)

    assert growth(SHORT * 10, reading) < LINEAR


def test_a_run_is_found_among_many_without_reading_them(
    begun: Callable[[int], tuple[Store, RunView]],
) -> None:
    """What other runs did is never read: only their names are, to find the one that is meant."""
    store, _ = begun(1)
    (first,) = store.read(RUN)
    alone = instructions(lambda: store.read(store.find("last")))
    for number in range(200):
        older = f"20260713-0930{number:03}-4fa2c1"
        store.create(older, [first.event], at=0.5)
    assert instructions(lambda: store.read(store.find("last"))) < alone + 200 * 40
