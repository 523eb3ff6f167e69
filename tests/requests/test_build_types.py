"""Build types of the user's own: how they are written, and what is wrong with them."""

from __future__ import annotations

import re

import pytest

from buildorch import Config, Pipeline, Stage
from buildorch.analysis.own import analyzer_for, progress_rule
from buildorch.errors import DefinitionError
from buildorch.model import BuildType, Verb
from buildorch.planner import make_plan
from buildorch.yaml.config import parse_config

TEXT = r"""
build_types:
  west:
    verbs:
      build: west build -b {target}
      test: {command: "west twister -T {target}", alone: west twister}
    targets: [nrf52840dk, s32k344]
    everything: all
    tool: ninja
    progress: '\[(?P<percent>\d+)%\]'
    stop: docker stop zephyr-build
"""


def test_every_key_of_a_build_type_arrives() -> None:
    """What config.yaml says is the value that Python makes."""
    verbs: dict[str, Verb | str] = {
        "build": "west build -b {target}",
        "test": Verb("west twister -T {target}", alone="west twister"),
    }
    assert parse_config(TEXT).build_types == {
        "west": BuildType(
            name="west",
            verbs=verbs,
            targets=["nrf52840dk", "s32k344"],
            everything=["all"],
            tool="ninja",
            progress=r"\[(?P<percent>\d+)%\]",
            stop="docker stop zephyr-build",
        )
    }


@pytest.mark.parametrize(
    ("keys", "line", "said"),
    [
        ("targets: a", 3, "`verbs` is missing"),
        ("verbs: {}", 3, "there is no verb"),
        ("verbs: make", 3, "verbs with their commands belong here"),
        ("verbs: {build: [make]}", 3, "'build': a command belongs here, not a list"),
        ("verbs:\n      build: make '{target}'", 4, "stands in quotes"),
        ("verbs:\n      build: {alone: make}", 4, "`command` is missing"),
        ("verbs: {b: {command: m, alone: 'm {target}'}}", 3, "{target} has no place here"),
        ("verbs: {b: m}\n    tool: nija", 4, "unknown word 'nija'; did you mean 'ninja'?"),
        ("verbs: {b: m}\n    progress: (x", 4, "is no pattern"),
        ("verbs: {b: m}\n    stop: kill {targets}", 4, "{targets} has no place here"),
        ("verbs: {b: m}\n    verb: m", 4, "unknown key 'verb'"),
    ],
)
def test_a_problem_names_its_line(keys: str, line: int, said: str) -> None:
    """What is wrong with a build type is found when the configuration is read."""
    with pytest.raises(DefinitionError) as caught:
        parse_config(f"build_types:\n  own:\n    {keys}\n", "c.yaml")
    [problem] = caught.value.problems
    assert said in problem.message
    assert problem.line == line


@pytest.mark.parametrize(
    ("pattern", "log", "percent"),
    [
        (r"step (?P<done>\d+) of (?P<total>\d+)", b"x\nstep 3 of 4\nstep 4 of 5: y\n", 80.0),
        (r"(?:\w+: )?(?P<percent>\d+)% built", b"app: 7% built\nother 9%\n", 7.0),
        (r"step (?P<done>\d+) of (?P<total>\d+)", b"nothing\n", None),
    ],
)
def test_progress_is_read_by_a_pattern_of_ones_own(
    pattern: str, log: bytes, percent: float | None
) -> None:
    """The last line that begins with the pattern says how far the build is."""
    analyzer = analyzer_for(None, pattern)
    analyzer.feed(log)
    assert analyzer.progress == percent


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(x", "is no pattern"),
        (r"(\d+)%", "has other groups"),
        (r"(?P<done>\d+)", "has other groups"),
        (r"(?P<percent>\d+)% (?P<unit>\w+)", "has other groups"),
        (r"(?P<percent>\d*)", "matches an empty line"),
        (r"(?P<percent>\d+)(?P=percent)", "is no pattern"),
    ],
)
def test_a_pattern_that_says_no_progress_is_refused(pattern: str, said: str) -> None:
    """Only what gives a percentage is a pattern of progress."""
    with pytest.raises(ValueError, match=re.escape(said)):
        progress_rule(pattern)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tool": "bitbak"}, "tool: 'bitbak' is no tool whose logs are known; did you mean"),
        ({"progress": "x"}, "progress: 'x' has other groups"),
    ],
)
def test_the_options_of_a_stage_are_checked(options: dict[str, str], said: str) -> None:
    """Stages in Python are held to the same."""
    stage = Stage(name="a", command="make").with_(**options)  # type: ignore[arg-type] # table
    with pytest.raises(DefinitionError) as caught:
        make_plan(Pipeline("p", stage), Config())
    assert said in str(caught.value)
