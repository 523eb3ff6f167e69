"""Converters of single values: text, yes or no, numbers, durations, sizes, secrets."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from buildorch.duration import parse_duration
from buildorch.model import Command, Secret
from buildorch.names import check_name, quoted
from buildorch.yaml.nodes import ListNode, MappingNode, Node, ScalarNode
from buildorch.yaml.schema import (
    Converter,
    Field,
    Report,
    kind,
    list_of,
    read_mapping,
    unique_entries,
)

T = TypeVar("T")

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?) ?([KMGTP])(i?B)?", re.IGNORECASE)
_LONGEST_TITLE = 100
_LONGEST_PATTERN = 1000


def scalar(read: Callable[[ScalarNode], T], wanted: str) -> Converter:
    """Return a converter of single values.

    Args:
        read: Returns the value of a scalar, or raises ValueError with what is wrong.
        wanted: What belongs there, in words.
    """

    def convert(node: Node, report: Report) -> T | None:
        if not isinstance(node, ScalarNode) or node.is_null:
            report.add(node, f"{wanted} belongs here, not {kind(node)}")
            return None
        try:
            return read(node)
        except ValueError as error:
            report.add(node, str(error))
            return None

    return convert


def _text(node: ScalarNode) -> str:
    if node.is_number or node.is_boolean:
        message = f"text belongs here; {quoted(node.text)} must stand in quotes to be text"
        raise ValueError(message)
    return _written(node)


def _written(node: ScalarNode) -> str:
    if not node.text.strip():
        raise ValueError("an empty text; write something, or leave the key out")
    return node.text


def _boolean(node: ScalarNode) -> bool:
    if not node.is_boolean:
        raise ValueError(f"{quoted(node.text)} is neither true nor false; write one of them")
    return node.text.lower() == "true"


def whole(least: int, most: int = 1_000_000) -> Converter:
    """Return a converter of whole numbers from *least* to *most*."""

    def read(node: ScalarNode) -> int:
        digits = node.text if node.plain and re.fullmatch("[0-9]{1,9}", node.text) else ""
        if not digits or not least <= int(digits) <= most:
            raise ValueError(f"{quoted(node.text)} is no whole number from {least} to {most}")
        return int(digits)

    return scalar(read, "a whole number")


def choice(options: Collection[str]) -> Converter:
    """Return a converter that takes one of the words *options*."""

    def convert(node: Node, report: Report) -> str | None:
        word: str | None = text(node, report)
        if word is None or word in options:
            return word
        report.add_unknown(node, "unknown word", word, options)
        return None

    return convert


def _duration(node: ScalarNode) -> float:
    return parse_duration(node.text)


def _name(node: ScalarNode) -> str:
    return check_name(_text(node))


def _pipeline_name(node: ScalarNode) -> str:
    return check_name(_text(node), spaces=True)


def _title(node: ScalarNode) -> str:
    line = _text(node)
    if len(line) > _LONGEST_TITLE or "\n" in line or line != line.strip():
        raise ValueError(f"{quoted(line)}: one line of at most {_LONGEST_TITLE} characters")
    return line


def _size(node: ScalarNode) -> int:
    found = _SIZE.fullmatch(node.text.strip())
    if not found:
        raise ValueError(f"{quoted(node.text)} is no size; write one with its unit, such as 20GB")
    base = 1000 if found[3] in ("B", "b") else 1024
    return int(float(found[1]) * base ** (1 + "KMGTP".index(found[2].upper())))


def _pattern(node: ScalarNode) -> str:
    if len(node.text) > _LONGEST_PATTERN:
        raise ValueError(f"a regular expression of more than {_LONGEST_PATTERN} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what a later Python would read otherwise
            re.compile(node.text)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(f"{quoted(node.text)} is no regular expression: {error}") from None
    return _written(node)


def _words(node: ScalarNode) -> tuple[str, ...]:
    words = tuple(shlex.split(_text(node)))
    if not words:
        raise ValueError("no words; write a shell such as `bash -e`")
    return words


def _variable(node: ScalarNode) -> str:
    if not _VARIABLE.fullmatch(node.text):
        message = "is no name of an environment variable; write letters, digits and _"
        raise ValueError(f"{quoted(node.text)} {message}")
    return node.text


#: Text; a number or boolean must be in quotes, since it would be a slip.
text = scalar(_text, "text")

#: Any single value, as it was written.
written = scalar(_written, "text")

boolean = scalar(_boolean, "true or false")
duration = scalar(_duration, "a duration such as 45min")
name = scalar(_name, "a name")
pipeline_name = scalar(_pipeline_name, "a name")
title = scalar(_title, "a line of text")
size = scalar(_size, "a size such as 20GB")
pattern = scalar(_pattern, "a regular expression")
variable = scalar(_variable, "the name of an environment variable")
texts = list_of(written, single=True)
_arguments = list_of(scalar(lambda node: node.text, "text"))
_shell_words = scalar(_words, "a shell such as `bash -e`")
_KEYRING = {"service": Field(text, required=True), "user": Field(text, required=True)}


def _path(node: ScalarNode) -> str:
    path = _text(node)
    if not path.startswith(("/", "~")):
        raise ValueError(f"{quoted(path)} is no absolute path; begin it with / or ~/")
    return path


def _keyring_entry(node: Node, report: Report) -> tuple[str, str] | None:
    values = read_mapping(node, report, _KEYRING)
    return (values["service"], values["user"]) if len(values) == len(_KEYRING) else None


#: What makes a `Secret` of the converted value under each key.
_SOURCES: Mapping[str, tuple[Field, Callable[[Any], Secret]]] = {
    "file": (Field(scalar(_path, "a path")), Secret.file),
    "command": (Field(_arguments), Secret.command),
    "keyring": (Field(_keyring_entry), lambda entry: Secret.keyring(*entry)),
}


def secret(node: Node, report: Report) -> Secret | None:
    """Convert where a secret comes from: a variable, or one of `file`, `command`, `keyring`."""
    if not isinstance(node, MappingNode):
        name = variable(node, report)
        return None if name is None else Secret(name)
    found = read_mapping(node, report, {key: field for key, (field, _) in _SOURCES.items()})
    if len(node.entries) + len(node.merged) != 1:
        report.add(node, f"a secret comes from one of {', '.join(_SOURCES)}")
        return None
    return next((_SOURCES[key][1](value) for key, value in found.items() if value), None)


_SECRET = {"secret": Field(secret, required=True)}


def command(node: Node, report: Report) -> Command | None:
    """Convert text for the shell, or a list of arguments."""
    if not isinstance(node, ListNode):
        found: Command | None = written(node, report)
        return found
    if not node.items:
        report.add(node, "an empty list is no command")
    arguments: tuple[str, ...] | None = _arguments(node, report)
    return arguments or None


def shell(node: Node, report: Report) -> tuple[str, ...] | None:
    """Convert the words that start a shell, as text or as a list."""
    words: Any = texts(node, report) if isinstance(node, ListNode) else _shell_words(node, report)
    return words or None


def environment(node: Node, report: Report) -> dict[str, str | Secret] | None:
    """Convert variables to what was written for them; `{secret: ...}` is a `Secret`."""
    if not isinstance(node, MappingNode):
        report.add(node, f"variables with values belong here, not {kind(node)}")
        return None
    values: dict[str, str | Secret] = {}
    for entry in unique_entries(node, report):
        key = variable(entry.key, report)
        value = text_or_secret(entry.value, report.within(quoted(entry.key.text)))
        if key is not None and value is not None:
            values[key] = value
    return values


def text_or_secret(node: Node, report: Report) -> str | Secret | None:
    """Convert a single value to its text as written, and `{secret: ...}` to a `Secret`."""
    if isinstance(node, ScalarNode):
        return node.text
    if isinstance(node, MappingNode):
        values = read_mapping(node, report, _SECRET)
        return values.get("secret")
    report.add(node, f"text, or {{secret: VARIABLE}}, belongs here, not {kind(node)}")
    return None
