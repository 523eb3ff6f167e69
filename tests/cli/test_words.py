"""What words the command line takes, and what it says to others."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from invoke import Collection, Executor

from buildorch.cli.commands import commands, namespace
from buildorch.cli.parsing import HelpShownError, parse, whole_number
from buildorch.errors import UsageError
from cli.conftest import Here
from cli.user import User


def parsed(line: str) -> tuple[str, dict[str, Any]]:
    """Return the command of *line* and the arguments that are not their default."""
    found = parse(line.split(), commands(), program="buildorch", version=lambda: "1.2.3")
    kept = {k: v for k, v in found.arguments.items() if v not in (None, False, [])}
    return found.name, kept


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("run a.yaml", ("run", {"file": "a.yaml", "results": "results"})),
        (
            "run --param a=1 a.yaml --param b=2 -q",
            (
                "run",
                {"file": "a.yaml", "param": ["a=1", "b=2"], "quiet": True, "results": "results"},
            ),
        ),
        ("status", ("status", {"run": "last"})),
        ("status 0714-2 --json", ("status", {"run": "0714-2", "json": True})),
        ("logs last a -f", ("logs", {"run": "last", "stage": "a", "follow": True})),
        ("analyze", ("analyze", {"log": "-"})),
        ("analyze - --as make", ("analyze", {"log": "-", "tool": "make"})),
        ("--config x wait 1", ("wait", {"run": "1", "config": "x"})),
        ("--config=x wait 1", ("wait", {"run": "1", "config": "x"})),
        ("wait --config x 1", ("wait", {"run": "1", "config": "x"})),
        ("wait 1 --config=x", ("wait", {"run": "1", "config": "x"})),
        ("--config x wait --config y", ("wait", {"run": "last", "config": "y"})),
    ],
)
def test_words_become_a_command(line: str, expected: tuple[str, dict[str, Any]]) -> None:
    """Options stand anywhere behind the command, `--config` in front of it as well."""
    assert expected == parsed(line)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "rnu",
            "there is no command 'rnu'; did you mean `buildorch run`? `buildorch --help` lists all",
        ),
        ("xyzzy", "there is no command 'xyzzy'; `buildorch --help` lists all"),
        ("--jsno run a.yaml", "'--jsno' stands where a command is expected: options follow the"),
        ("run", "the following arguments are required: PIPELINE; see `buildorch run --help`"),
        ("run a.yaml b", "`buildorch run` takes no word more: 'b' is too many; see its --help"),
        ("run a --jsno", "`buildorch run` has no option --jsno; did you mean --json?"),
        ("run a --jsno=1", "`buildorch run` has no option --jsno=1; did you mean --json?"),
        ("run a --zzz", "`buildorch run` has no option --zzz; see `buildorch run --help`"),
        ("run a --param", "argument --param: expected one argument; see `buildorch run --help`"),
        ("run a --js", "`buildorch run` has no option --js; did you mean --json?"),
        ("--config", "--config takes a FILE, and a command follows it"),
        ("--config x", "a command follows --config FILE; `buildorch --help` lists all"),
        (
            "servers trsut h1",
            "`buildorch servers` does not know 'trsut'; did you mean `trust`? write",
        ),
        ("servers h1", "`buildorch servers` does not know 'h1': write `buildorch servers`, or"),
        ("servers trust", "write `buildorch servers`, or `buildorch servers trust SERVER`"),
        ("help rnu", "there is no command 'rnu'; did you mean `buildorch run`? `buildorch --help`"),
    ],
)
def test_slips_are_told_with_the_nearest(line: str, said: str, here: Here) -> None:
    """A word that is not taken ends with 2, says why, and names what may be meant."""
    outcome = here(*line.split())
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"buildorch: {said}")


@pytest.mark.parametrize("line", ["", "-h", "--help", "help", "--config x --help"])
def test_help_lists_every_command(line: str, here: Here) -> None:
    """Without a command, help says in a line each what there is; it is data, so it is on stdout."""
    outcome = here(*line.split())
    assert (outcome.code, outcome.err) == (0, "")
    for name in commands().summaries:
        assert f"\n  {name} " in outcome.out


@pytest.mark.parametrize("name", sorted(commands().summaries))
def test_every_command_has_help_for_every_option(name: str) -> None:
    """`COMMAND --help` runs nothing; each option says what it is for, `--config` among them."""
    texts = []
    for words in ([name, "--help"], ["help", name], [name, "-h"]):
        with pytest.raises(HelpShownError) as shown:
            parse(words, commands(), program="buildorch", version=lambda: "1.2.3")
        texts.append(str(shown.value))
    assert texts[0].startswith(f"usage: buildorch {name} ")
    assert "--config FILE" in texts[0]
    assert texts[0] == texts[1] == texts[2]
    command = commands().load(name)
    assert set(inspect.signature(command.body).parameters) == set(command.help)


@pytest.mark.parametrize("name", sorted(commands().summaries))
def test_the_overview_says_what_the_command_says(name: str) -> None:
    """The line of the overview, which is told without importing the command, is its own first."""
    own = inspect.getdoc(commands().load(name).body) or ""
    assert commands().summaries[name] == own.split("\n", 1)[0]


def test_commands_can_be_mounted_in_invoke(here: Here, user: User) -> None:
    """Every command is an Invoke task as well, with its options and help, and runs as one."""
    mounted = Collection("root")
    mounted.add_collection(namespace(), "builds")
    assert set(mounted.task_names) == {f"builds.{name}" for name in commands().summaries}
    logs = mounted["builds.logs"]
    assert {flag for one in logs.get_arguments() for flag in one.names} >= {
        "run",
        "follow",
        "errors",
    }
    user.stages("a", a="true")
    assert here("run", "a.yaml", "-q").code == 0
    codes: dict[Any, Any] = Executor(mounted).execute(("builds.wait", {"run": "last"}))
    assert list(codes.values()) == [0]


def test_the_version_is_told(here: Here) -> None:
    """`--version` is one line on stdout."""
    assert here("--version") == here("-V")
    assert here("--version").out == "buildorch 1.2.3\n"


@pytest.mark.parametrize("text", ["0", "-1", "x", "", "1.5", "²"])
def test_counts_are_whole_numbers(text: str) -> None:
    """A count that is none is refused by the option's name."""
    with pytest.raises(UsageError, match=r"--limit takes a whole number above 0"):
        whole_number("--limit", text)
