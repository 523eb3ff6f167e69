"""Requests as pipelines: commands by build type, order, names, and targets that no shell reads."""

from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from buildorch import Pipeline
from buildorch.errors import DefinitionError
from buildorch.flow import Flow
from buildorch.model import BuildType, Config, Server, Verb
from buildorch.names import MAX_CHARACTERS, check_name
from buildorch.planner import find_server, make_plan
from buildorch.requests import BUILD_TYPES, Item, Request, requested, resolved
from buildorch.requests.templates import check_target, check_template, filled

OWN = {
    "west": BuildType(name="west", verbs={"build": "west build -b {target}"}, targets=["a", "b"]),
    "echo": BuildType(name="echo", verbs={"say": "printf '%s\\n' {targets}"}),
}
KINDS = [*BUILD_TYPES, *OWN]
SERVERS = {f"{kind}-1": Server(name=f"{kind}-1", host="h", build_type=kind) for kind in KINDS}
NONE = {"none": Server(name="none", host="h"), "odd": Server(name="odd", build_type="bitbak")}
CONFIG = Config(servers={**SERVERS, **NONE}, build_types=OWN)


def find(name: str) -> Server:
    """Return the server that a name stands for, as the command line does."""
    return find_server(name, CONFIG)


def made(text: str) -> Pipeline:
    """Return the pipeline that *text* asks for."""
    return requested(text, CONFIG, find, "r")


def commands(text: str) -> list[object]:
    """Return the commands of what *text* asks for."""
    return [stage.command for stage in made(text).flow().stages]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bitbake: build linux-s32", ["bitbake linux-s32"]),
        ("bitbake: clean a b", ["bitbake -c clean a b"]),
        ("bitbake linux-s32", ["bitbake linux-s32"]),
        ("build.py: build vam dpm", ["./build.py --module vam", "./build.py --module dpm"]),
        ("build.py: build vam vam", ["./build.py --module vam"]),
        ("pytest: run tests", ["pytest -v"]),
        ("pytest: run", ["pytest -v"]),
        ("pytest: test a.py::b[c]", ["pytest -v 'a.py::b[c]'"]),
        ("cmake: build", ["cmake --build build"]),
        ("cmake: build app lib", ["cmake --build build --target app lib"]),
        ("cmake: configure", ["cmake -S . -B build"]),
        ("make: build all", ["make all"]),
        ("make: clean", ["make clean"]),
        ("cargo: build all", ["cargo build"]),
        ("cargo: test core", ["cargo test --package core"]),
        ("west b", ["west build -b b"]),
        ("echo x", ["printf '%s\\n' x"]),
    ],
)
def test_a_build_type_gives_the_commands(text: str, expected: list[str]) -> None:
    """Verb and targets fill the template of the server's build type, built in or one's own."""
    assert commands(text) == expected


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nobody: build x", "unknown server 'nobody'"),
        ("bitbak: bild x", "the build type bitbake has no verb 'bild'; did you mean 'build'?"),
        ("bitbake: build", "`build` needs a target"),
        ("west: build", "`build` needs a target; it takes a, b"),
        ("west: build c", "the build type west has no target 'c'"),
        ("make: clean x", "`clean` takes no target, but 'x' is given"),
        ("make: build -j8", "options belong in the verb"),
        ("make: build ''", "a target has 1 to 1000 characters"),
        ("make: build 'a\tb'", "a character that cannot be printed"),
        ("none: build x", "add `build_type: bitbake` (or build.py, pytest, cmake, make, cargo"),
        ("odd: build x", "the unknown build type 'bitbak'; did you mean 'bitbake'?"),
    ],
)
def test_what_no_server_takes_is_told_with_its_line(line: str, said: str) -> None:
    """The message says what is known instead, and quotes the line."""
    with pytest.raises(DefinitionError) as caught:
        made(f"parallel:\n  - make: build ok\n  - {line}\n")
    [problem] = caught.value.problems
    assert said in problem.message
    assert problem.message.endswith(f"\n    - {line}")
    assert (problem.file, problem.line) == ("r", 3)


def test_shape_and_meaning_are_told_together() -> None:
    """Lines that cannot be read and lines that nobody takes are one report, in their order."""
    with pytest.raises(DefinitionError) as caught:
        made("pipeline:\n  1. nobody: build x\n  2. make build\n  3. make: bild (after 9)")
    lines = [problem.line for problem in caught.value.problems]
    assert lines == [2, 3, 4, 4]


def edges(flow: Flow) -> set[tuple[str, str]]:
    """Return which stage comes before which."""
    names = [stage.name for stage in flow.stages]
    return {(names[before], names[after]) for before, after in flow.edges}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("parallel:\n - make: build a\n - make: build b", set()),
        (
            "sequential:\n - make: build a\n - build.py: build b c\n - make: clean",
            {
                ("make-build-a", "build.py-build-b"),
                ("make-build-a", "build.py-build-c"),
                ("build.py-build-b", "make-clean"),
                ("build.py-build-c", "make-clean"),
            },
        ),
        (
            "pipeline:\n 3. make: build a (after 5, 7)\n 5. make: build b\n 7. make: build c",
            {("make-build-b", "make-build-a"), ("make-build-c", "make-build-a")},
        ),
    ],
)
def test_the_kind_says_the_order(text: str, expected: set[tuple[str, str]]) -> None:
    """At once, one after the other, or as `(after N)` says."""
    assert edges(made(text).flow()) == expected


def test_a_cycle_is_refused_by_the_plan() -> None:
    """A request becomes an ordinary pipeline: what the planner finds is found."""
    pipeline = made("pipeline:\n 1. make: build a (after 2)\n 2. make: build b (after 1)")
    with pytest.raises(DefinitionError, match="cycle: make-build-a -> make-build-b") as caught:
        make_plan(pipeline, CONFIG)
    assert caught.value.problems[0].line == 2


def test_the_tool_is_known_from_the_build_type() -> None:
    """The log of a build is read by the rules that its build type names."""
    plan = make_plan(made("sequential:\n - bitbake: build a\n - build.py: build b"), CONFIG)
    assert [stage.tool for stage in plan.stages] == ["bitbake", None]
    assert [stage.servers[0].name for stage in plan.stages] == ["bitbake-1", "build.py-1"]
    assert [stage.title for stage in plan.stages] == ["bitbake: build a", "build.py: build b"]


def test_too_many_stages_are_refused() -> None:
    """A request that would make thousands of stages is a slip."""
    with pytest.raises(DefinitionError, match="more than 1000 stages"):
        made("build.py: build " + " ".join(map(str, range(1001))))


#: Parts of lines that fit together often enough.
PARTS = st.sampled_from(
    [
        *("pipeline:\n", "parallel:\n", "sequential: ", "\n", "\n", " ", "1. ", "2. ", "- "),
        *("make: ", "build.py: ", "west: ", "nobody: ", "none:", "build ", "clean", "a ", "b "),
        *("(after 1)", "(after 2)", "'", ": ", ", ", "-x ", "{target} ", "\0"),
    ]
)


@given(st.lists(PARTS, max_size=20).map("".join))
def test_any_request_is_a_plan_or_problems(text: str) -> None:
    """Whatever is asked for, there is a plan that can run, or problems that say why not."""
    try:
        plan = make_plan(made(text), CONFIG)
    except DefinitionError as error:
        problems = error.problems
        assert all(problem.message for problem in problems)
    else:
        assert plan.stages


TARGETS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=150)


def fits(target: str) -> bool:
    """Tell whether *target* may be one."""
    try:
        check_target(target)
    except ValueError:
        return False
    return True


@given(st.lists(TARGETS.filter(fits), min_size=1, max_size=4))
@example(["..", "."])
@example(["🦀" * 90, "한" * 90, "e\u0301"])
@example(["A", "a"])
def test_any_target_makes_a_valid_plan(targets: list[str]) -> None:
    """Names are made of targets so that every one is a name, and no two are the same."""
    items = [Item(alias="make", verb="build", targets=[target]) for target in targets]
    plan = make_plan(resolved(Request(kind="parallel", items=items), CONFIG, find), CONFIG)
    assert len(plan.stages) == len(targets)
    for stage in plan.stages:
        assert check_name(stage.name) == stage.name
        assert len(stage.name) <= MAX_CHARACTERS


@given(st.lists(TARGETS.filter(fits), min_size=1, max_size=3))
@example(["$(touch x)", "`id`", "a;b", "*", "'", '"', "\\", "~", "!x", "a b", "{target}"])
@settings(max_examples=25, deadline=None)
def test_no_shell_reads_a_target(targets: list[str]) -> None:
    """Whatever a target is, the program gets it as it was written."""
    command = filled("printf '%s\\0' {targets}", targets)
    done = subprocess.run(["bash", "-ec", command], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == targets


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (" ", "an empty command"),
        ("make '{target}'", "stands in quotes"),
        ('make "x {targets}"', "stands in quotes"),
        ("echo `make {target}`", "stands in quotes"),
        ("make \\{target}", "stands in quotes"),
        ("make ${target}", "is a variable of the shell"),
        ("cat <<EOF\n{target}\nEOF", "stands after <<"),
        ("make {tagret}", "{tagret} is no place for targets"),
        ("make {target} {targets}", "keep one of them"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(template: str, said: str) -> None:
    """Where a shell would read the quotes otherwise, or a place is a slip, no target is put."""
    with pytest.raises(ValueError, match=re.escape(said)):
        check_template(template)


@pytest.mark.parametrize("template", ["awk '{print}' {target}", "echo ${HOME} {a,b} $({target})"])
def test_other_braces_are_the_shells(template: str) -> None:
    """Braces that are no place for targets stay what they are."""
    check_template(template)


@pytest.mark.parametrize("kind", BUILD_TYPES.values(), ids=lambda kind: str(kind.name))
def test_the_built_in_types_are_right(kind: BuildType) -> None:
    """Every command of a build type that is built in can be filled."""
    for verb in kind.verbs.values():
        check_template(verb.command)
        assert "{" not in (verb.alone or "")


def test_a_wrong_type_in_python_is_a_problem_of_its_line() -> None:
    """A template that Python code gives is checked when it is used."""
    types = {"make": BuildType(name="make", verbs={"build": Verb("make '{target}'")})}
    config = Config(servers=SERVERS, build_types=types)
    with pytest.raises(DefinitionError, match="stands in quotes"):
        requested("make: build x", config, find)


@pytest.mark.parametrize("shell", ["bash", "sh"])
@pytest.mark.parametrize("exit_code", [0, 7])
def test_a_stop_hook_changes_no_exit_code(exit_code: int, shell: str) -> None:
    """A build that ends by itself ends as it would without the hook, which does not run."""
    verbs = {"build": f"echo out; exit {exit_code}"}
    types = {"make": BuildType(name="make", verbs=verbs, stop="echo 'stopped'")}
    asked = requested("make: build", Config(servers=SERVERS, build_types=types), find)
    command = str(asked.flow().stages[0].command)
    done = subprocess.run([shell, "-ec", command], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (exit_code, b"out\n")
