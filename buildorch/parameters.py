"""Values of parameters: from the text of a command line, and to and from what a store keeps."""

from __future__ import annotations

import enum
import json
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from buildorch.errors import UsageError
from buildorch.model import JSON, Secret
from buildorch.names import quoted
from buildorch.signatures import Parameter

_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})

#: Keys of the mappings that stand for values which JSON has not; users' keys never begin so.
_PATH, _SECRET = "$path", "$secret"


def convert(parameter: Parameter, text: str) -> Any:  # noqa: ANN401 - of the parameter's type
    """Return the value that *text* is for a parameter.

    Args:
        parameter: The parameter; its type says how the text is read. Types that are none of
            `str`, `int`, `float`, `bool`, `Path`, `Secret` (the name of a variable), a literal,
            an enum, or a list of these are read as JSON.
        text: The text; items of a list stand between commas.

    Raises:
        UsageError: The text is no such value; names parameter, type and text.

    Example:
        >>> convert(Parameter("jobs", int), "4"), convert(Parameter("modules", list[str]), "a,b")
        (4, ['a', 'b'])
        >>> convert(Parameter("jobs", int), "eight")
        Traceback (most recent call last):
        buildorch.errors.UsageError: parameter 'jobs' takes a whole number, not 'eight'
    """
    try:
        return _read(parameter.type, text)
    except ValueError as error:
        raise UsageError(
            f"parameter {parameter.name!r} takes {error}, not {quoted(text)}"
        ) from None


def encode(value: object) -> JSON:
    """Return a value of a parameter or an output as JSON can hold it.

    Raises:
        ValueError: It is none of None, bool, int, float, str, Path, Secret, or lists and
            mappings of these.

    Example:
        >>> encode(["a", Path("b"), Secret("TOKEN")])
        ['a', {'$path': 'b'}, {'$secret': 'TOKEN'}]
    """
    if value is None or (isinstance(value, bool | int | str) and not isinstance(value, enum.Enum)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return _encode_other(value)


def decode(value: JSON, secret: Callable[[Secret], Any] | None = None) -> Any:  # noqa: ANN401 - as it was encoded
    """Return the value that `encode` made *value* of; sequences become lists.

    Args:
        value: The encoded value.
        secret: Returns the value of a secret; without it the `Secret` itself stands there.

    Example:
        >>> decode({"$secret": "TOKEN"}, {Secret("TOKEN"): "s3cret"}.__getitem__)
        's3cret'
    """
    match value:
        case {"$path": str(path)}:
            return Path(path)
        case {"$secret": reference}:
            found = Secret.of(reference)
            return found if secret is None else secret(found)
        case list():
            return [decode(one, secret) for one in value]
        case dict():
            return {key: decode(one, secret) for key, one in value.items()}
    return value


def plain(value: JSON) -> str | Secret | None:
    """Return what stands for an encoded path or secret in an environment; None for others."""
    found = decode(value)
    if isinstance(found, Path):
        return str(found)
    return found if isinstance(found, Secret) else None


def _encode_other(value: object) -> JSON:
    match value:
        case enum.Enum():
            return encode(value.value)
        case Path():
            return {_PATH: str(value)}
        case Secret():
            return {_SECRET: value.reference}
        case list() | tuple():
            return [encode(one) for one in value]
        case dict():
            return {_key(key): encode(one) for key, one in value.items()}
    raise ValueError(f"{quoted(repr(value))[1:-1]} (a {type(value).__name__}) cannot be stored")


def _key(key: object) -> str:
    if not isinstance(key, str) or key.startswith("$"):
        raise ValueError(f"the key {quoted(str(key))} cannot be stored: keys are text without $")
    return key


def _read(kind: Any, text: str) -> Any:  # noqa: ANN401 - any type, a value of it
    """Return *text* as a *kind*; a ValueError says what belongs there."""
    if kind in _READERS:
        return _READERS[kind](text)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return _first(args, text)
    if origin is typing.Literal:
        return _one_of({str(value): value for value in args}, text)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _one_of({str(one.value): one for one in kind}, text)
    if kind is list or origin in {list, tuple} or getattr(origin, "__name__", "") == "Sequence":
        return _list(args[0] if args else str, text)
    return _json(text)


def _text(text: str) -> str:
    return text


def _integer(text: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]{1,4000}", text.strip()):
        raise ValueError("a whole number")
    return int(text)


def _float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError("a number")
    return value


def _boolean(text: str) -> bool:
    if text.lower() not in _YES | _NO:
        raise ValueError("true or false")
    return text.lower() in _YES


def _none(text: str) -> None:
    if text.lower() not in {"", "none", "null"}:
        raise ValueError("nothing")


_READERS: Mapping[Any, Callable[[str], Any]] = {
    str: _text,
    Any: _text,
    int: _integer,
    float: _float,
    bool: _boolean,
    Path: Path,
    Secret: Secret,
    type(None): _none,
}


def _first(kinds: tuple[Any, ...], text: str) -> Any:  # noqa: ANN401 - a value of one of the types
    """Return *text* as the first of *kinds* that takes it; text itself is the last resort."""
    wanted = []
    for kind in sorted(kinds, key=lambda one: one in {str, Any, Secret, Path}):
        try:
            return _read(kind, text)
        except ValueError as error:
            wanted.append(str(error))
    raise ValueError(" or ".join(wanted))


def _one_of(values: Mapping[str, Any], text: str) -> Any:  # noqa: ANN401 - one of the values
    if text not in values:
        raise ValueError(f"one of {', '.join(values)}")
    return values[text]


def _list(kind: Any, text: str) -> list[Any]:  # noqa: ANN401 - any type
    try:
        return [_read(kind, item.strip()) for item in text.split(",") if item.strip()]
    except ValueError as error:
        raise ValueError(f"a list (between commas), each item {error}") from None


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError("JSON") from None
