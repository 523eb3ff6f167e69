"""The YAML parser's events; its complaints become ours, in words that say what to do.

The only module that calls ruamel.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark
from ruamel.yaml.events import Event

from buildorch.errors import DefinitionError
from buildorch.yaml.source import Source

_TAB = "a tab where YAML takes spaces only; replace the tab by spaces"

#: What the parser says (a pattern), and what a person can do about it.
_ADVICE: Mapping[str, str] = {
    r"'\\t' that cannot start": _TAB,
    r"character (.+) that cannot start": r"a value cannot begin with \1; put it in quotes",
    r"mapping values are not allowed": "a `: ` inside a value, or wrong indentation; put a value "
    "that holds `: ` in quotes",
    r"could not find expected ':'": "a key without `:` after it, or wrong indentation",
    r"expected <block end>": "the indentation does not fit the lines above, or a quote before "
    "this is wrong",
    r"sequence entries are not allowed": "a list begins on a line of its own, not here",
    r"unexpected end of stream": "a quote is never closed",
    r"unexpected document separator": "a quote is not closed before this line",
    r"unknown escape character '(.+)'": r"\\\1 is no escape; double the backslash, or use single "
    "quotes",
    r"expected ',' or": "a list or mapping in brackets is not closed, or lacks a comma",
    r"expected the node content": "a value is missing, or a bracket is closed too soon",
    r"undefined tag handle": "tags are not taken; put text that begins with `!` in quotes",
    r"expected alphabetic or numeric": "text that begins with `&`, `*` or `%` goes in quotes",
}


def parse_events(source: Source) -> Iterator[Event]:
    """Yield the parser's events for *source*.

    Raises:
        DefinitionError: The text is no YAML; names line and column.
    """
    try:
        yield from YAML(typ="safe", pure=True).parse(source.text)
    except MarkedYAMLError as error:
        raise _explained(source, error) from None
    except Exception as error:  # noqa: BLE001 - the parser's own slips, such as "\UFFFFFFFF", have no class
        message = f"YAML that the parser cannot read ({type(error).__name__}: {error})"
        raise source.problem(message, 1, 1) from None


def _explained(source: Source, error: MarkedYAMLError) -> DefinitionError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if tab := _tab_before(source, line, column):
        return source.problem(f"{_TAB} (line {line})", line, tab)
    problem = error.problem or error.context or "no YAML"
    return source.problem(_advice(problem) + _began(error, line), line, column)


def _tab_before(source: Source, line: int, column: int) -> int | None:
    """Return the column of a tab in the indentation of *line*, or where the parser stopped."""
    text = source.text.split("\n")[line - 1]
    indentation = text[: len(text) - len(text.lstrip(" \t"))]
    found = indentation.find("\t") + 1
    return found or (column if text[column - 1 : column] == "\t" else None)


def _advice(problem: str) -> str:
    for pattern, advice in _ADVICE.items():
        if found := re.search(pattern, problem):
            return found.expand(advice)
    return f"no YAML: {problem}"


def _began(error: MarkedYAMLError, line: int) -> str:
    mark = error.context_mark
    if not isinstance(mark, StringMark) or mark.line + 1 == line:
        return ""
    return f" (what it belongs to begins on line {mark.line + 1})"
