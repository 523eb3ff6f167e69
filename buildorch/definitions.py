"""`Pipeline`: a named flow with what it says for all of its stages, and what follows its end.

A plain value. Planning and running are left to `api`, which is imported when they are asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypedDict

import attrs

from buildorch import options as forms
from buildorch.duration import Duration
from buildorch.errors import DefinitionError
from buildorch.flow import Flow, Part, as_flow
from buildorch.model import Archive, Notify, Retry, Secret
from buildorch.origin import Origin, problem_at, raised
from buildorch.signatures import Parameter, bind, parameters_of, with_defaults

if TYPE_CHECKING:
    from buildorch.api import ConfigLike, RunHandle
    from buildorch.model import Plan
    from buildorch.result import RunResult

#: What happens when a run has failed or succeeded.
Reaction: TypeAlias = Retry | Notify | Archive


class PipelineOptions(TypedDict, total=False):
    """What `@pipeline` and `Pipeline` take; `Policies` says what each means."""

    on_failure: Reaction | Sequence[Reaction]
    on_success: Reaction | Sequence[Reaction]
    retry: Retry | int | None
    parallel_limit: int | None
    fail_fast: bool
    server: str | Sequence[str] | None
    fallback: str | Sequence[str] | None
    workdir: str | None
    timeout: Duration | None
    idle_timeout: Duration | None
    env: Mapping[str, str | Secret]
    setup: str | None
    shell: str | Sequence[str] | None
    title: str | None


def _reactions(value: Reaction | Sequence[Reaction]) -> tuple[Reaction, ...]:
    return (value,) if isinstance(value, Retry | Notify | Archive) else tuple(value)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Policies:
    """What a pipeline says for all of its stages; a stage that says otherwise wins.

    Attributes:
        on_failure: What follows a failure: `Retry(n)` of a stage that failed, `Notify(channel)`.
        on_success: What follows success: `Notify(channel)`, `Archive()`.
        retry: The same as a `Retry` among *on_failure*.
        parallel_limit: Stages at once in a run.
        fail_fast: Whether one failure cancels the branches that could still go on.
        server: Server of stages that name none, or a list of it and its fallbacks.
        fallback: Fallbacks of stages that name none.
        workdir: Folder of stages that name none.
        timeout: Longest time of an attempt: seconds, text such as `1h30m`, or a timedelta.
        idle_timeout: Longest time without progress, likewise.
        env: Environment of all stages; theirs adds to it.
        setup: Shell text sourced before each command.
        shell: Words that start the shell.
        title: Words shown instead of the name.
    """

    on_failure: tuple[Reaction, ...] = attrs.field(default=(), converter=_reactions)
    on_success: tuple[Reaction, ...] = attrs.field(default=(), converter=_reactions)
    retry: Retry | None = attrs.field(default=None, converter=forms.retry)
    parallel_limit: int | None = None
    fail_fast: bool = False
    server: str | tuple[str, ...] | None = attrs.field(default=None, converter=forms.one_or_many)
    fallback: tuple[str, ...] | None = attrs.field(default=None, converter=forms.many_or_none)
    workdir: str | None = None
    timeout: Duration | None = None
    idle_timeout: Duration | None = None
    env: Mapping[str, str | Secret] = attrs.field(factory=dict, converter=forms.mapping)
    setup: str | None = None
    shell: tuple[str, ...] | None = attrs.field(default=None, converter=forms.words)
    title: str | None = None


@attrs.frozen(eq=False, repr=False)
class Pipeline(Policies):
    """A named flow with policies. Call it to bind parameters; `run` runs it.

    Attributes:
        name: Its name.
        function: Returns the flow, where none is given; its parameters are the pipeline's.
        params: Parameters that are bound.
        description: What it is for.
        origin: Where it was written.

    Example:
        >>> from buildorch import Pipeline, Stage
        >>> build, test = Stage(name="build", command="make"), Stage(name="test", command="pytest")
        >>> nightly = Pipeline("nightly", build >> test, timeout="2h")
        >>> nightly.flow()
        <flow of 2 stages: build, test>
    """

    name: str
    _flow: Flow | None = attrs.field(default=None, converter=attrs.converters.optional(as_flow))
    function: Callable[..., Part] | None = attrs.field(default=None, kw_only=True)
    params: Mapping[str, Any] = attrs.field(factory=dict, converter=forms.mapping, kw_only=True)
    description: str | None = attrs.field(default=None, kw_only=True)
    origin: Origin | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self._flow is None and self.function is None:
            raise TypeError(f"pipeline {self.name!r} has no flow: give its stages, joined with >>")

    def __repr__(self) -> str:
        params = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"<pipeline {self.name}{f'({params})' if params else ''}>"

    def __call__(self, *args: Any, **params: Any) -> Self:  # noqa: ANN401 - as the function takes them
        """Return this pipeline with parameters bound; nothing runs.

        Raises:
            TypeError: It has no such parameter.
        """
        function = self.function or _without_parameters
        bound = bind(function, args, params, f"pipeline {self.name!r}")
        return attrs.evolve(self, params={**self.params, **bound})

    def parameters(self) -> tuple[Parameter, ...]:
        """Return its parameters in order; what is bound counts as their default."""
        return tuple(
            attrs.evolve(one, default=self.params.get(one.name, one.default))
            for one in parameters_of(self.function or _without_parameters)
        )

    def flow(self, **params: Any) -> Flow:  # noqa: ANN401 - as the function takes them
        """Return its stages, wired, for *params*.

        Raises:
            DefinitionError: The function fails, or returns no stages.
            TypeError: A parameter has no value, or there is no such parameter.
        """
        function = self.function or _without_parameters
        called = f"pipeline {self.name!r}"
        given = with_defaults(function, {**self.params, **params}, called)
        if self._flow is not None:
            return self._flow
        try:
            return as_flow(function(**given))
        except DefinitionError as error:
            found = [problem.message for problem in error.problems]
        except Exception as error:  # noqa: BLE001 - whatever a user's function raises is a problem of it
            found = [f"its function {raised(error)}"]
        raise DefinitionError(problem_at(self.origin, f"{called}: {one}") for one in found)

    def plan(
        self,
        config: ConfigLike = None,
        *,
        only: Sequence[str] = (),
        until: Sequence[str] = (),
        skip: Sequence[str] = (),
        **params: Any,  # noqa: ANN401 - as the function takes them
    ) -> Plan:
        """Return the plan of a run: everything resolved, nothing touched.

        Args:
            config: A configuration, the path of one, or None to look in the usual places.
            only: Names of the only stages to take.
            until: Names of stages after which to stop.
            skip: Names of stages to leave out.
            params: Parameters of the pipeline.

        Raises:
            DefinitionError: Everything that is wrong with it.
            TypeError: It has no such parameter.
        """
        from buildorch import api  # noqa: PLC0415 - only who runs or plans needs it

        return api.plan(self(**params), config=config, only=only, until=until, skip=skip)

    def run(self, **given: Any) -> RunResult:  # noqa: ANN401 - parameters and options
        """Run it and return the result, also where it failed: `.check()` raises then.

        Args:
            given: Parameters of the pipeline; `only`, `until` and `skip` as for `plan`; and
                what `api.Options` (`config`, `observers`, ...) and `api.start` take.

        Raises:
            DefinitionError: Everything that is wrong with it; no server was touched.
            TypeError: There is no such parameter or option.
        """
        from buildorch import api  # noqa: PLC0415 - only who runs or plans needs it

        bound, options = self._bound(given)
        return api.run(bound, **options)

    def start(self, **given: Any) -> RunHandle:  # noqa: ANN401 - parameters and options
        """Run it in the background of this process.

        Args:
            given: As for `run`.

        Raises:
            DefinitionError: Everything that is wrong with it; no server was touched.
            TypeError: There is no such parameter or option.
        """
        from buildorch import api  # noqa: PLC0415 - only who runs or plans needs it

        bound, options = self._bound(given)
        return api.start(bound, **options)

    def _bound(self, given: Mapping[str, Any]) -> tuple[Pipeline, dict[str, Any]]:
        """Return this with the parameters in *given* bound, and the options of the run."""
        from buildorch import api  # noqa: PLC0415 - only who runs or plans needs it

        own = {one.name for one in self.parameters()}
        driving = set(attrs.fields_dict(api.Options)) - own
        starting = set(inspect.signature(api.start).parameters) | {"only", "until", "skip"}
        starting -= {*own, "pipeline", "params", "selection"}
        options: dict[str, Any] = {n: v for n, v in given.items() if n in starting}
        if how := {name: value for name, value in given.items() if name in driving}:
            options["options"] = attrs.evolve(options.get("options") or api.Options(), **how)
        params = {n: v for n, v in given.items() if n not in starting and n not in driving}
        return self(**params), options


def _without_parameters() -> None:
    """Stand for the function of a pipeline that was given its flow."""
