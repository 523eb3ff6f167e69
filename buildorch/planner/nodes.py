"""The stages of a flow as nodes of a graph: names checked, commands made, equal ones merged."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from buildorch.flow import Flow, Stage
from buildorch.model import JSON, Command, FunctionRef, Secret
from buildorch.names import check_name, quoted, same_name
from buildorch.origin import raised
from buildorch.parameters import encode, plain
from buildorch.planner.findings import Findings
from buildorch.planner.functions import reference
from buildorch.planner.options import check_text
from buildorch.signatures import completed, free_signature, takes_context


@attrs.frozen(kw_only=True, eq=False)
class Node:
    """A stage of the plan, before its options and servers are resolved.

    Attributes:
        name: Its name in normal form.
        stage: The stage as it was declared.
        command: Its command; None for a function that takes the context.
        function: Where that function is.
        params: Its parameters with the defaults of those not given, as JSON.
    """

    name: str
    stage: Stage
    command: Command | None = None
    function: FunctionRef | None = None
    params: Mapping[str, JSON] = attrs.field(factory=dict)

    @property
    def called(self) -> str:
        """What it is, for messages."""
        return f"stage {quoted(self.name)}"

    def param_env(self) -> dict[str, str | Secret]:
        """Return the variables of the parameters that JSON text would not do for."""
        if not self.params:
            return {}
        found = {f"BUILDORCH_PARAM_{key.upper()}": plain(one) for key, one in self.params.items()}
        return {name: value for name, value in found.items() if value is not None}

    def content(self) -> list[Any]:
        """Return all that tells it from another stage, but where it was written."""
        hidden = {"name", "origin", "params", "command", "function"}
        fields = [field.name for field in attrs.fields(type(self.stage))]
        options = [getattr(self.stage, name) for name in fields if name not in hidden]
        function = self.stage.function if self.function is not None else None
        return [*options, self.name, self.params, self.command, function]


def nodes_of(flow: Flow, findings: Findings) -> tuple[list[Node], list[tuple[int, int]]]:
    """Return the nodes of *flow* in its order, and its edges between them.

    A command function is called here, once for each stage. Two stages of one name and content
    are one node; of one name and other content they are a problem.
    """
    maker = _Maker(findings)
    made = {stage: maker.node(stage) for stage in dict.fromkeys(flow.stages)}
    found = _Nodes(findings)
    places = [found.place(made[stage]) for stage in flow.stages]
    edges = {(places[before], places[after]) for before, after in flow.edges}
    return found.nodes, sorted(edges)


@attrs.frozen
class _Nodes:
    """Nodes by name; those of one name and content are one."""

    findings: Findings
    nodes: list[Node] = attrs.field(factory=list)
    by_name: dict[str, list[int]] = attrs.field(factory=dict)

    def place(self, node: Node) -> int:
        """Return the place of *node* among the nodes; it is put there if it is new."""
        name = same_name(node.name)
        places = self.by_name.get(name, [])
        for place in places:
            other = self.nodes[place]
            if other is node or other.content() == node.content():
                return place
            self.findings.add(_duplicate(node, other), node.stage.origin)
        self.by_name[name] = [*places, len(self.nodes)]
        self.nodes.append(node)
        return len(self.nodes) - 1


def _duplicate(node: Node, other: Node) -> str:
    if node.name != other.name:
        return (
            f"duplicate stage name: {quoted(other.name)} and {quoted(node.name)} differ in letter "
            "case only; rename one"
        )
    return (
        f"duplicate stage name {quoted(node.name)}: two different stages have it; rename one with "
        f".named('{node.name}-2'), or run the cell that wires them again if one is out of date"
    )


@attrs.frozen
class _Function:
    """What is known of a function that any number of stages may be made of."""

    signature: inspect.Signature
    ref: FunctionRef | None

    @classmethod
    def of(cls, function: Callable[..., Any]) -> _Function:
        """Return what is known of *function*; one without the context needs no reference."""
        ref = reference(function) if takes_context(function) else None
        return cls(free_signature(function), ref)


@attrs.frozen
class _Maker:
    """Makes nodes of stages; each function is looked at once."""

    findings: Findings
    functions: dict[int, _Function] = attrs.field(factory=dict)

    def node(self, stage: Stage) -> Node:
        """Return the node of *stage*; what is wrong with it is noted."""
        name = _name(stage, self.findings)
        try:
            if stage.function is None:
                params = _encoded(stage.params, stage)
                command = _checked(stage.command, stage, "has no command; give it one")
                return Node(name=name, stage=stage, command=command, params=params)
            return self._function_node(name, stage, stage.function)
        except (TypeError, ValueError) as error:
            self.findings.add(str(error), stage.origin)
            return Node(name=name, stage=stage)

    def _function_node(self, name: str, stage: Stage, function: Callable[..., Any]) -> Node:
        if stage.command is not None:
            raise ValueError(f"{_called(stage)} has a function and a command; keep one")
        known = self.functions.get(id(function))
        if known is None:
            known = self.functions[id(function)] = _Function.of(function)
        given = completed(known.signature, stage.params, _called(stage))
        params = _encoded(given, stage)
        if known.ref is not None:
            return Node(name=name, stage=stage, function=known.ref, params=params)
        command = _returned(function, stage, given)
        return Node(name=name, stage=stage, command=command, params=params)


def _called(stage: Stage) -> str:
    return f"stage {quoted(str(stage.name))}"


def _name(stage: Stage, findings: Findings) -> str:
    try:
        return check_name(stage.name)
    except (TypeError, ValueError) as error:
        findings.add(f"stage name: {error}", stage.origin)
        return str(stage.name)


def _encoded(given: Mapping[str, Any], stage: Stage) -> dict[str, JSON]:
    params: dict[str, JSON] = {}
    for key, value in given.items():
        try:
            params[key] = encode(value)
        except ValueError as error:
            raise ValueError(
                f"{_called(stage)}: the parameter {key!r} is {error}; give None, numbers, text, "
                "Path, Secret, or lists and mappings of these"
            ) from None
    return params


def _returned(function: Callable[..., Any], stage: Stage, params: Mapping[str, Any]) -> Command:
    """Return the command that a stage's function returns."""
    try:
        returned = function(**params)
    except Exception as error:
        raise ValueError(
            f"{_called(stage)}: its function {raised(error)}; it is called when the plan is made, "
            "to return the command"
        ) from error
    command = _checked(
        returned,
        stage,
        "returned None: forgot return? Its function returns "
        "the command, or takes the context c as first parameter",
    )
    _refuse_secrets(command, stage, params)
    return command


def _checked(command: object, stage: Stage, if_none: str) -> Command:
    if command is None:
        raise ValueError(f"{_called(stage)} {if_none}")
    if not isinstance(command, str | list | tuple):
        raise TypeError(
            f"{_called(stage)}: its command is {quoted(repr(command))[1:-1]} "
            f"(a {type(command).__name__}); return text for the shell, or a list of arguments"
        )
    if not command:
        raise ValueError(f"{_called(stage)}: its command is empty")
    try:
        return check_text(command) if isinstance(command, str) else _arguments(command)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{_called(stage)}: command: {error}") from None


def _arguments(command: list[object] | tuple[object, ...]) -> tuple[str, ...]:
    program, *arguments = command
    for one in arguments:
        if not isinstance(one, str):
            raise TypeError(f"the argument {one!r} is no text; write str({one!r})")
        if "\0" in one:
            raise ValueError(f"the argument {quoted(one)} has a NUL character")
    return (check_text(program), *(str(one) for one in arguments))


def _refuse_secrets(command: Command, stage: Stage, params: Mapping[str, Any]) -> None:
    text = command if isinstance(command, str) else "\n".join(command)
    for key, value in params.items():
        if isinstance(value, Secret) and str(value) in text:
            raise ValueError(
                f"{_called(stage)}: its command has the secret {key!r} as text, which ps would "
                f"show; write $BUILDORCH_PARAM_{key.upper()} in the command instead"
            )
