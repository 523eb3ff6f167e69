"""Whatever stands in a file, reading it ends soon, with a value or with a definition error."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from buildorch.errors import DefinitionError, Problem
from buildorch.yaml.config import parse_config
from buildorch.yaml.pipeline import PIPELINE_FIELDS, parse_pipeline
from buildorch.yaml.servers import SERVER_FIELDS
from buildorch.yaml.stages import STAGE_FIELDS

CASES = Path(__file__).parent / "cases"
SAMPLES = [path.read_bytes() for path in sorted(CASES.glob("*.yaml"))]
SECONDS = 5.0

#: Pieces that YAML gives a meaning to, and the words of the two files.
PIECES = [
    *(" ", "\n", "\n  ", "\n    ", "\t", ": ", "- ", "? ", "# ", ", ", "[", "]", "{", "}"),
    *("&a ", "*a", "<<: ", "<<: *a", "!!str ", "%YAML 1.1\n", "---\n", "...\n", "|\n", ">-\n"),
    *("'", '"', '"\\x', '"\\U99999999"', "\\", "@", "`", "~", "null", "true", "1:30", "1e999"),
    *("\ufeff", "\r", "\0", "\x85", "\u2028", "\ud800", "가", "\U0001f680", "9" * 5000, "-1"),
    *("x-a: ", "pipeline:\n", "stages:\n", "name: a\n", "secret", "servers:\n", "defaults:\n"),
    *("notifications:\n", "on_failure:\n", "on_success:\n", "notify", "retry", "times", "type"),
    *(f"{key}: " for key in (*PIPELINE_FIELDS, *STAGE_FIELDS, *SERVER_FIELDS)),
]


def problems(parse: Callable[[str | bytes, str], object], text: str | bytes) -> tuple[Problem, ...]:
    try:
        parse(text, "a.yaml")
    except DefinitionError as error:
        return error.problems or (Problem("an error without a problem"),)
    return ()


def check(text: str | bytes) -> None:
    before = time.monotonic()
    for problem in (*problems(parse_pipeline, text), *problems(parse_config, text)):
        assert problem.file == "a.yaml"
        assert (problem.line or 0) >= 1
        assert (problem.column or 0) >= 1
        assert len(problem.message) < 600
    assert time.monotonic() - before < SECONDS


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    """No bytes make anything else than a value or a definition error with its place."""
    check(data)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    """No text does, surrogates and control characters included."""
    check(text)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_mixture_of_what_has_a_meaning(text: str) -> None:
    """No order of signs and keys does."""
    check(text)


@settings(deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_any_damaged_file(sample: bytes, data: st.DataObject) -> None:
    """No file does that lost, gained or swapped a part."""
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, min(len(sample), start + 40)))
    piece = data.draw(st.sampled_from(PIECES)).encode("utf-8", "surrogatepass")
    check(sample[:start] + piece + sample[end:])


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.sampled_from(["", "~", "true", "5", "1:30", "a", "' '", "../x", '"\\n"', "{secret: A}"]),
        lambda inner: (
            st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
            | st.lists(
                st.tuples(st.sampled_from(["name", "times", "on", "A", "secret", "x-a"]), inner),
                max_size=3,
            ).map(lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}")
        ),
        max_leaves=8,
    ),
    st.data(),
)
def test_any_value_of_any_key(value: str, data: st.DataObject) -> None:
    """No key takes a value of a wrong kind."""
    stage = data.draw(st.sampled_from(sorted(STAGE_FIELDS)))
    pipeline = data.draw(st.sampled_from(sorted(PIPELINE_FIELDS)))
    server = data.draw(st.sampled_from(sorted(SERVER_FIELDS)))
    check(f"name: a\nstages: [{{name: b, command: c}}, {{{stage}: {value}}}]")
    check(f"{pipeline}: {value}\nstages: [{{name: b, command: c}}]")
    check(f"servers: {{a: {{{server}: {value}}}}}\nnotifications: {{a: {{{server}: {value}}}}}")


def test_large_files_take_bounded_time() -> None:
    """Thousands of mistakes, references and stages end within seconds."""
    many = 2000
    names = ", ".join(f"no-such-stage-{number}" for number in range(many))
    stages = "\n".join(f"  - {{name: stage-{number}, command: make}}" for number in range(many))
    check(f"name: a\nstages:\n{stages}\n  - {{name: b, command: c, depends_on: [{names}]}}\n")
    check("name: a\n" + "\n".join(f"unknown{number}: 1" for number in range(many)))
    check("name: a\nstages:\n" + "  - {name: same, command: make}\n" * many)
    check("name: " + "a" * 500_000)
    check("x: &a [1]\n" + "y: *a\n" * 10_000)
