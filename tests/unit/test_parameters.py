from __future__ import annotations

import enum
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.errors import UsageError
from buildorch.model import Secret
from buildorch.parameters import convert, decode, encode
from buildorch.signatures import Parameter


class Level(enum.Enum):
    DEBUG = "debug"
    RELEASE = "release"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (str, "4", "4"),
        (Any, "4", "4"),
        (int, "4", 4),
        (int, "-4", -4),
        (float, "1e3", 1000.0),
        (bool, "yes", True),
        (bool, "False", False),
        (Path, "a/b", Path("a/b")),
        (Secret, "TOKEN", Secret("TOKEN")),
        (Literal["a", "b"], "b", "b"),
        (Literal[1, 2], "2", 2),
        (Level, "debug", Level.DEBUG),
        (int | None, "4", 4),
        (int | None, "none", None),
        (str | None, "none", None),
        (str | None, "x", "x"),
        (str | int, "4", 4),
        (str | Secret, "x", "x"),
        (list[str], "a, b", ["a", "b"]),
        (list[int], "1,2", [1, 2]),
        (Sequence[str], "a", ["a"]),
        (list, "a,b", ["a", "b"]),
        (dict[str, int], '{"a": 1}', {"a": 1}),
    ],
)
def test_text_becomes_the_parameters_type(kind: Any, text: str, value: Any) -> None:
    """What the command line gives is text; the annotation says what it means."""
    assert convert(Parameter("x", kind), text) == value


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (int, "eight", "a whole number"),
        (int, "1_000", "a whole number"),
        (int, "٣", "a whole number"),
        (float, "nan", "a number"),
        (bool, "maybe", "true or false"),
        (Literal["a", "b"], "c", "one of a, b"),
        (Level, "fast", "one of debug, release"),
        (int | None, "x", "a whole number or nothing"),
        (list[int], "1,x", "a list (between commas), each item a whole number"),
        (dict[str, int], "{", "JSON"),
    ],
)
def test_a_refused_text_names_parameter_type_and_value(kind: Any, text: str, said: str) -> None:
    """A user who mistyped reads which parameter, what it takes, and what was given."""
    with pytest.raises(UsageError) as error:
        convert(Parameter("jobs", kind), text)
    assert str(error.value) == f"parameter 'jobs' takes {said}, not {text!r}"


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.text("abc/", min_size=1).map(Path)
    | st.text("ABC", min_size=1).map(Secret),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab$", max_size=3), inner),
    max_leaves=8,
)


@given(values)
def test_what_is_stored_comes_back(value: object) -> None:
    """A parameter that passes through the store is the same value to the function."""
    try:
        stored = json.dumps(encode(value))
    except ValueError as error:
        assert "keys are text without $" in str(error)  # noqa: PT017 - only some values are refused
        return
    assert decode(json.loads(stored)) == value


@pytest.mark.parametrize(
    "value", [object(), b"bytes", {1: "x"}, {"$path": "x"}, {1, 2}, float("nan"), float("inf")]
)
def test_what_cannot_be_stored_is_refused(value: object) -> None:
    """A value that would not come back is refused when the plan is made."""
    with pytest.raises(ValueError, match="cannot be stored"):
        encode(value)


def test_secrets_are_resolved_where_asked() -> None:
    """The store keeps the name of the variable; the run puts in the value."""
    stored = encode({"token": [Secret("TOKEN")]})
    assert decode(stored, {Secret("TOKEN"): "s3cret"}.__getitem__) == {"token": ["s3cret"]}


def test_members_of_an_enum_are_stored_by_value() -> None:
    """An enum is as good as its values."""
    assert encode(Level.DEBUG) == "debug"
