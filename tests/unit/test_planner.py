from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildorch import (
    Archive,
    Config,
    DefinitionError,
    Flow,
    Notify,
    Pipeline,
    Plan,
    Retry,
    Secret,
    Server,
    Stage,
    StageContext,
    parallel,
    pipeline,
    stage,
)
from buildorch.model import THIS_MACHINE, Channel, Defaults, PlannedStage
from buildorch.origin import Origin
from buildorch.planner import find_server, graph, make_plan


def command(name: str, **options: Any) -> Stage:
    """Return a stage of a command."""
    return Stage(name=name, command="true", **options)


def config(*names: str, **more: Any) -> Config:
    """Return a configuration with servers of these names."""
    return Config(servers={name: Server(name=name, host=f"{name}.lan") for name in names}, **more)


def plan_of(part: Any, settings_: Config | None = None, **options: Any) -> Plan:
    """Return the plan of a pipeline of these stages."""
    selection = {key: options.pop(key) for key in ("only", "until", "skip") if key in options}
    return make_plan(Pipeline("p", part, **options), settings_ or Config(), **selection)


def one(part: Any, settings_: Config | None = None, **options: Any) -> PlannedStage:
    """Return the only stage of a plan."""
    (found,) = plan_of(part, settings_, **options).stages
    return found


def problems(part: Any, settings_: Config | None = None, **options: Any) -> list[str]:
    """Return the problems of a pipeline of these stages."""
    with pytest.raises(DefinitionError) as error:
        plan_of(part, settings_, **options)
    return [problem.message for problem in error.value.problems]


def problem(part: Any, settings_: Config | None = None, **options: Any) -> str:
    """Return the only problem of a pipeline of these stages."""
    (found,) = problems(part, settings_, **options)
    return found


def wired(count: int, edges: Iterable[tuple[int, int]]) -> Flow:
    """Return a flow of stages `s0`, `s1`, ... with any edges."""
    stages = tuple(command(f"s{number}") for number in range(count))
    return Flow(stages, tuple(edges), (0,), (count - 1,))


def after(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the direct predecessors of each stage."""
    return {stage.name: stage.after for stage in plan.stages}


# Order and cycles.

graphs = st.integers(1, 8).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=14),
    )
)


@given(graphs)
@settings(deadline=None)
def test_every_graph_is_ordered_or_has_its_cycles_named(
    shape: tuple[int, set[tuple[int, int]]],
) -> None:
    """Without a cycle the order is topological; else each knot of stages has a path that is one."""
    count, edges = shape
    reference: nx.DiGraph[int] = nx.DiGraph(edges)
    if nx.is_directed_acyclic_graph(reference):
        names = [stage.name for stage in plan_of(wired(count, edges)).stages]
        assert sorted(names) == sorted(f"s{number}" for number in range(count))
        assert all(names.index(f"s{x}") < names.index(f"s{y}") for x, y in edges)
        return
    said = problems(wired(count, edges))
    paths = [text.removeprefix("cycle: ").partition(";")[0].split(" -> ") for text in said]
    for path in paths:
        steps = [(int(x[1:]), int(y[1:])) for x, y in itertools.pairwise(path)]
        assert path[0] == path[-1]
        assert set(steps) <= edges
    seen = {name for path in paths for name in path}
    for knot in nx.strongly_connected_components(reference):
        if len(knot) > 1 or any((number, number) in edges for number in knot):
            assert seen & {f"s{number}" for number in knot}


@given(graphs, st.randoms())
@settings(deadline=None)
def test_the_order_does_not_depend_on_how_edges_are_listed(
    shape: tuple[int, set[tuple[int, int]]], source: random.Random
) -> None:
    """The same stages and edges give the same plan, every time."""
    count, edges = shape
    forward = [(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]]
    shuffled = source.sample(forward, len(forward))
    assert plan_of(wired(count, forward)) == plan_of(wired(count, shuffled))


def test_stages_without_order_keep_the_order_of_the_file() -> None:
    """Where edges leave a choice, the stage that was written first comes first."""
    flow = wired(5, [(4, 0)])
    assert [stage.name for stage in plan_of(flow).stages] == ["s1", "s2", "s3", "s4", "s0"]
    assert [stage.index for stage in plan_of(flow).stages] == [1, 2, 3, 4, 0]


def test_a_cycle_does_not_name_stages_beside_it() -> None:
    """The path holds the stages of the cycle and no others."""
    said = problem(wired(4, [(0, 1), (1, 2), (2, 3), (3, 1)]))
    assert said == "cycle: s1 -> s2 -> s3 -> s1; remove one of these dependencies"


def test_a_stage_that_follows_itself_is_a_cycle() -> None:
    """`a >> a` cannot run."""
    stage = command("a")
    assert problem(stage >> stage).startswith("cycle: a -> a;")


def test_the_graph_of_a_plan_is_frozen() -> None:
    """`graph` shows stages and edges, and nobody changes a plan through it."""
    found = graph(plan_of(command("a") >> command("b")))
    assert list(found.edges) == [("a", "b")]
    assert found.nodes["b"]["stage"].after == ("a",)
    with pytest.raises(nx.NetworkXError, match="Frozen"):
        found.add_edge("b", "a")


# Names and identity.


def test_the_same_stage_twice_is_one_node() -> None:
    """A value that stands in a flow twice runs once."""
    a, b, c = command("a"), command("b"), command("c")
    assert after(plan_of(parallel(a >> b, a >> c))) == {"a": (), "b": ("a",), "c": ("a",)}


def test_equal_content_is_one_node() -> None:
    """Two values of one name and content are the same stage, wherever they were made."""

    @stage
    def build(module: str = "vam") -> str:
        return f"./build.py {module}"

    flow = parallel(build(module="vam") >> command("x"), build() >> command("y"))
    assert after(plan_of(flow)) == {"build": (), "x": ("build",), "y": ("build",)}


def test_other_content_of_one_name_is_a_problem() -> None:
    """Two different stages of one name are told apart by nobody: `named` is suggested."""
    said = problem([command("a"), command("a", timeout="1h")])
    assert "duplicate stage name 'a'" in said
    assert ".named('a-2')" in said


def test_names_that_differ_in_case_are_a_problem() -> None:
    """On some file systems they would share a folder."""
    assert "differ in letter case only" in problem([command("Image"), command("image")])


def test_unsafe_names_are_problems() -> None:
    """A name that would leave its folder is refused before anything runs."""
    assert "'../x' begins with '.'" in problem(command("../x"))
    assert "has '/'" in problem(command("build").matrix(path=["a/b"]))
    assert "pipeline name" in "".join(_problems_of(Pipeline("a/b", command("x"))))


def test_names_are_normalised() -> None:
    """A name that was typed decomposed is the composed one."""
    assert one(command("e\u0301")).name == "\u00e9"


def _problems_of(pipeline: Pipeline, **options: Any) -> list[str]:
    with pytest.raises(DefinitionError) as error:
        make_plan(pipeline, Config(), **options)
    return [problem.message for problem in error.value.problems]


# Commands.


def test_a_command_function_is_called_once_at_plan_time() -> None:
    """Its result is in the plan, so that nobody calls it again."""
    calls = []

    @stage
    def build(module: str = "vam") -> list[str]:
        calls.append(module)
        return ["./build.py", module]

    bound = build(module="dpm")
    planned = plan_of(bound >> command("x") >> command("y"))
    assert planned.stages[0].command == ("./build.py", "dpm")
    assert planned.stages[0].function is None
    assert planned.stages[0].params == {"module": "dpm"}
    assert calls == ["dpm"]
    plan_of(parallel(bound >> command("x"), bound >> command("y")))
    assert calls == ["dpm", "dpm"]


def test_a_stage_function_is_not_called() -> None:
    """A function with the context is referred to, with its parameters and their defaults."""
    planned = one(context_stage(module="dpm"))
    assert planned.command is None
    assert planned.params == {"module": "dpm", "jobs": 4}
    assert planned.function is not None
    assert planned.function.qualname == "context_stage"
    assert planned.function.importable
    assert len(planned.function.digest) == 16


@stage
def context_stage(c: StageContext, module: str, jobs: int = 4) -> None:
    """Stand for a stage function that an import finds."""
    raise AssertionError([c, module, jobs])


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda: None, "forgot return"),
        (lambda: 5, "its command is 5 (a int)"),
        (lambda: "", "its command is empty"),
        (lambda: "  ", "an empty text"),
        (lambda: (), "its command is empty"),
        (lambda: ["ls", 5], "the argument 5 is no text; write str(5)"),
        (lambda: "a\0b", "NUL"),
        (lambda: ["ls", "a\0b"], "NUL"),
        (lambda: [""], "an empty text"),
        (lambda: str(int("x")), "raised ValueError: invalid literal"),
    ],
)
def test_what_is_no_command_is_a_problem(function: Any, said: str) -> None:
    """A command function that returns no command is told so, by the stage's name."""
    message = problem(stage(name="build")(function))
    assert said in message
    assert "'build'" in message


def test_arguments_may_be_empty() -> None:
    """A program may be given an empty argument; only its own name must not be empty."""
    assert one(stage(name="x")(lambda: ["grep", ""])).command == ("grep", "")


def test_parameters_that_do_not_fit_are_problems() -> None:
    """A missing parameter is found before the stage runs."""
    assert problem(context_stage) == "stage 'context-stage' needs 'module'"  # type: ignore[arg-type,unused-ignore]

    @stage
    def wrong(context: Any, module: str) -> None:
        raise AssertionError([context, module])

    assert "name it c, or annotate it StageContext" in problem(wrong)


def test_a_stage_without_a_command_is_a_problem() -> None:
    """There is nothing to run."""
    assert problem(Stage(name="x")) == "stage 'x' has no command; give it one"
    both = Stage(name="x", command="true", function=lambda: "true")
    assert "has a function and a command" in problem(both)


def test_parameters_are_stored_as_json() -> None:
    """Values that JSON has not are encoded; what cannot be is a problem."""
    planned = one(context_stage(module=Path("a/b"), jobs=[1, None, 2.5]))  # type: ignore[arg-type]
    assert json.loads(json.dumps(planned.params)) == planned.params
    assert planned.env == {"BUILDORCH_PARAM_MODULE": "a/b"}
    said = problem(context_stage(module=object()))  # type: ignore[arg-type]
    assert "the parameter 'module' is <object object" in said
    assert "cannot be stored" in said


def test_a_secret_is_never_command_text() -> None:
    """A secret reaches a command through its environment only."""

    @stage
    def deploy(token: str | Secret) -> str:
        return f"curl -H {token}"

    assert "write $BUILDORCH_PARAM_TOKEN" in problem(deploy(token=Secret("DEPLOY_TOKEN")))
    planned = one(command("deploy")(token=Secret("DEPLOY_TOKEN")))
    assert planned.env == {"BUILDORCH_PARAM_TOKEN": Secret("DEPLOY_TOKEN")}


def test_functions_that_no_import_finds_are_warned_of() -> None:
    """A lambda or nested function runs, but only this process can resume it."""

    @stage
    def nested(c: StageContext) -> None:
        raise AssertionError(c)

    plan = plan_of([nested, stage(name="short")(lambda c: c), context_stage(module="x")])
    assert [warning.partition(":")[0] for warning in plan.warnings] == [
        "stage 'nested'",
        "stage 'short'",
    ]
    assert "resumable only by buildorch.resume(RUN, pipeline) here" in plan.warnings[0]


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
        ("retry", Retry(1, on=["lost"]), "'lost' is no outcome"),
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


# Parameters of the pipeline.


@pipeline
def parametrised(module: str, *, debug: bool = False) -> Flow:
    """Build a module.

    Args:
        module: The module.
        debug: Whether to keep symbols.
    """
    return parallel(command("build")(module=module, debug=debug))


def test_a_plan_has_all_parameters() -> None:
    """Given ones, and the defaults of the others; bound before, or now."""
    plan = make_plan(parametrised(module="vam"), Config())
    assert plan.params == {"module": "vam", "debug": False}
    assert plan.description == "Build a module."
    assert plan.source == __file__
    assert plan == make_plan(parametrised, Config(), params={"module": "vam"})


def test_wrong_parameters_are_problems() -> None:
    """A missing or unknown parameter is told like any other problem."""
    assert _problems_of(parametrised) == ["pipeline 'parametrised' needs 'module'"]
    (said,) = _problems_of(parametrised, params={"modul": "x"})
    assert "no parameter 'modul'; did you mean 'module'?" in said
    said = _problems_of(parametrised, params={"module": "x", "debug": object()})[0]
    assert "the parameter 'debug' is <object object" in said


# Selection.

diamond = wired(4, [(0, 1), (0, 2), (1, 3), (2, 3)])
chain = wired(4, [(0, 1), (1, 2), (2, 3)])


@pytest.mark.parametrize(
    ("flow", "selection", "expected"),
    [
        (chain, {"only": ["s0", "s3"]}, {"s0": (), "s3": ("s0",)}),
        (chain, {"only": "s2"}, {"s2": ()}),
        (chain, {"until": ["s1"]}, {"s0": (), "s1": ("s0",)}),
        (chain, {"skip": ["s1"]}, {"s0": (), "s2": ("s0",), "s3": ("s2",)}),
        (diamond, {"only": ["s3", "s0"]}, {"s0": (), "s3": ("s0",)}),
        (diamond, {"skip": ["s1"]}, {"s0": (), "s2": ("s0",), "s3": ("s0", "s2")}),
        (diamond, {"until": ["s2"]}, {"s0": (), "s2": ("s0",)}),
        (diamond, {"until": ["s1", "s2"], "skip": ["s0"]}, {"s1": (), "s2": ()}),
        (chain, {"only": "S0, s3"}, {"s0": (), "s3": ("s0",)}),
    ],
)
def test_a_part_of_a_pipeline_is_taken(
    flow: Flow, selection: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    """`only`, `until` and `skip` take a part, in which who waited for whom still does."""
    plan = plan_of(flow, **selection)
    assert after(plan) == expected
    assert sorted(stage.index for stage in plan.stages) == list(range(len(expected)))


@given(graphs, st.sets(st.integers(0, 7)))
@settings(deadline=None)
def test_a_selection_keeps_who_comes_before_whom(
    shape: tuple[int, set[tuple[int, int]]], kept: set[int]
) -> None:
    """Paths among the selected stages are those of the whole: the closure, restricted to them."""
    count, edges = shape
    forward = {(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]}
    kept = {number for number in kept if number < count} or {0}
    names = [f"s{number}" for number in sorted(kept)]
    whole: nx.DiGraph[int] = nx.DiGraph(list(forward))
    whole.add_nodes_from(range(count))
    expected = {(f"s{x}", f"s{y}") for x, y in nx.transitive_closure(whole).edges if {x, y} <= kept}
    others = [f"s{number}" for number in range(count) if number not in kept]
    flow = wired(count, forward)
    for plan in (plan_of(flow, only=names), plan_of(flow, skip=others)):
        found: nx.DiGraph[str] = nx.DiGraph(graph(plan))
        assert set(nx.transitive_closure(found).edges) == expected


def test_an_unknown_stage_names_the_nearest() -> None:
    """A misspelt selection is a problem, also where there are others."""
    said = problem([command("host-build"), command("image")], only=["host-bild"])
    assert said == "only: unknown stage 'host-bild'; did you mean 'host-build'?"
    loop = wired(2, [(0, 1), (1, 0)])
    assert len(problems(loop, skip=["nope"])) == 2


def test_nothing_left_is_a_problem() -> None:
    """A run without a stage is a mistake."""
    assert "no stage is left" in problem(command("a"), skip=["a"])


def test_a_python_name_selects_its_stage() -> None:
    """`yocto_image` on the command line is the stage `yocto-image`."""
    assert one([command("yocto-image"), command("b")], only=["yocto_image"]).name == "yocto-image"


def test_a_thousand_stages_are_planned_quickly() -> None:
    """Planning stays a matter of a moment; the test's timeout is the proof."""
    flow = wired(1000, [(number, number + 1) for number in range(999)])
    assert len(plan_of(flow).stages) == 1000
