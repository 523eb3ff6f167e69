"""The options of stages and pipelines: checked one by one, every problem noted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

from buildorch.definitions import Policies
from buildorch.duration import parse_duration
from buildorch.flow import Stage
from buildorch.model import Retry, Secret
from buildorch.names import hint, quoted
from buildorch.origin import Origin
from buildorch.planner.findings import Findings

#: Returns an option's value in its normal form; a TypeError or ValueError says what is wrong.
_Check: TypeAlias = Callable[[Any], Any]

#: Outcomes that a retry may cover; what the infrastructure breaks has a budget of its own.
RETRIED = ("failed", "timed_out", "no_space")

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
    "fail_fast": False,
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def checked(
    owner: Stage | Policies, called: str, origin: Origin | None, findings: Findings
) -> dict[str, Any]:
    """Return the options of *owner* in their normal form; a wrong one is noted, and as not given.

    Args:
        owner: A stage or a pipeline.
        called: What it is, for messages.
        origin: Where it was written.
        findings: Takes what is wrong.
    """
    names = {field.name for field in attrs.fields(type(owner))}
    found: dict[str, Any] = {}
    for name, check in _CHECKS.items():
        if name not in names:
            continue
        value = getattr(owner, name)
        found[name] = _UNSET.get(name)
        try:
            if value is not None:
                found[name] = check(value)
        except (TypeError, ValueError) as error:
            findings.add(f"{called}: {name}: {error}", origin)
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
            raise ValueError(f"{_shown(outcome)} is no outcome{hint(str(outcome), RETRIED)}")
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


def _limit(value: Any) -> int:  # noqa: ANN401 - whatever was given
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{_shown(value)} is no whole number from 1 on")
    return value


def _environment(value: Any) -> dict[str, str | Secret]:  # noqa: ANN401 - whatever was given
    if not isinstance(value, Mapping):
        raise TypeError(f"{_shown(value)} is no mapping of names to texts")
    for name, text in value.items():
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            raise ValueError(f"{_shown(name)} is no name of a variable: letters, digits and _")
        if not isinstance(text, str | Secret):
            raise TypeError(f"the value of {name}, {_shown(text)}, is no text; put it in quotes")
        if isinstance(text, str) and "\0" in text:
            raise ValueError(f"the value of {name} has a NUL character")
    return dict(value)


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
    "title": check_text,
    "parallel_limit": _limit,
    "fail_fast": _boolean,
}
