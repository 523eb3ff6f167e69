"""The `>>` algebra: stages and flows are immutable values, composed and never run here.

A `Flow` remembers its entries and exits, so that composition is associative and every exit
of the left is followed by every entry of the right. Nothing is registered anywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn, Self, TypeAlias, Unpack, cast

import attrs

from buildorch import options
from buildorch.duration import Duration
from buildorch.errors import DefinitionError
from buildorch.model import Command, Retry, Secret
from buildorch.options import StageOptions, refuse_unknown
from buildorch.origin import Origin
from buildorch.signatures import bind
from buildorch.wiring import Joint, wired

__all__ = ["Flow", "Origin", "Part", "Stage", "Wiring", "as_flow", "parallel", "sequence"]

_EMPTY = "empty fan-out: there is nothing in {}; leave it out, or give it a stage"


class Wiring:
    """What `>>` means for stages and flows; has no fields, so equality stays the value's own."""

    __slots__ = ()

    def __rshift__(self, other: Part) -> Flow:
        """Return a flow in which *other* comes after this."""
        return sequence(self, other)

    def __rrshift__(self, other: Sequence[object]) -> Flow:
        """Return a flow in which this comes after every part of the list *other*.

        Type checkers see a list of stages with different parameters as a list of objects.
        """
        return sequence(as_flow(other), self)

    def __bool__(self) -> NoReturn:
        """Refuse: `a >> b and c` would lose a part of the flow silently."""
        raise TypeError(
            "a stage or flow is neither true nor false; join flows with >>, not with and/or"
        )


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Stage(Wiring):
    """One unit of build work. Call it to bind parameters; it runs only as part of a run.

    Every option that is None is inherited: pipeline, server and defaults are asked in turn.

    Attributes:
        name: Its name; letters and digits of any script, `-`, `_`, `.`.
        function: The decorated function, or None for a stage made of a command.
        command: The command of a stage without a function.
        params: Parameters that are bound to the function; a command finds them in its
            environment as `BUILDORCH_PARAM_NAME`.
        server: Name, alias or list of names of servers: those behind the first are fallbacks.
        workdir: Folder on the server.
        timeout: Longest time of an attempt: seconds, text such as `1h30m`, or a timedelta.
        idle_timeout: Longest time without progress.
        lease: How long its job may live without a controller: then its server kills it, and a
            fallback can begin. It gives up running detached for longer.
        retry: How often it is tried again.
        env: Environment of its commands.
        setup: Shell text sourced before each command.
        shell: Words that start the shell.
        artifacts: Globs of files that are collected.
        resources: Names of devices that it has for itself on its server, such as `rack/ccu2-01`.
        lock: A name that runs lock on the server instead of the stage's folder.
        fallback: Names of servers to use when the first cannot be reached.
        allow_failure: Whether dependents go on when it failed.
        always: Whether it runs whatever happened before.
        success_if: Pattern of a last log line that means success.
        fail_if: Pattern of a last log line that means failure.
        analyze: Whether its log is searched for errors, warnings and progress.
        tool: The tool that writes its log, where the log alone would not tell.
        progress: Pattern at the beginning of a line of progress, with the groups `done` and
            `total`, or `percent`.
        title: Words shown instead of the name.
        origin: Where it was written.

    Example:
        >>> image = Stage(name="image", command="bitbake linux-s32", timeout="3h")
        >>> image.named("image-2") >> image
        <flow of 2 stages: image-2, image>
    """

    name: str
    function: Callable[..., Any] | None = None
    command: Command | None = attrs.field(default=None, converter=options.command)
    params: Mapping[str, Any] = attrs.field(factory=dict, converter=options.mapping)
    server: str | tuple[str, ...] | None = attrs.field(default=None, converter=options.one_or_many)
    workdir: str | None = None
    timeout: Duration | None = None
    idle_timeout: Duration | None = None
    lease: Duration | None = None
    retry: Retry | None = attrs.field(default=None, converter=options.retry)
    env: Mapping[str, str | Secret] = attrs.field(factory=dict, converter=options.mapping)
    setup: str | None = None
    shell: tuple[str, ...] | None = attrs.field(default=None, converter=options.words)
    artifacts: tuple[str, ...] = attrs.field(default=(), converter=options.many)
    resources: tuple[str, ...] = attrs.field(default=(), converter=options.many)
    lock: str | None = None
    fallback: tuple[str, ...] | None = attrs.field(default=None, converter=options.many_or_none)
    allow_failure: bool = False
    always: bool = False
    success_if: str | None = None
    fail_if: str | None = None
    analyze: bool = True
    tool: str | None = None
    progress: str | None = None
    title: str | None = None
    origin: Origin | None = None

    def __call__(self, *args: Any, **params: Any) -> Self:  # noqa: ANN401 - as the function takes them
        """Return this stage with parameters bound; nothing runs.

        Raises:
            TypeError: The function has no such parameter.
        """
        if self.function is not None:
            params = bind(self.function, args, params, f"stage {self.name!r}")
        elif args:
            raise TypeError(f"stage {self.name!r} is a command: give its parameters by name")
        return attrs.evolve(self, params={**self.params, **params})

    def __repr__(self) -> str:
        params = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"<stage {self.name}{f'({params})' if params else ''}>"

    def named(self, name: str) -> Self:
        """Return this stage under another name, to use it twice in one pipeline.

        Args:
            name: The other name.
        """
        return attrs.evolve(self, name=name)

    def with_(self, **changes: Unpack[StageOptions]) -> Self:
        """Return this stage with other options; variables of `env` add to its own.

        Args:
            changes: Options, as for `@stage`.

        Raises:
            TypeError: There is no such option.

        Example:
            >>> test = Stage(name="test", command="pytest", env={"A": "1"})
            >>> test.with_(timeout="30m", env={"B": "2"}).env
            {'A': '1', 'B': '2'}
        """
        refuse_unknown(changes, StageOptions.__annotations__, f"stage {self.name!r}")
        if "env" in changes:
            changes["env"] = {**self.env, **changes["env"]}
        return attrs.evolve(self, **changes)

    def matrix(self, **axes: Sequence[Any]) -> Flow:
        """Return this stage side by side, once for each combination of parameters.

        Args:
            axes: The values of each parameter.

        Returns:
            A flow of stages called `NAME.VALUE`, with a part for each parameter.

        Raises:
            DefinitionError: A parameter has no values.
            TypeError: There is no such parameter, or its values are no list.

        Example:
            >>> build = Stage(name="build", command='./build.py "$BUILDORCH_PARAM_MODULE"')
            >>> build.matrix(module=["vam", "dpm"])
            <flow of 2 stages: build.vam, build.dpm>
        """
        if not axes:
            raise TypeError("matrix needs the values of a parameter: .matrix(module=[...])")
        for name, values in axes.items():
            if isinstance(values, str) or not isinstance(values, Sequence):
                raise TypeError(f"the values of {name!r} must be a list, not {values!r}")
        cells = [dict(zip(axes, cell, strict=True)) for cell in itertools.product(*axes.values())]
        return parallel(*(self(**cell).named(_cell_name(self.name, cell)) for cell in cells))


@attrs.frozen(eq=False, repr=False)
class Flow(Wiring):
    """Stages and the edges between them.

    Attributes:
        stages: All stages, in the order in which they were written.
        edges: Pairs (before, after) of indices into `stages`.
        heads: Indices of the stages that a flow before this one leads to.
        tails: Indices of the stages that a flow after this one waits for.
    """

    stages: tuple[Stage, ...]
    edges: tuple[tuple[int, int], ...] = ()
    heads: tuple[int, ...] = ()
    tails: tuple[int, ...] = ()

    def __repr__(self) -> str:
        many = "stage" if len(self.stages) == 1 else "stages"
        names = ", ".join(stage.name for stage in self.stages)
        return f"<flow of {len(self.stages)} {many}: {names}>"


class _Joined(Flow):
    """A flow that is wired when somebody looks: so a `>>` costs the same however long its left is.

    Args:
        parts: Stages, flows, or lists of them.
        in_series: Whether each comes after the one before it; else they are side by side.
    """

    __slots__ = ("_whole", "joint")
    joint: Joint[Stage]
    _whole: Flow | None

    def __init__(self, parts: Iterable[Part], *, in_series: bool) -> None:
        flows = map(as_flow, parts)
        joined = tuple(one.joint if isinstance(one, _Joined) else one for one in flows)
        object.__setattr__(self, "joint", Joint(joined, in_series))
        object.__setattr__(self, "_whole", None)

    def __reduce__(self) -> tuple[type[Flow], tuple[object, ...]]:
        return Flow, (self.stages, self.edges, self.heads, self.tails)

    def _wired(self) -> Flow:
        if self._whole is None:
            object.__setattr__(self, "_whole", Flow(*wired(self.joint)))
        return cast("Flow", self._whole)

    stages = property(lambda self: self._wired().stages)
    edges = property(lambda self: self._wired().edges)
    heads = property(lambda self: self._wired().heads)
    tails = property(lambda self: self._wired().tails)


#: Whatever `>>`, `parallel` and `sequence` take; a sequence stands for side by side.
Part: TypeAlias = "Wiring | Sequence[Part]"


def parallel(*parts: Part) -> Flow:
    """Return *parts* side by side.

    Args:
        parts: Stages, flows, or lists of them.

    Raises:
        DefinitionError: There are none.
        TypeError: Something else is among them.

    Example:
        >>> a, b, c = (Stage(name=name, command="true") for name in "abc")
        >>> (parallel(a, b) >> [c]).edges
        ((0, 2), (1, 2))
    """
    if not parts:
        raise DefinitionError([_EMPTY.format("parallel()")])
    return _Joined(parts, in_series=False)


def sequence(*parts: Part) -> Flow:
    """Return *parts* one after the other: every exit of one leads to every entry of the next.

    Args:
        parts: Stages, flows, or lists of them; a list stands for side by side.

    Raises:
        DefinitionError: There are none.
        TypeError: Something else is among them.

    Example:
        >>> a, b, c = (Stage(name=name, command="true") for name in "abc")
        >>> sequence(a, [b, c]).edges
        ((0, 1), (0, 2))
    """
    if not parts:
        raise DefinitionError([_EMPTY.format("sequence()")])
    return _Joined(parts, in_series=True)


def as_flow(part: object) -> Flow:
    """Return a stage, a flow, or a list of them as a flow.

    Raises:
        DefinitionError: The list is empty.
        TypeError: It is something else; says what to write instead.
    """
    match part:
        case Flow():
            return part
        case Stage():
            return Flow((part,), (), (0,), (0,))
        case []:
            raise DefinitionError([_EMPTY.format("a list of stages")])
        case [*parts]:
            return parallel(*(as_flow(one) for one in parts))
    raise TypeError(f"{part!r:.60} cannot stand in a flow: {_advice(part)}")


def _cell_name(name: str, cell: Mapping[str, Any]) -> str:
    values = (
        str(value).lower() if isinstance(value, bool) else str(value) for value in cell.values()
    )
    return ".".join([name, *values])


def _advice(part: object) -> str:
    if part is None:
        return "did a function forget its return?"
    if isinstance(part, str | bytes):
        return "give the stage itself, not its name"
    if isinstance(part, Iterable):
        return "give a list, which has an order and can be read twice"
    return "decorate the function with @stage" if callable(part) else "give stages or flows"
