from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import buildorch
from buildorch import (
    Archive,
    Config,
    DefinitionError,
    Flow,
    Notify,
    Pipeline,
    Retry,
    Stage,
    parallel,
    pipeline,
    stage,
)
from buildorch.dsl import RESERVED
from buildorch.signatures import takes_context

if TYPE_CHECKING:  # as in code that imports it for its type checker only
    from buildorch import StageContext


@stage
def yocto_image() -> str:
    """Stand for a stage without options."""
    return "bitbake linux-s32"


@stage(server="ccu2-builder", timeout="30m", retry=2)
def host_build(c: StageContext, module: str = "vam", jobs: int = 4) -> None:
    """Stand for a stage function."""
    c.run(["./build.py", "--module", module, "-j", str(jobs)])


@pipeline(on_failure=[Retry(1), Notify("discord")], on_success=Archive(), parallel_limit=2)
def full_build(module: str, jobs: int = 4) -> Flow:
    """Image and host build.

    Args:
        module: The module that is built
            for the host.
        jobs (int): How many at once.
    """
    return yocto_image >> host_build(module=module, jobs=jobs)


def test_the_bare_decorator_makes_a_stage() -> None:
    """`@stage` alone makes a stage, named as people write names."""
    assert isinstance(yocto_image, Stage)
    assert yocto_image.name == "yocto-image"
    assert yocto_image.origin is not None
    assert yocto_image.origin.file == __file__


def test_the_decorator_takes_options() -> None:
    """`@stage(...)` makes the same with options in their normal form."""
    assert (host_build.server, host_build.timeout) == ("ccu2-builder", "30m")
    assert host_build.retry == Retry(2)
    assert stage(name="other")(lambda: "true").name == "other"


def test_calling_a_stage_binds_and_runs_nothing() -> None:
    """Calls return stages; positions leave the context out; later calls add to earlier ones."""
    assert host_build("dpm").params == {"module": "dpm"}
    assert host_build("dpm")(jobs=8).params == {"module": "dpm", "jobs": 8}
    assert host_build.params == {}
    assert repr(host_build(jobs=8)) == "<stage host-build(jobs=8)>"


def test_a_wrong_parameter_names_the_nearest() -> None:
    """A misspelt parameter is an error where it is written."""
    with pytest.raises(TypeError, match="no parameter 'modul'; did you mean 'module'"):
        host_build(modul="dpm")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="too many positional arguments"):
        host_build("dpm", 4, 5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"no parameter 'x' \(it takes none\)"):
        yocto_image(x=1)  # type: ignore[call-arg]


def annotated(context: StageContext) -> None:
    """Have a context that only its annotation tells, and only to type checkers."""


def resolved(context: buildorch.StageContext) -> None:
    """Have a context whose annotation can be resolved."""


def shaky(context: no_such_name) -> None:  # type: ignore[name-defined]  # noqa: F821 - that is the point
    """Have an annotation that cannot be resolved."""


def keyword_only(*, c: str) -> str:
    """Have a parameter `c` that is no first one."""
    return c


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda c: c, True),
        (lambda ctx, module: [ctx, module], True),
        (annotated, True),
        (resolved, True),
        (shaky, False),
        (keyword_only, False),
        (lambda module, c: [module, c], False),
        (lambda: None, False),
        (lambda *c: c, False),
    ],
)
def test_the_context_is_known_by_name_or_annotation(
    function: Callable[..., Any],
    expected: bool,
) -> None:
    """A first parameter called c or ctx, or annotated StageContext, makes a stage function."""
    assert takes_context(function) is expected


async def asynchronous() -> str:
    """Stand for a function that cannot be a stage."""
    return "true"


async def asynchronous_generator() -> AsyncIterator[str]:
    """Stand for another."""
    yield "true"


def generator() -> Iterator[str]:
    """Stand for another."""
    yield "true"


def nameless(*modules: str) -> str:
    """Stand for another."""
    return " ".join(modules)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (asynchronous, "is async"),
        (asynchronous_generator, "is async"),
        (generator, "yields"),
        (nameless, "cannot be given by name"),
        (5, "decorates a function"),
        (yocto_image, "decorates a function"),
    ],
)
def test_what_cannot_be_a_stage_is_refused(function: Any, said: str) -> None:
    """A function that nobody could call as a stage is a TypeError at its decorator."""
    with pytest.raises(TypeError, match=said):
        stage(function)
    with pytest.raises(TypeError, match=said):
        pipeline(function)


def test_unknown_options_name_the_nearest() -> None:
    """A misspelt option of a decorator is an error at once."""
    with pytest.raises(TypeError, match="no option 'sever'; did you mean 'server'"):
        stage(sever="x")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="no option 'on_fail'; did you mean 'on_failure'"):
        pipeline(on_fail=[])  # type: ignore[call-overload]


def test_a_pipeline_is_made_of_a_function() -> None:
    """Name, description, parameters and their help come from the function."""
    assert (full_build.name, full_build.description) == ("full-build", "Image and host build.")
    module, jobs = full_build.parameters()
    assert (module.name, module.type, module.required) == ("module", str, True)
    assert module.help == "The module that is built for the host."
    assert (jobs.type, jobs.default, jobs.help) == (int, 4, "How many at once.")
    assert full_build.on_success == (Archive(),)


def test_a_bound_parameter_is_a_default() -> None:
    """Binding returns another pipeline, whose parameters need not be given any more."""
    bound = full_build(module="dpm")
    assert not bound.parameters()[0].required
    assert [one.params for one in bound.flow().stages][1] == {"module": "dpm", "jobs": 4}
    assert bound.flow(module="vam").stages[1].params["module"] == "vam"
    assert full_build.params == {}
    with pytest.raises(TypeError, match="needs 'module'"):
        full_build.flow()
    with pytest.raises(TypeError, match="no parameter 'modul'; did you mean 'module'"):
        full_build(modul="dpm")  # type: ignore[call-arg]


def test_a_pipeline_is_made_of_a_flow() -> None:
    """`Pipeline(name, flow)` is the same value, without parameters."""
    nightly = Pipeline("nightly", yocto_image >> [host_build], timeout="2h", on_failure=Retry(1))
    assert [one.name for one in nightly.flow().stages] == ["yocto-image", "host-build"]
    assert nightly.parameters() == ()
    assert nightly.on_failure == (Retry(1),)
    with pytest.raises(TypeError, match=r"no parameter 'x' \(it takes none\)"):
        nightly(x=1)
    with pytest.raises(TypeError, match="cannot stand in a flow"):
        Pipeline("nightly", "image")
    with pytest.raises(TypeError, match="has no flow"):
        Pipeline("nightly")


def test_one_stage_is_a_pipeline_too() -> None:
    """A flow may be one stage, or a list."""
    assert len(Pipeline("one", yocto_image).flow().stages) == 1
    assert len(Pipeline("two", [yocto_image, host_build]).flow().stages) == 2


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_parameters_are_refused(name: str) -> None:
    """A parameter that every run has an option for cannot be a pipeline's."""
    scope: dict[str, Any] = {}
    exec(f"def build({name}='x'): ...", scope)  # noqa: S102 - a function whose parameter is data
    with pytest.raises(DefinitionError, match=f"'{name}' is reserved"):
        pipeline(scope["build"])


def test_a_pipeline_takes_no_context() -> None:
    """There is no run yet when a flow is made."""
    with pytest.raises(DefinitionError, match="a pipeline takes no context"):
        pipeline(lambda ctx: ctx)


def test_a_forgotten_return_is_named() -> None:
    """A pipeline function that returns nothing says so."""

    @pipeline
    def forgetful() -> Flow:  # type: ignore[return]
        parallel(yocto_image, host_build)

    with pytest.raises(DefinitionError, match="forget its return") as error:
        forgetful.flow()
    assert error.value.problems[0].file == __file__


def test_a_failing_pipeline_function_says_where() -> None:
    """What a pipeline function raises is a problem with the place of the failure."""

    @pipeline
    def broken() -> Flow:
        raise KeyError("module")

    with pytest.raises(DefinitionError, match=r"raised KeyError: 'module' \(.*test_dsl.py:\d+\)"):
        broken.flow()


def test_importing_loads_nothing_heavy() -> None:
    """`import buildorch`, and declaring with it, load no SSH, graph, log or screen library."""
    code = (
        "import sys, buildorch; buildorch.stage; buildorch.pipeline; buildorch.Pipeline; "
        "heavy = {'fabric', 'paramiko', 'invoke', 'networkx', 'structlog', 'rich', 'apprise', "
        "'asyncio', 'ruamel', 'sqlite3'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_surface_is_what_is_listed() -> None:
    """`dir` and tab completion show the public names, and each is there."""
    assert dir(buildorch) == sorted([*buildorch.__all__, "__version__"])
    assert buildorch.__version__
    for name in buildorch.__all__:
        assert getattr(buildorch, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        buildorch.nope  # noqa: B018 - reading it is the point


@pipeline
def greeting(name: str, *, results: str = "") -> Flow:
    """Say something on this machine."""
    say = Stage(name="say", command='echo "hello $BUILDORCH_PARAM_NAME$BUILDORCH_PARAM_ENDING"')
    return parallel(say(name=name, ending=results), Stage(name="no", command="exit 1"))


def test_a_pipeline_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`run` takes parameters, a selection and the options of a run; a parameter wins."""
    monkeypatch.chdir(tmp_path)
    seen = _Seen()
    done = greeting.run(
        name="vam", results="!", only=["say"], home=tmp_path / "home", observers=[seen]
    )
    assert done.check().ok
    assert set(done.stages) == {"say"}
    assert seen.records
    assert "hello vam!" in Path(done.as_dict()["stages"]["say"]["log"]).read_text()


class _Seen:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.records: list[object] = []

    def see(self, view: object, record: object) -> None:
        """Remember a record."""
        del view
        self.records.append(record)


def test_a_wrong_option_of_a_run_is_refused() -> None:
    """What is neither parameter nor option is an error before anything runs."""
    with pytest.raises(TypeError, match="no parameter 'nam'; did you mean 'name'"):
        greeting.run(nam="vam")
    with pytest.raises(TypeError, match="no parameter 'nam'"):
        greeting.start(nam="vam")
    with pytest.raises(TypeError, match="no parameter 'nam'"):
        greeting.plan(nam="vam")
    assert [one.name for one in greeting.plan(Config(), skip=["no"], name="x").stages] == ["say"]
