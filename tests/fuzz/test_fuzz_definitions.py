"""What people write: definitions, durations and names, read once and read again the same."""

from __future__ import annotations

import json
import tracemalloc
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildorch import Pipeline
from buildorch.duration import MAX_DAYS, exact_duration, format_duration, parse_duration
from buildorch.errors import BuildorchError, DefinitionError, Problem
from buildorch.flow import Stage, parallel
from buildorch.names import MAX_BYTES, MAX_CHARACTERS, check_name, same_name
from buildorch.yaml.config import parse_config
from buildorch.yaml.pipeline import PIPELINE_FIELDS, parse_pipeline
from buildorch.yaml.servers import SERVER_FIELDS
from buildorch.yaml.stages import STAGE_FIELDS

_QUICK = settings(deadline=None)
_LETTERS = st.text(
    st.characters(categories=["Lu", "Ll", "Lt", "Lo", "Lm", "Mn", "Mc", "Nd"]), max_size=8
)
_SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "make", "2h", "1:30", "a", "b", "../x", "always", "{secret: A}", "0644"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["name", "times", "on", "secret", "A", "x-a"]), inner),
    ),
    max_leaves=6,
)
_GOOD: dict[str, st.SearchStrategy[Any]] = {
    "command": st.sampled_from(["make", "pytest -v", ["pytest", "-v"]]),
    "timeout": st.sampled_from(["2h", 30, "1h30m"]),
    "retry": st.integers(0, 5),
    "env": st.dictionaries(st.sampled_from(["A", "B_1"]), st.sampled_from(["x", 1, "no"])),
    "allow_failure": st.booleans(),
    "always": st.booleans(),
}


def _one(fields: list[str], *, strange: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Return mappings with some keys of a schema, their values sensible or *strange*."""
    keys = {key: _VALUES if strange else _GOOD[key] for key in fields if strange or key in _GOOD}
    return st.fixed_dictionaries({}, optional=keys)


@st.composite
def _pipelines(draw: st.DrawFn) -> dict[str, Any]:
    """Return pipelines whose structure is right, and of which a value may be anything."""
    strange = draw(st.booleans())
    names = draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5, unique=not strange))
    stages = []
    for number, name in enumerate(names):
        more = draw(_one(sorted(STAGE_FIELDS), strange=False))
        before = draw(st.lists(st.sampled_from(names[:number]), unique=True)) if number else []
        stages.append({"name": name, "command": "make", "depends_on": before, **more})
    document: dict[str, Any] = {"name": "p", "stages": stages}
    if strange:
        stages[-1] |= draw(_one(sorted(STAGE_FIELDS), strange=True))
        document |= draw(_one(sorted(PIPELINE_FIELDS), strange=True))
    return document


def _read(parse: Callable[[str | bytes, str], object], text: str) -> object:
    """Return what was read, or the problems."""
    try:
        return parse(text, "a.yaml")
    except DefinitionError as error:
        return error.problems or (Problem("an error without a problem"),)


def _check(parse: Callable[[str | bytes, str], object], document: object) -> object:
    text = json.dumps(document)
    found = _read(parse, text)
    lines = text.count("\n") + 1
    for problem in found if isinstance(found, tuple) else ():
        assert isinstance(problem, Problem)
        assert 1 <= (problem.line or 0) <= lines
        assert 1 <= (problem.column or 0) <= len(text) + 1
        assert problem.message.isprintable()
    again = _read(parse, text)
    assert found == again or isinstance(found, Pipeline), again
    return found


@_QUICK
@given(_pipelines())
def test_a_pipeline_is_read_again_the_same(document: dict[str, Any]) -> None:
    """Reading twice gives equal values or equal problems, each with its place."""
    _check(parse_pipeline, document)


@_QUICK
@given(
    st.fixed_dictionaries(
        {"servers": st.dictionaries(_LETTERS, _one(sorted(SERVER_FIELDS), strange=True))},
        optional=dict.fromkeys(("defaults", "notifications", "language", "x-a", "b"), _VALUES),
    )
)
def test_a_configuration_is_read_again_the_same(document: dict[str, Any]) -> None:
    """So does a configuration."""
    _check(parse_config, document)


@_QUICK
@given(_pipelines())
def test_a_plan_of_any_file_is_one_or_a_report(document: dict[str, Any]) -> None:
    """What can be read is planned, or refused with all its problems: nothing else is raised."""
    try:
        first, second = (parse_pipeline(json.dumps(document), "a.yaml") for _ in range(2))
    except DefinitionError:
        return
    try:
        plan = first.plan()
    except DefinitionError:
        return
    assert plan == second.plan()


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "a: " * 50_000,
        "&a " * 50_000,
        "x: &a [1, 2]\ny: &b [" + "*a, " * 5000 + "]\nz: [" + "*b, " * 5000 + "]",
        "- " * 20_000,
        '"' + "\\n" * 20_000,
    ],
    ids=lambda text: text[:10],
)
def test_no_text_takes_much_memory(text: str) -> None:
    """Depth, anchors and escapes take memory in proportion to the text."""
    tracemalloc.start()
    try:
        _read(parse_pipeline, text)
        _read(parse_config, text)
        assert tracemalloc.get_traced_memory()[1] < 200_000_000
    finally:
        tracemalloc.stop()


_SECONDS = st.floats(1e-3, MAX_DAYS * 86400) | st.integers(1, MAX_DAYS * 86400).map(float)


@_QUICK
@given(_SECONDS)
def test_a_limit_reads_back(seconds: float) -> None:
    """A limit of any length is printed so that it reads back."""
    assert parse_duration(exact_duration(seconds)) == pytest.approx(seconds, abs=1e-6)


@_QUICK
@given(_SECONDS, st.sampled_from(["en", "ko"]))
def test_a_printed_duration_is_near(seconds: float, language: str) -> None:
    """What people read is the duration, rounded; English reads back."""
    shown = format_duration(seconds, language)
    assert shown
    if language == "en" and not shown.startswith("0"):
        step = 1 if seconds < 60 else 60 if seconds < 86400 else 3600
        assert abs(parse_duration(shown) - seconds) <= step


@_QUICK
@given(_LETTERS, _LETTERS)
def test_names_are_equal_in_any_form(first: str, second: str) -> None:
    """Composed or not, in capitals or not: what is the same name stays the same name."""
    for form in ("NFC", "NFD"):
        assert same_name(first) == same_name(unicodedata.normalize(form, first))
    assert same_name(first) == same_name(same_name(first))
    if same_name(first) == same_name(second):
        assert same_name(first.upper()) == same_name(second.upper())


@_QUICK
@given(st.text(_LETTERS.filter(bool).map(lambda text: text[0]), max_size=120))
def test_an_accepted_name_is_a_file(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """An accepted name is NFC, within its limits, and makes a folder and a log beside others."""
    try:
        good = check_name(name)
    except ValueError:
        return
    assert good == check_name(good) == unicodedata.normalize("NFC", name)
    assert len(good) <= MAX_CHARACTERS
    assert len(good.encode()) <= MAX_BYTES
    folder = Path(tmp_path_factory.getbasetemp(), "names", good)
    folder.mkdir(parents=True, exist_ok=True)
    assert good in {path.name for path in folder.parent.iterdir()}
    folder.rmdir()


@_QUICK
@given(_LETTERS)
def test_two_stages_of_one_name_are_found(name: str) -> None:
    """Whatever its letters, a name in capitals is the same name in a plan."""
    try:
        pair = [Stage(name=one, command=f"make {one}") for one in (name.lower(), name.upper())]
        names = {check_name(stage.name) for stage in pair}
    except (BuildorchError, ValueError):
        return
    if len(names) == 1 or same_name(name.lower()) != same_name(name.upper()):
        return
    with pytest.raises(DefinitionError):
        Pipeline("p", parallel(*pair)).plan()
