"""`@stage` and `@pipeline`: how people declare what is to be built.

Decorators make values and register nothing: a re-run notebook cell gives what the first run
gave.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    Self,
    TypeAlias,
    Unpack,
    overload,
)

import attrs

from buildorch.context import StageContext
from buildorch.definitions import Pipeline, PipelineOptions, Policies, Reaction
from buildorch.errors import raise_problems
from buildorch.flow import Part, Stage
from buildorch.names import shown_name
from buildorch.options import StageOptions, refuse_unknown
from buildorch.origin import Origin, problem_at
from buildorch.parameters import convert
from buildorch.signatures import Parameter, check_signature, takes_context

__all__ = [
    "RESERVED",
    "FunctionPipeline",
    "FunctionStage",
    "Parameter",
    "Pipeline",
    "Policies",
    "Reaction",
    "convert",
    "pipeline",
    "stage",
]

P = ParamSpec("P")

#: What a command function returns: text for the shell, or arguments.
CommandLike: TypeAlias = str | list[str] | tuple[str, ...]

#: Names that a pipeline's parameters cannot have: options of every run, and the context.
RESERVED = frozenset({"config", "dry_run", "json", "detach", "help", "c", "only", "until", "skip"})


@attrs.frozen(kw_only=True, eq=False, repr=False)
class FunctionStage(Stage, Generic[P]):
    """A stage made of a function: calling it takes the function's parameters, less the context."""

    if TYPE_CHECKING:

        def __call__(self, *args: P.args, **params: P.kwargs) -> Self:
            """Return this stage with parameters bound; nothing runs."""


@attrs.frozen(eq=False, repr=False)
class FunctionPipeline(Pipeline, Generic[P]):
    """A pipeline made of a function: calling it takes the function's parameters."""

    if TYPE_CHECKING:

        def __call__(self, *args: P.args, **params: P.kwargs) -> Self:
            """Return this pipeline with parameters bound; nothing runs."""


class StageDecorator(Protocol):
    """What `@stage(...)` returns: makes a stage of a function, with the options given."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[StageContext, P], object], /
    ) -> FunctionStage[P]: ...

    @overload
    def __call__(self, function: Callable[P, CommandLike], /) -> FunctionStage[P]: ...


class PipelineDecorator(Protocol):
    """What `@pipeline(...)` returns: makes a pipeline of a function, with the options given."""

    def __call__(self, function: Callable[P, Part], /) -> FunctionPipeline[P]: ...


@overload
def stage(function: Callable[Concatenate[StageContext, P], object], /) -> FunctionStage[P]: ...


@overload
def stage(function: Callable[P, CommandLike], /) -> FunctionStage[P]: ...


@overload
def stage(*, name: str | None = None, **options: Unpack[StageOptions]) -> StageDecorator: ...


def stage(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    **options: Unpack[StageOptions],
) -> Any:
    """Make a stage of a function: `@stage`, or `@stage(server=..., timeout="3h")`.

    A function whose first parameter is the context (annotated `StageContext`, or named `c` or
    `ctx`) is called when the stage runs. Any other is called when the plan is made, with its
    parameters, and returns the command: text for the shell, or a list of arguments.

    Args:
        function: The function.
        name: The stage's name; `yocto_image` is called `yocto-image` where none is given.
        options: As the attributes of `Stage`.

    Raises:
        TypeError: There is no such option, or the function is async or has nameless parameters.

    Example:
        >>> @stage(server="yocto-builder", timeout="3h")
        ... def yocto_image(jobs: int = 16) -> str:
        ...     return f"./build.py -j {jobs}"
        >>> yocto_image(jobs=8)
        <stage yocto-image(jobs=8)>
    """
    refuse_unknown(options, StageOptions.__annotations__, "@stage")
    if function is None:
        return lambda found: _make_stage(found, name, options)
    return _make_stage(function, name, options)


@overload
def pipeline(function: Callable[P, Part], /) -> FunctionPipeline[P]: ...


@overload
def pipeline(
    *, name: str | None = None, **options: Unpack[PipelineOptions]
) -> PipelineDecorator: ...


def pipeline(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    **options: Unpack[PipelineOptions],
) -> Any:
    """Make a pipeline of a function that returns its flow: `@pipeline`, or with options.

    The function's parameters become those of the pipeline, and options on the command line; the
    first line of its docstring becomes its description.

    Args:
        function: The function.
        name: The pipeline's name; `full_build` is called `full-build` where none is given.
        options: As the attributes of `Policies`.

    Raises:
        DefinitionError: A parameter has a reserved name.
        TypeError: There is no such option, or the function is async or has nameless parameters.

    Example:
        >>> from buildorch import Flow, Notify, Retry
        >>> @pipeline(on_failure=[Retry(1), Notify("discord")])
        ... def nightly(module: str = "vam") -> Flow:
        ...     return Stage(name="build", command="make")(module=module) >> [
        ...         Stage(name="test", command="pytest")
        ...     ]
        >>> nightly(module="dpm"), nightly.flow()
        (<pipeline nightly(module='dpm')>, <flow of 2 stages: build, test>)
    """
    refuse_unknown(options, PipelineOptions.__annotations__, "@pipeline")
    if function is None:
        return lambda found: _make_pipeline(found, name, options)
    return _make_pipeline(function, name, options)


def _make_stage(
    function: Callable[..., Any], name: str | None, options: StageOptions
) -> FunctionStage[Any]:
    named = _name_of(function, name, "@stage")
    check_signature(function, f"stage {named!r}")
    return FunctionStage(name=named, function=function, origin=Origin.of(function), **options)


def _make_pipeline(
    function: Callable[..., Any], name: str | None, options: PipelineOptions
) -> FunctionPipeline[Any]:
    named = _name_of(function, name, "@pipeline")
    origin = Origin.of(function)
    check_signature(function, f"pipeline {named!r}")
    _refuse_reserved(function, named, origin)
    doc = (inspect.getdoc(function) or "").strip()
    description = doc.splitlines()[0] if doc else None
    return FunctionPipeline(
        named, function=function, description=description, origin=origin, **options
    )


def _name_of(function: object, name: str | None, called: str) -> str:
    if isinstance(function, Stage | Pipeline) or not callable(function):
        raise TypeError(f"{called} decorates a function, not {function!r}")
    found = name or getattr(function, "__name__", None)
    if found is None:
        raise TypeError(f"{called}: {function!r} has no name; give one: {called}(name=...)")
    return name or shown_name(found)


def _refuse_reserved(function: Callable[..., Any], named: str, origin: Origin | None) -> None:
    reserved = [name for name in inspect.signature(function).parameters if name in RESERVED]
    if not reserved and takes_context(function):
        reserved = [next(iter(inspect.signature(function).parameters))]
    problems = [
        problem_at(
            origin,
            f"pipeline {named!r}: the parameter name {name!r} is reserved; choose another "
            f"(reserved are {', '.join(sorted(RESERVED))}, and a pipeline takes no context)",
        )
        for name in reserved
    ]
    raise_problems(problems)
