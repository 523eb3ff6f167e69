"""Laws of planning: where a stage runs, what it gets, and what is wrong with its options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from unit.planned import command, config, one, plan_of, problem, problems

from buildorch import (
    Archive,
    Config,
    DefinitionError,
    Notify,
    Retry,
    Server,
    Stage,
)
from buildorch.model import THIS_MACHINE, Channel, Defaults
from buildorch.origin import Origin
from buildorch.planner import find_server

# Servers.


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("yocto-builder", "yocto-builder"),
        ("yocto", "yocto-builder"),
        ("rack", "test-runner"),
        ("ra", "test-runner"),
        ("ccu2", "ccu2"),
        ("local", "local"),
        ("known", "known"),
    ],
)
def test_servers_are_found(name: str, expected: str) -> None:
    """A name, an alias, a unique prefix of both, this machine, or an ssh_config alias."""
    servers = [
        Server(name="yocto-builder", host="h1"),
        Server(name="ccu2", host="h2"),
        Server(name="ccu2-builder", host="h3"),
        Server(name="test-runner", host="h4", alias="rack"),
    ]
    found = find_server(
        name, Config(servers={server.name: server for server in servers}), {"known"}.__contains__
    )
    assert found.name == expected


def test_an_unknown_server_names_the_nearest() -> None:
    """A misspelt server is found before anything runs, wherever it is named."""
    settings_ = config("yocto-builder")
    assert "did you mean 'yocto-builder'?" in problem(
        command("x", server="yocto-bilder"), settings_
    )
    said = problems(command("x", fallback=["nope", "nada"]), settings_)
    assert [text.partition(";")[0] for text in said] == [
        "stage 'x': unknown server 'nope'",
        "stage 'x': unknown server 'nada'",
    ]
    assert "no configuration was found" in problem(command("x", server="yocto"))


def test_an_ambiguous_server_shows_the_line_to_add() -> None:
    """A prefix of several servers means none of them."""
    said = problem(command("x", server="ccu"), config("ccu1", "ccu2", file="/etc/b.yaml"))
    assert "ambiguous: ccu1, ccu2" in said
    assert "add `alias: ccu` to one of them in /etc/b.yaml" in said


def test_an_option_is_no_alias() -> None:
    """The ssh program is never asked for a name that it would take for an option."""
    with pytest.raises(ValueError, match="unknown server '-oProxyCommand=x'"):
        find_server("-oProxyCommand=x", Config(), lambda _: True)


def test_the_server_of_a_stage_is_the_nearest_one_named() -> None:
    """The stage's, else the pipeline's, else the default, else this machine."""
    default = config("a", "b", "c", defaults=Defaults(server="c"))
    assert one(command("x", server="a"), default, server="b").servers[0].name == "a"
    assert one(command("x"), default, server="b").servers[0].name == "b"
    assert one(command("x"), default).servers[0].name == "c"
    assert one(command("x")).servers == (THIS_MACHINE,)


def test_fallbacks_follow_the_server() -> None:
    """A list of servers, the stage's fallbacks, the pipeline's, or the server's own; each once."""
    known = config("a", "b", "c")
    a = Server(name="a", host="a", fallback=["c", "a"])
    known = Config(servers={**known.servers, "a": a})

    def names(stage: Stage, **options: Any) -> list[str]:
        return [server.name for server in one(stage, known, **options).servers]

    assert names(command("x", server=["b", "c"])) == ["b", "c"]
    assert names(command("x", server="b", fallback="c")) == ["b", "c"]
    assert names(command("x", server="a")) == ["a", "c"]
    assert names(command("x", server="a"), fallback=["b"]) == ["a", "b"]
    assert names(command("x", server="a", fallback=[])) == ["a"]


def test_each_server_has_its_own_folder() -> None:
    """A fallback uses its own workdir and setup, unless the stage says otherwise for all."""
    servers = {
        "a": Server(name="a", workdir="/a", setup="source a"),
        "b": Server(name="b", workdir="/b"),
    }
    settings_ = Config(servers=servers)
    planned = one(command("x", server=["a", "b"]), settings_)
    assert (planned.workdir, planned.setup) == ("/a", "source a")
    assert [(server.workdir, server.setup) for server in planned.servers] == [
        ("/a", "source a"),
        ("/b", None),
    ]
    planned = one(command("x", server=["a", "b"], workdir="/w"), settings_, setup="source p")
    assert [(server.workdir, server.setup) for server in planned.servers] == [
        ("/w", "source p"),
        ("/w", "source p"),
    ]


def test_bitbake_servers_take_one_stage_at_once() -> None:
    """A bitbake is parallel itself; other build types leave it to the run's limit."""
    servers = {
        "y": Server(name="y", build_type="bitbake"),
        "z": Server(name="z", build_type="bitbake", slots=2),
        "m": Server(name="m", build_type="build.py"),
    }
    slots = {
        name: one(command("x", server=name), Config(servers=servers)).servers[0].slots
        for name in servers
    }
    assert slots == {"y": 1, "z": 2, "m": None}


# Options.


def test_the_nearest_level_wins() -> None:
    """Stage beats pipeline beats defaults; variables of env are merged one by one."""
    defaults = Config(defaults=Defaults(timeout=60.0, retry=1, parallel_limit=5))
    planned = one(command("x"), defaults)
    assert (planned.timeout, planned.retry) == (60.0, Retry(1))
    options: Mapping[str, Any] = {
        "timeout": "2min",
        "on_failure": Retry(2),
        "env": {"A": "1", "B": "1"},
        "shell": "zsh -e",
        "idle_timeout": "5s",
    }
    planned = one(command("x", env={"B": "2"}), defaults, **options)
    assert (planned.timeout, planned.retry, planned.idle_timeout) == (120.0, Retry(2), 5.0)
    assert (planned.env, planned.shell) == ({"A": "1", "B": "2"}, ("zsh", "-e"))
    planned = one(command("x", timeout=180, retry=0), defaults, **options)
    assert (planned.timeout, planned.retry, planned.attempts) == (180.0, Retry(0), 1)
    assert plan_of(command("x"), defaults).parallel_limit == 5
    assert plan_of(command("x"), defaults, parallel_limit=2).parallel_limit == 2


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("timeout", "1:30", "is unclear"),
        ("idle_timeout", 0, "not more than zero"),
        ("lease", "59s", "'59s' is shorter than 60s"),
        ("retry", -1, "from 0 to 100"),
        ("retry", "1", "no number of extra attempts"),
        ("retry", Retry(1, on=["compile"]), "'compile' is no outcome or cause"),
        ("env", {"A B": "1"}, "no name of a variable"),
        ("env", {"A": 1}, "the value of A, 1, is no text"),
        ("env", {"A": "\0"}, "NUL"),
        ("env", "A=1", "no mapping"),
        ("workdir", 5, "5 is no text"),
        ("workdir", "", "an empty text"),
        ("setup", "a\0", "NUL"),
        ("shell", [], "an empty list"),
        ("server", [], "an empty list"),
        ("server", 5, "5 is no text"),
        ("artifacts", 5, "no list of texts"),
        ("fallback", [5], "5 is no text"),
        ("allow_failure", "no", "neither True nor False"),
        ("always", 1, "neither True nor False"),
        ("success_if", "(", "no pattern"),
        ("title", 5, "5 is no text"),
    ],
)
def test_a_wrong_option_is_a_problem(option: str, value: Any, said: str) -> None:
    """An option of a wrong type or value is told with stage, option and value."""
    message = problem(command("x", **{option: value}))
    assert message.startswith(f"stage 'x': {option}: ")
    assert said in message


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("parallel_limit", 0, "from 1 on"),
        ("parallel_limit", True, "from 1 on"),
        ("fail_fast", "yes", "neither True nor False"),
        ("timeout", "soon", "no duration"),
        ("on_failure", [Retry(-1)], "from 0 to 100"),
        ("on_failure", ["discord"], "'discord' is none of Retry(n)"),
    ],
)
def test_a_wrong_option_of_a_pipeline_is_a_problem(option: str, value: Any, said: str) -> None:
    """The same holds for the pipeline's own."""
    message = problem(command("x"), **{option: value})
    assert message.startswith(f"pipeline 'p': {option}: ")
    assert said in message


def test_all_problems_are_told_at_once() -> None:
    """Nobody has to mend one thing to hear of the next; each has its place."""
    origin = Origin("p.yaml", 3, 5)
    with pytest.raises(DefinitionError) as error:
        plan_of(
            [
                command("a", timeout="x", server="nope", origin=origin),
                command("b/c"),
                Stage(name="d"),
            ],
            only=["z"],
            parallel_limit=0,
        )
    said = str(error.value)
    for words in ("timeout: 'x'", "unknown server", "'b/c'", "no command", "'z'", "parallel_limit"):
        assert words in said
    assert "p.yaml:3:5: stage 'a': unknown server 'nope'" in said
    assert len(error.value.problems) == 6


# Policies.

DISCORD = {"discord": Channel(name="discord")}


def test_policies_have_a_normal_form() -> None:
    """The order of on_failure and on_success means nothing."""
    settings_ = Config(channels=DISCORD)
    plans = [
        plan_of(command("x"), settings_, on_failure=failure, on_success=success)
        for failure, success in (
            ([Retry(1), Notify("discord")], [Archive(), Notify("discord")]),
            ([Notify("discord"), Retry(1)], [Notify("discord"), Archive()]),
        )
    ]
    assert plans[0] == plans[1]
    assert plans[0].archive
    assert plans[0].notify_failure == plans[0].notify_success == ("discord",)
    assert plans[0].stages[0].retry == Retry(1)
    assert plans[0].warnings == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"on_success": Retry(1)}, "retry under on_success means nothing"),
        ({"on_failure": Archive()}, "archive under on_failure means nothing"),
        ({"on_failure": [Retry(1), Retry(2)]}, "retry is given twice"),
        ({"on_failure": [Retry(1)], "retry": 1}, "retry is given twice"),
        ({"on_failure": [Notify("a"), Notify("a")]}, "on_failure: duplicate notify 'a'"),
        ({"on_success": [Archive(), Archive()]}, "on_success: duplicate archive"),
    ],
)
def test_senseless_policies_are_problems(options: Mapping[str, Any], said: str) -> None:
    """What is misplaced or said twice is a problem, not a guess."""
    assert said in problem(command("x"), **options)


def test_silent_notifiers_are_warnings() -> None:
    """A notifier that tells nobody is no reason not to build, but it is said."""
    channels = {**DISCORD, "telegram": Channel(name="telegram", enabled=False)}
    plan = plan_of(
        command("x"),
        Config(channels=channels),
        on_failure=[Notify("discrod"), Notify("telegram")],
    )
    assert "'discrod' is not configured (did you mean 'discord'?)" in plan.warnings[0]
    assert "'telegram' is disabled" in plan.warnings[1]
    assert plan.notify_failure == ("discrod", "telegram")
