"""Values of every kind that the store's tests write and read."""

from __future__ import annotations

import enum
import math
from pathlib import Path
from typing import Any

import attrs
from hypothesis import strategies as st

from buildorch.events import KINDS, ConnectFailed, Event, RunCreated, RunFinished, StageFinished
from buildorch.job import JobEnd, Wait
from buildorch.model import JSON, Plan, PlannedStage, RunStatus, Secret, Server, StageStatus
from buildorch.store.codec import plan_to_dict
from buildorch.store.places import Places, state_places

RUN = "20260714-093012-4fa2c1"
AT = 1783987200.5

PLAN = Plan(
    name="full-build",
    stages=(
        PlannedStage(
            name="image",
            index=0,
            servers=(Server(name="yocto", host="y1", env={"TOKEN": Secret("DEPLOY_TOKEN")}),),
            command="./build.py -n",
            env={"KEEP": "0644", "PASSWORD": Secret("PASSWORD")},
        ),
        PlannedStage(
            name="시험",
            index=1,
            servers=(Server(name="tests", fallback=("spare",)),),
            command=("pytest", "-v"),
            after=("image",),
            params={"modules": ["vam", {"deep": None}]},
        ),
    ),
    params={"module": "vam"},
)


def created(**changes: Any) -> RunCreated:
    """Return the first event of a run of two stages."""
    fields: dict[str, Any] = {
        "pipeline": "full-build",
        "plan": plan_to_dict(PLAN),
        "nonce": "0" * 32,
        "results": "/work/results",
        "by": "mina",
        "params": {"module": "vam"},
    }
    return RunCreated(**(fields | changes))


def fact(number: int) -> ConnectFailed:
    """Return a small event that says its own number."""
    return ConnectFailed(
        stage="image",
        attempt=1,
        server="yocto",
        reason="refused",
        message="nothing listens",
        tries=number,
        retry_in=None,
    )


def stage_done(stage: str, seconds: float | None, **changes: Any) -> StageFinished:
    """Return the end of a stage; it succeeded unless *changes* say otherwise."""
    fields: dict[str, Any] = {
        "stage": stage,
        "status": StageStatus.SUCCEEDED,
        "seconds": seconds,
        "server": "yocto",
    }
    return StageFinished(**(fields | changes))


def run_done(status: RunStatus = RunStatus.SUCCEEDED) -> RunFinished:
    """Return the end of a run."""
    return RunFinished(status=status, seconds=12.5, results="/work/results")


def home_of(path: Path) -> Places:
    """Return the places of a state folder below *path*."""
    return state_places({"BUILDORCH_HOME": str(path / "home")})


_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)

_JSON: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers() | _NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)

_OBJECTS = st.dictionaries(st.text(), _JSON, max_size=3)


def _texts() -> st.SearchStrategy[str]:
    """Return text, also such as a path with bytes that are no text gives."""
    return st.text() | st.just("caf\udce9")


def _enum(cls: type[enum.Enum]) -> st.SearchStrategy[Any]:
    return st.sampled_from(list(cls))


#: Values that events hold, which are built field by field.
_VALUES: dict[str, Any] = {"JobEnd": JobEnd, "Wait": Wait}


def _field(annotation: str) -> st.SearchStrategy[Any]:
    """Return values for a field; an annotation that is not here needs a line here."""
    base, separator, _ = annotation.partition(" | None")
    values: dict[str, st.SearchStrategy[Any]] = {
        "str": _texts(),
        "int": st.integers(),
        "float": _NUMBERS,
        "bool": st.booleans(),
        "JSON": _JSON,
        "WaitKind": st.sampled_from(["lock", "bitbake"]),
        "EndKind": st.sampled_from(["exit", "signal", "lost"]),
        "StageStatus": _enum(StageStatus),
        "RunStatus": _enum(RunStatus),
        "Mapping[str, JSON]": _OBJECTS,
        "Mapping[str, Any]": _OBJECTS,
        "tuple[str, ...]": st.lists(_texts(), max_size=3).map(tuple),
    }
    if base in _VALUES:
        built = _built(_VALUES[base])
        return built | st.none() if separator else built
    return values[base] | st.none() if separator else values[base]


def _built(cls: Any) -> st.SearchStrategy[Any]:
    # Read from the class itself: typing tools turn the annotation texts into types.
    annotations = {
        field.name: cls.__annotations__.get(field.name, field.type) for field in attrs.fields(cls)
    }
    return st.builds(cls, **{name: _field(str(text)) for name, text in annotations.items()})


#: Any event of any kind.
EVENTS: st.SearchStrategy[Event] = st.sampled_from(sorted(KINDS)).flatmap(
    lambda kind: _built(KINDS[kind])
)

assert math.isfinite(AT)
