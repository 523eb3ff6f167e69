"""Laws of what is told: the critical path, the end, what is compared with what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from buildorch import events
from buildorch.events import Event
from buildorch.model import THIS_MACHINE, Plan, PlannedStage, RunStatus, StageStatus
from buildorch.report import Report, read_report
from buildorch.report.comparison import parameter_changes, stage_changes
from buildorch.report.facts import Report as Facts
from buildorch.store.codec import plan_to_dict
from buildorch.store.database import Store

#: What happens at which second.
Happening = tuple[float, Event]


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterable[Store]:
    with Store(tmp_path / "runs.db") as store:
        yield store


def a_plan(name: str = "p", **after: str) -> Plan:
    """Return a plan of stages and what each follows, in the order in which they are given."""
    stages = [
        PlannedStage(
            name=stage, index=index, servers=[THIS_MACHINE], command="true", after=before.split()
        )
        for index, (stage, before) in enumerate(after.items())
    ]
    return Plan(name=name, stages=stages)


def ran(stage: str, begin: float, end: float, **fields: object) -> list[Happening]:
    """Return what is stored of a stage that ran once."""
    values: dict[str, object] = {"status": StageStatus.SUCCEEDED, "attempts": 1, **fields}
    return [
        (begin, events.AttemptStarted(stage=stage, attempt=1, server="local")),
        (begin, events.StepLaunching(stage=stage, attempt=1, step=1, server="local", job="j")),
        (end, events.StageFinished(stage=stage, seconds=end - begin, **values)),  # type: ignore[arg-type]
    ]


def stored(
    store: Store,
    run: str,
    plan: Plan,
    happened: Iterable[Happening],
    *,
    at: float = 0.0,
    end: RunStatus | None = RunStatus.SUCCEEDED,
    params: Mapping[str, str] | None = None,
) -> str:
    """Store a run that began at *at*, and return its id."""
    created = events.RunCreated(
        pipeline=plan.name,
        plan=plan_to_dict(plan),
        nonce="n",
        results=f"/results/{run}",
        by="dev1",
        params=dict(params or {}),
    )
    store.create(run, [created], at=at)
    last = 0.0
    for last, event in sorted(happened, key=lambda one: one[0]):
        store.append(run, [event], epoch=1, at=at + last, durable=False)
    if end is not None:
        over = events.RunFinished(status=end, seconds=last, results=f"/results/{run}")
        store.append(run, [over], epoch=1, at=at + last, durable=False)
    return run


PATHS = [
    pytest.param(
        a_plan(a="", b="", c="a b"),
        [*ran("a", 0, 5), *ran("b", 0, 9), *ran("c", 9, 12)],
        ("b", "c"),
        id="the later of two",
    ),
    pytest.param(
        a_plan(a="", b="a", c=""),
        [*ran("a", 0, 2), *ran("b", 2, 3), *ran("c", 0, 8)],
        ("c",),
        id="a branch of its own",
    ),
    pytest.param(
        a_plan(a="", b="a", c="b"),
        [
            *ran("a", 0, 4, status=StageStatus.FAILED),
            (4.0, events.StageFinished(stage="b", status=StageStatus.SKIPPED)),
            *ran("c", 4, 6),
        ],
        ("a", "c"),
        id="past one that never ran",
    ),
    pytest.param(a_plan(a=""), [], (), id="nothing ran"),
]


@pytest.mark.parametrize(("plan", "happened", "path"), PATHS)
def test_the_critical_path(
    store: Store, plan: Plan, happened: list[Happening], path: tuple[str, ...]
) -> None:
    """It is the chain of stages that the end waited for."""
    run = stored(store, "20260101-000000-aaaaaa", plan, happened)
    assert path == read_report(store, run).critical


def told(store: Store, happened: list[Happening], *, alive: bool = False) -> Report:
    plan = a_plan(a="", b="a")
    run = stored(store, "20260101-000000-aaaaaa", plan, happened, end=None)
    return read_report(store, run, alive=alive)


def test_a_run_without_its_end(store: Store) -> None:
    """A driven run is under way until now; one that nobody drives is known up to its last fact."""
    half = ran("a", 0, 5)
    report = told(store, half)
    assert ("interrupted", 5.0, 5.0) == (report.status, report.ended_at, report.seconds)
    driven = Facts(view=report.view, records=report.records, short="1", alive=True, made_at=100.0)
    assert ("running", 100.0) == (driven.status, driven.ended_at)


def test_a_run_that_is_being_archived(store: Store) -> None:
    """It counts as what it will be: the report is in the archive, which comes before the end."""
    report = told(store, [*ran("a", 0, 5), *ran("b", 5, 6)], alive=True)
    assert "succeeded" == report.status


def test_which_run_it_is_compared_with(store: Store) -> None:
    """The newest good one of the pipeline before it: none that failed, is newer, or another's."""
    plan, other = a_plan(a=""), a_plan("other", a="")
    done = ran("a", 0, 5)
    stored(store, "20260101-000001-aaaaaa", plan, done, at=1)
    stored(store, "20260101-000002-aaaaaa", plan, done, at=2)
    stored(store, "20260101-000003-aaaaaa", plan, done, at=3, end=RunStatus.FAILED)
    stored(store, "20260101-000004-aaaaaa", other, done, at=4)
    run = stored(store, "20260101-000005-aaaaaa", plan, done, at=5)
    stored(store, "20260101-000006-aaaaaa", plan, done, at=6)
    before = read_report(store, run).before
    assert before is not None
    assert "20260101-000002-aaaaaa" == before.run
    assert read_report(store, "20260101-000001-aaaaaa").before is None


def test_what_is_different(store: Store) -> None:
    """Times, stages that came and went, counts and parameters are told; what is equal is not."""
    then = stored(
        store,
        "20260101-000001-aaaaaa",
        a_plan(a="", gone="", same=""),
        [*ran("a", 0, 5, warnings=2), *ran("gone", 0, 1), *ran("same", 0, 1)],
        params={"jobs": "4", "module": "vam"},
    )
    now = stored(
        store,
        "20260101-000002-aaaaaa",
        a_plan(a="", new="", same=""),
        [*ran("a", 0, 8, warnings=3), *ran("new", 0, 1), *ran("same", 0, 1)],
        at=50,
        params={"jobs": "8", "module": "vam"},
    )
    views = read_report(store, now).view, read_report(store, then).view
    changes = {one.name: one for one in stage_changes(*views)}
    assert ["a", "new", "same", "gone"] == list(changes)
    assert (3.0, ["3 warnings, had 2"]) == (changes["a"].seconds, changes["a"].notes)
    assert (None, ["new in the pipeline"]) == (changes["new"].seconds, changes["new"].notes)
    assert ["no longer in the pipeline"] == changes["gone"].notes
    assert (0.0, []) == (changes["same"].seconds, changes["same"].notes)
    assert ["jobs = 8, was 4"] == parameter_changes(*views)
