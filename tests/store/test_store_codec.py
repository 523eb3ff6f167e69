"""Laws of the stored form of events and plans, and of the public lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from hypothesis import given
from store.store_samples import AT, EVENTS, PLAN, RUN, created, fact, stage_done

from buildorch.errors import StoreDamaged, StoreTooNew
from buildorch.events import (
    KINDS,
    VERSION,
    CancelRequested,
    Event,
    Recorded,
    RunCreated,
    StepFinished,
)
from buildorch.job import JobEnd
from buildorch.model import Plan, PlannedStage, Secret, Server
from buildorch.store import codec


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@given(event=EVENTS)
def test_every_event_survives_the_store(event: Event) -> None:
    """Whatever an event of any kind holds, reading what was stored gives an equal event."""
    fields = through_json(codec.event_to_fields(event))
    assert event == codec.event_from_fields(event.kind, fields)


@given(event=EVENTS)
def test_every_event_has_a_public_line(event: Event) -> None:
    """A line is JSON, begins with the envelope, and says nothing that is None."""
    if isinstance(event, RunCreated):
        event = attrs.evolve(event, plan=created().plan)
    line = through_json(codec.line(Recorded(run=RUN, seq=3, at=AT, epoch=2, event=event)))
    assert list(line)[:5] == ["event", "run", "seq", "at", "epoch"]
    assert (event.kind, RUN, 3, 2) == (line["event"], line["run"], line["seq"], line["epoch"])
    assert None not in line.values()


def test_no_field_hides_the_envelope() -> None:
    """No event has a field of the envelope's names."""
    for cls in KINDS.values():
        names = {field.name for field in attrs.fields(cls)}
        assert not names & {"event", "run", "seq", "at", "epoch", "v"}, cls


def test_plan_survives_the_store() -> None:
    """A stored plan comes back equal: a list of arguments is not text, a secret is a reference."""
    stored = through_json(codec.plan_to_dict(PLAN))
    assert codec.plan_from_dict(stored) == PLAN
    assert stored["stages"][0]["env"]["PASSWORD"] == {"secret": "PASSWORD"}
    assert stored["stages"][1]["command"] == ["pytest", "-v"]


@pytest.mark.parametrize("command", ["make", ("make",), (), "", None])
def test_command_keeps_its_type(command: str | tuple[str, ...] | None) -> None:
    """Text for a shell and a list of arguments never turn into each other."""
    stage = PlannedStage(name="a", index=0, servers=(Server(name="s"),), command=command)
    plan = Plan(name="p", stages=(stage,))
    again = codec.plan_from_dict(through_json(codec.plan_to_dict(plan)))
    assert command == again.stages[0].command
    assert type(command) is type(again.stages[0].command)


def test_secret_value_is_never_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stored plan holds the variable's name and not its value."""
    monkeypatch.setenv("PASSWORD", "correct horse")
    assert "correct horse" not in json.dumps(codec.plan_to_dict(PLAN))
    assert PLAN.stages[0].env["PASSWORD"] == Secret("PASSWORD")


@pytest.mark.parametrize(
    "changes",
    [
        {"attempt": "1"},
        {"attempt": True},
        {"attempt": 1.0},
        {"stage": None},
        {"stage": ["a"]},
        {"log_complete": 1},
        {"unknown": 1},
        {"end": {"kind": "exploded"}},
        {"end": None},
    ],
    ids=str,
)
def test_a_stored_value_of_another_type_is_damage(changes: Mapping[str, Any]) -> None:
    """Nothing is guessed or converted: 5 is no text, and true is no number."""
    event = StepFinished(stage="a", attempt=1, step=1, end=JobEnd(kind="exit"))
    fields = {**codec.event_to_fields(event), **changes}
    with pytest.raises(StoreDamaged, match="step_finished"):
        codec.event_from_fields("step_finished", fields)


@pytest.mark.parametrize("fields", [None, [], "text", 3, {}])
def test_what_is_no_event_is_damage(fields: Any) -> None:
    """Whatever stands in the place of an event's fields, the error is ours."""
    with pytest.raises(StoreDamaged):
        codec.event_from_fields("link_lost", fields)


@pytest.mark.parametrize("fields", [None, [], {"name": 3}, {"name": "a", "stages": [{}]}])
def test_what_is_no_plan_is_damage(fields: Any) -> None:
    """Whatever stands in the place of a plan, the error is ours."""
    with pytest.raises(StoreDamaged, match="cannot be resumed"):
        codec.plan_from_dict(fields)


@pytest.mark.parametrize("kind", ["cancel_requested", "invented_later"])
def test_a_newer_version_is_refused(kind: str) -> None:
    """An event of a newer version is never read by guessing, whether its kind is known or not."""
    with pytest.raises(StoreTooNew, match="upgrade buildorch"):
        codec.event_from_fields(kind, {"by": "mina"}, VERSION + 1)


def test_an_unknown_kind_of_this_version_is_damage() -> None:
    """A kind that this version never had cannot have been stored by it."""
    with pytest.raises(StoreDamaged, match="invented"):
        codec.event_from_fields("invented", {})


def test_older_events_are_upgraded_step_by_step() -> None:
    """Each upcaster leads to the next version; the last result is what is read."""

    def renamed(kind: str, fields: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        return ("cancel_requested" if kind == "stop" else kind), fields

    def with_by(kind: str, fields: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        return kind, {"by": fields["user"]}

    upcasters = {VERSION - 2: renamed, VERSION - 1: with_by}
    stored = {"user": "mina"}
    event = codec.event_from_fields("stop", stored, VERSION - 2, upcasters=upcasters)
    assert CancelRequested(by="mina") == event
    assert stored == {"user": "mina"}


def test_every_older_version_has_an_upcaster() -> None:
    """Whatever was ever released can be read."""
    assert set(range(1, VERSION)) == set(codec.UPCASTERS)


def test_line_of_the_creation_names_stages_and_keeps_the_plan_back() -> None:
    """Programs that follow get the stages' names and the parameters, not the stored plan."""
    line = codec.line(Recorded(run=RUN, seq=1, at=AT, epoch=1, event=created()))
    assert line["stages"] == ["image", "시험"]
    assert line["params"] == {"module": "vam"}
    assert line["pipeline"] == "full-build"
    assert not {"plan", "nonce"} & set(line)


def test_line_is_in_utc_with_milliseconds() -> None:
    """Times are RFC 3339 in UTC, enumerations are text, None is left out."""
    event = stage_done("image", 1.5)
    line = codec.line(Recorded(run=RUN, seq=9, at=AT, epoch=1, event=event))
    assert line["at"] == "2026-07-14T00:00:00.500Z"
    assert line["status"] == "succeeded"
    assert "exit_code" not in line
    assert "retry_in" not in codec.line(Recorded(run=RUN, seq=9, at=AT, epoch=1, event=fact(1)))
