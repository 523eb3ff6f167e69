"""check and graph: what is wrong with a definition, and what it would do."""

from __future__ import annotations

import json

import pytest

from cli.conftest import Here
from cli.user import User

WRONG = """\
name: wrong
stages:
  - name: a
    comand: make
  - name: b
    command: make
    timeout: soon
"""

PIPELINE = '''\
from buildorch import pipeline, stage


@stage
def compile(jobs=2):
    return f"make -j {jobs}"


@pipeline
def nightly(jobs: int = 2):
    """Everything, each night."""
    return compile(jobs=jobs)
'''

CHECKED = """\
nightly: 1 stage
Everything, each night.
jobs = 8

1. compile, on this machine (the default where no server is named)
   make -j 8
   in HERE, by bash -e (sh -e where there is no bash)
   at most 1 attempt, without a timeout

nobody is told
"""


def test_check_says_what_it_would_do(user: User, here: Here) -> None:
    """A definition without problems is told in words; `--dry-run` says the same."""
    user.write("ci.py", PIPELINE)
    checked = here("check", "ci.py", "--param", "jobs=8")
    assert (checked.code, user.plain(checked.out), checked.err) == (0, CHECKED, "")
    assert here("run", "ci.py", "--param", "jobs=8", "--dry-run") == checked
    assert not (user.folder / "results").exists()


def test_check_says_everything_that_is_wrong(user: User, here: Here) -> None:
    """All problems come at once, each with its place; a program gets the same as JSON."""
    user.write("wrong.yaml", WRONG)
    told = here("check", "wrong.yaml")
    assert (told.code, told.out) == (2, "")
    assert told.err.splitlines() == [
        "wrong.yaml:3:5: stage 'a': `command` is missing",
        "wrong.yaml:4:5: stage 'a': unknown key 'comand'; did you mean 'command'?",
        told.err.splitlines()[2],
    ]
    found = here("check", "wrong.yaml", "--json")
    assert (found.code, found.err) == (2, "")
    report = json.loads(found.out)
    assert report["valid"] is False
    assert [(one["file"], one["line"], one["column"]) for one in report["problems"]] == [
        ("wrong.yaml", 3, 5),
        ("wrong.yaml", 4, 5),
        ("wrong.yaml", 7, 14),
    ]
    assert here("run", "wrong.yaml").code == 2


def test_a_valid_definition_is_told_to_programs(user: User, here: Here) -> None:
    """Without problems the JSON says so, with code 0."""
    user.stages("a", a="make")
    found = here("check", "a.yaml", "--json")
    assert (found.code, found.out) == (0, '{"valid": true, "problems": []}\n')


@pytest.mark.parametrize(
    "words", [("none.yaml",), ("none.py",), ("ci.py:none",), ("ci.py", "--param", "jobs=eight")]
)
def test_every_mistake_is_json_with_json(user: User, here: Here, words: tuple[str, ...]) -> None:
    """Whatever is wrong with what `check --json` was given, stdout has one JSON object."""
    user.write("ci.py", PIPELINE)
    found = here("check", *words, "--json")
    report = json.loads(found.out)
    assert (found.code, found.err, report["valid"]) == (2, "", False)
    assert len(report["problems"]) == 1


def test_missing_files_are_told_with_their_neighbours(user: User, here: Here) -> None:
    """A file that is not there is told by its name, with the nearest one beside it."""
    user.stages("nightly", a="make")
    said = "buildorch: there is no file nigthly.yaml; did you mean nightly.yaml?\n"
    for command in ("run", "check", "graph"):
        outcome = here(command, "nigthly.yaml")
        assert (outcome.code, outcome.out, outcome.err) == (2, "", said)
    assert "--config names it" in here("check", "nightly.yaml", "--config", "none.yaml").err


def test_who_cannot_be_told_is_a_warning(user: User, here: Here) -> None:
    """A channel that is named and does not work is said, and is no reason not to build."""
    user.write("buildorch.yaml", "notifications: {alerts: {via: telegram, chat_id: 1}}\n")
    user.write(
        "a.yaml",
        "name: a\non_failure: [{notify: alerts}]\nstages: [{name: a, command: make}]\n",
    )
    outcome = here("check", "a.yaml")
    assert outcome.code == 0
    assert outcome.err.startswith("warning: alerts: has no `token`;")


def test_a_secret_that_is_not_set_is_a_warning(user: User, here: Here) -> None:
    """`check` says of each secret what would keep a run from beginning."""
    user.write(
        "a.yaml",
        "name: a\nstages: [{name: a, command: make, env: {A: {secret: NO_SUCH_ONE}}}]\n",
    )
    outcome = here("check", "a.yaml")
    said = "stage a: the secret NO_SUCH_ONE is not set; export it, then try again\n"
    assert (outcome.code, outcome.err) == (0, f"warning: {said}")
    assert said in here("run", "a.yaml").err


@pytest.mark.parametrize(
    ("form", "beginning"),
    [
        ("text", "a (local)\n  b (local) <- a\n"),
        ("mermaid", "flowchart LR\n"),
        ("dot", 'digraph "ab" {\n'),
        ("svg", "<svg "),
    ],
)
def test_graphs_have_forms(user: User, here: Here, form: str, beginning: str) -> None:
    """Each form of the drawing is on stdout, and nothing else is."""
    user.stages("ab", a="make", b="make test")
    outcome = here("graph", "ab.yaml", "--form", form)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(beginning)


def test_a_form_that_is_none(user: User, here: Here) -> None:
    """Another form is refused with those that there are."""
    user.stages("ab", a="make")
    outcome = here("graph", "ab.yaml", "--form", "png")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "buildorch: --form takes text, mermaid, dot, svg, not 'png'\n"
