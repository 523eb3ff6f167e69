"""What the signature of a stage or pipeline function says: its context and its parameters."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from buildorch.context import StageContext
from buildorch.names import hint

#: A stage or pipeline function, or anything else that can be called and has a signature.
Function: TypeAlias = Callable[..., Any]

#: Names of a first parameter that is the context, also where it is not annotated.
CONTEXT_NAMES = frozenset({"c", "ctx"})

#: Stands for the default of a parameter that has none.
REQUIRED: Any = inspect.Parameter.empty

_NAMELESS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY)


@attrs.frozen
class Parameter:
    """A parameter of a pipeline, as the command line and messages need it.

    Attributes:
        name: Its Python name.
        type: Its annotation; where there is none, the type of its default, else `str`.
        default: Its default, or `REQUIRED`.
        help: What it is for: its paragraph under `Args:` in the docstring.
    """

    name: str
    type: Any
    default: Any = REQUIRED
    help: str = ""

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is REQUIRED


def takes_context(function: Function) -> bool:
    """Tell whether *function* is called when its stage runs, with the context first.

    That is so where its first parameter is annotated `StageContext`, or named `c` or `ctx`.

    Example:
        >>> takes_context(lambda c, module: None), takes_context(lambda module: None)
        (True, False)
    """
    first = next(iter(inspect.signature(function).parameters.values()), None)
    if first is None or first.kind in {first.VAR_POSITIONAL, first.VAR_KEYWORD, first.KEYWORD_ONLY}:
        return False
    return first.name in CONTEXT_NAMES or _is_context(function, first)


def free_signature(function: Function) -> inspect.Signature:
    """Return the signature of *function* without its context."""
    signature = inspect.signature(function)
    skipped = 1 if takes_context(function) else 0
    return signature.replace(parameters=list(signature.parameters.values())[skipped:])


def check_signature(function: Function, called: str) -> None:
    """Refuse a function that we could not call with parameters by name.

    Args:
        function: The function.
        called: What it is, for the message.

    Raises:
        TypeError: It is async, a generator, or has parameters without a name.
    """
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{called} is async; stages and pipelines are plain functions: write def")
    if inspect.isgeneratorfunction(function):
        raise TypeError(f"{called} yields; return the command, or take the context and c.run it")
    for parameter in free_signature(function).parameters.values():
        if parameter.kind in _NAMELESS:
            raise TypeError(
                f"{called} has the parameter {str(parameter)!r}, which cannot be given by name; "
                "give it a name of its own"
            )


def bind(
    function: Function, args: Sequence[Any], params: Mapping[str, Any], called: str
) -> dict[str, Any]:
    """Return *args* and *params* by name; parameters may still be missing.

    Raises:
        TypeError: *function* has no such parameter.
    """
    signature = free_signature(function)
    _refuse_unknown(signature, params, called)
    try:
        bound = signature.bind_partial(*args, **params)
    except TypeError as error:
        raise TypeError(f"{called}: {error}") from None
    return _flat(signature, bound.arguments)


def with_defaults(function: Function, params: Mapping[str, Any], called: str) -> dict[str, Any]:
    """Return all parameters of a call: *params*, and the defaults of the others.

    Raises:
        TypeError: A parameter has no value, or there is no such parameter; names all of them.
    """
    return completed(free_signature(function), params, called)


def completed(
    signature: inspect.Signature, params: Mapping[str, Any], called: str
) -> dict[str, Any]:
    """Return all parameters of a call, as `with_defaults`, of a `free_signature`.

    Raises:
        TypeError: A parameter has no value, or there is no such parameter; names all of them.
    """
    _refuse_unknown(signature, params, called)
    if missing := _missing(signature, params):
        raise TypeError(f"{called} needs {', '.join(map(repr, missing))}{_advice(missing)}")
    bound = signature.bind(**params)
    bound.apply_defaults()
    return _flat(signature, bound.arguments)


def parameters_of(function: Function) -> tuple[Parameter, ...]:
    """Return the parameters of *function* in order, without its context.

    Example:
        >>> def full_build(module: str = "vam", jobs: int = 4): ...
        >>> [(one.name, one.type, one.default) for one in parameters_of(full_build)]
        [('module', <class 'str'>, 'vam'), ('jobs', <class 'int'>, 4)]
    """
    helps = _helps(inspect.getdoc(function) or "")
    return tuple(
        Parameter(one.name, _type_of(function, one), one.default, helps.get(one.name, ""))
        for one in free_signature(function).parameters.values()
        if one.kind is not one.VAR_KEYWORD
    )


def _is_context(function: Function, parameter: inspect.Parameter) -> bool:
    annotation = _annotation(function, parameter)
    if isinstance(annotation, str):  # a name that only type checkers import
        return annotation.strip("'\" ").rpartition(".")[2] == StageContext.__name__
    return annotation is StageContext


def _annotation(function: Function, parameter: inspect.Parameter) -> Any:  # noqa: ANN401 - any annotation
    """Return the annotation of one parameter; as text where its names are not known here."""
    annotation = parameter.annotation
    if not isinstance(annotation, str):
        return annotation
    holder = types.SimpleNamespace(__annotations__={parameter.name: annotation})
    known = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return typing.get_type_hints(holder, globalns=known)[parameter.name]
    except Exception:  # noqa: BLE001 - an annotation is code, and may raise anything
        return annotation


def _type_of(function: Function, parameter: inspect.Parameter) -> Any:  # noqa: ANN401 - any annotation
    annotation = _annotation(function, parameter)
    if annotation is not inspect.Parameter.empty and not isinstance(annotation, str):
        return annotation
    if parameter.default is REQUIRED or parameter.default is None:
        return str
    return type(parameter.default)


def _refuse_unknown(signature: inspect.Signature, params: Mapping[str, Any], called: str) -> None:
    known = signature.parameters
    if any(one.kind is one.VAR_KEYWORD for one in known.values()):
        return
    unknown = [f"{name!r}{hint(name, known)}" for name in params if name not in known]
    if unknown:
        takes = "" if known else " (it takes none)"
        raise TypeError(f"{called} has no parameter {', '.join(unknown)}{takes}")


def _missing(signature: inspect.Signature, params: Mapping[str, Any]) -> list[str]:
    return [
        one.name
        for one in signature.parameters.values()
        if one.default is REQUIRED and one.kind is not one.VAR_KEYWORD and one.name not in params
    ]


def _advice(missing: Sequence[str]) -> str:
    for name in ("context", "conn", "connection"):
        if name in missing:
            return f" ({name!r} is the context? name it c, or annotate it StageContext)"
    return ""


def _flat(signature: inspect.Signature, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return *arguments* with those of `**more` beside the others."""
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            found.update(value)
        else:
            found[name] = value
    return found


def _helps(doc: str) -> dict[str, str]:
    """Return what a Google style docstring says of each parameter."""
    found: dict[str, list[str]] = {}
    inside, depth, current = False, 0, ""
    for line in doc.splitlines():
        text, indent = line.strip(), len(line) - len(line.lstrip())
        if text and indent == 0:
            inside, depth = text in {"Args:", "Arguments:"}, 0
        elif inside and text:
            depth = depth or indent
            name, colon, rest = text.partition(":")
            if indent == depth and colon:
                current = name.split("(")[0].strip()
                found[current] = [rest.strip()]
            elif current:
                found[current].append(text)
    return {name: " ".join(lines).strip() for name, lines in found.items()}
