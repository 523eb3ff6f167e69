"""The options of stages and pipelines: checked one by one, every problem noted."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Mapping
from operator import attrgetter, is_not
from typing import Any, TypeAlias

import attrs

from buildorch.definitions import Pipeline
from buildorch.duration import parse_duration
from buildorch.flow import Stage
from buildorch.model import Retry, Secret
from buildorch.model.policies import RETRIED
from buildorch.names import hint, quoted
from buildorch.planner.findings import Findings

#: Returns an option's value in its normal form; a TypeError or ValueError says what is wrong.
_Check: TypeAlias = Callable[[Any], Any]

_Values: TypeAlias = tuple[Any, ...]

_MOST_RETRIES = 100
_LONGEST_KEY = 100

#: Seconds; a server hears every few seconds that its controller lives.
_SHORTEST_LEASE = 60.0

#: What stands for an option that was not given, where that is not None.
_UNSET: Mapping[str, Any] = {
    "env": {},
    "artifacts": (),
    "resources": (),
    "allow_failure": False,
    "always": False,
    "analyze": True,
    "fail_fast": False,
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def checked(owner: Stage | Pipeline, findings: Findings) -> dict[str, Any]:
    """Return what *owner* says, in its normal form; what is wrong is noted, and as not said.

    Args:
        owner: A stage or a pipeline.
        findings: Takes what is wrong.
    """
    unset, read = _STAGES if isinstance(owner, Stage) else _PIPELINES
    values = read(owner)
    said = itertools.compress(zip(unset, values, strict=True), map(is_not, values, unset.values()))
    found: dict[str, Any] = {}
    for name, value in said:
        try:
            if value is not None:
                found[name] = _CHECKS[name](value)
        except (TypeError, ValueError) as error:
            kind = "stage" if isinstance(owner, Stage) else "pipeline"
            findings.add(f"{kind} {quoted(str(owner.name))}: {name}: {error}", owner.origin)
    return found


def check_text(value: Any) -> str:  # noqa: ANN401 - whatever was given
    """Return text that can be sent to a server; a TypeError or ValueError says why not."""
    if not isinstance(value, str):
        raise TypeError(f"{_shown(value)} is no text; put it in quotes")
    if not value.strip():
        raise ValueError("an empty text; write something, or leave it out")
    if "\0" in value:
        raise ValueError("it has a NUL character, which no command can take")
    return value


def check_texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever was given
    """Return a tuple of texts; a TypeError or ValueError says why not."""
    if not isinstance(value, tuple):
        raise TypeError(f"{_shown(value)} is no list of texts")
    return tuple(check_text(one) for one in value)


def check_retry(value: Any) -> Retry:  # noqa: ANN401 - whatever was given
    """Return a policy of retries; a TypeError or ValueError says why not."""
    if not isinstance(value, Retry):
        raise TypeError(f"{_shown(value)} is no number of extra attempts; write 1 or Retry(1)")
    times: object = value.times
    whole = isinstance(times, int) and not isinstance(times, bool)
    if not whole or not 0 <= value.times <= _MOST_RETRIES:
        raise ValueError(f"{_shown(times)} is no number of extra attempts from 0 to 100")
    for outcome in value.on:
        if outcome not in RETRIED:
            near = hint(str(outcome), RETRIED)
            raise ValueError(f"{_shown(outcome)} is no outcome or cause{near}")
    return value


def _server(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever was given
    names = (check_text(value),) if not isinstance(value, tuple) else check_texts(value)
    if not names:
        raise ValueError("an empty list; name a server, or leave it out")
    return names


def _words(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever was given
    words = check_texts(value)
    if not words:
        raise ValueError("an empty list; name a shell, or leave it out")
    return words


def _key(value: Any) -> str:  # noqa: ANN401 - whatever was given
    """Return the name of a lock: one line, the same in every way to type it."""
    text = unicodedata.normalize("NFC", check_text(value))
    if not text.isprintable() or text != text.strip() or len(text) > _LONGEST_KEY:
        raise ValueError(f"{quoted(text)} is no name of at most 100 printable characters")
    return text


def _keys(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever was given
    return tuple(dict.fromkeys(_key(one) for one in check_texts(value)))


def _lease(value: Any) -> float:  # noqa: ANN401 - whatever was given
    seconds = parse_duration(value)
    if seconds < _SHORTEST_LEASE:
        raise ValueError(
            f"{_shown(value)} is shorter than {_SHORTEST_LEASE:g}s: a short outage would end it"
        )
    return seconds


def _boolean(value: Any) -> bool:  # noqa: ANN401 - whatever was given
    if not isinstance(value, bool):
        raise TypeError(f"{_shown(value)} is neither True nor False")
    return value


def _pattern(value: Any) -> str:  # noqa: ANN401 - whatever was given
    text = check_text(value)
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{quoted(text)} is no pattern: {error}") from None
    return text


def _tool(value: Any) -> str:  # noqa: ANN401 - whatever was given
    from buildorch.analysis.rules import TOOLS  # noqa: PLC0415 - few stages name one

    if check_text(value) not in TOOLS:
        raise ValueError(f"{quoted(value)} is no tool whose logs are known{hint(value, TOOLS)}")
    return str(value)


def _progress(value: Any) -> str:  # noqa: ANN401 - whatever was given
    from buildorch.analysis.own import progress_rule  # noqa: PLC0415 - few stages have one

    return progress_rule(check_text(value)).pattern


def _limit(value: Any) -> int:  # noqa: ANN401 - whatever was given
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{_shown(value)} is no whole number from 1 on")
    return value


def _environment(value: Any) -> dict[str, str | Secret]:  # noqa: ANN401 - whatever was given
    if not isinstance(value, dict):  # whatever mapping was given
        raise TypeError(f"{_shown(value)} is no mapping of names to texts")
    for name, text in value.items():
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            raise ValueError(f"{_shown(name)} is no name of a variable: letters, digits and _")
        if not isinstance(text, str | Secret):
            raise TypeError(f"the value of {name}, {_shown(text)}, is no text; put it in quotes")
        if isinstance(text, str) and "\0" in text:
            raise ValueError(f"the value of {name} has a NUL character")
    return value


def _shown(value: object) -> str:
    return quoted(value) if isinstance(value, str) else quoted(repr(value))[1:-1]


_CHECKS: Mapping[str, _Check] = {
    "server": _server,
    "fallback": check_texts,
    "workdir": check_text,
    "timeout": parse_duration,
    "idle_timeout": parse_duration,
    "lease": _lease,
    "retry": check_retry,
    "env": _environment,
    "setup": check_text,
    "shell": _words,
    "artifacts": check_texts,
    "resources": _keys,
    "lock": _key,
    "allow_failure": _boolean,
    "always": _boolean,
    "success_if": _pattern,
    "fail_if": _pattern,
    "analyze": _boolean,
    "tool": _tool,
    "progress": _progress,
    "title": check_text,
    "parallel_limit": _limit,
    "fail_fast": _boolean,
}


def _options(owner: type[Stage | Pipeline]) -> tuple[dict[str, Any], Callable[[Any], _Values]]:
    """Return what stands for each option of *owner*, and what reads all of them, in that order."""
    names = [name for name in _CHECKS if name in attrs.fields_dict(owner)]
    return {name: _UNSET.get(name) for name in names}, attrgetter(*names)


_STAGES = _options(Stage)
_PIPELINES = _options(Pipeline)

#: What stands for the options of a stage, and of a pipeline, that says nothing.
STAGE_SAYS_NOTHING: Mapping[str, Any] = _STAGES[0]
PIPELINE_SAYS_NOTHING: Mapping[str, Any] = _PIPELINES[0]
