"""Times, sizes and outcomes as the report writes them."""

from __future__ import annotations

import datetime as dt
import json

from buildorch.duration import format_duration
from buildorch.model import GOOD_ENDS, JSON, StageStatus
from buildorch.view import StageView

#: Ends of a stage for which a server, and not the build, is the reason.
INFRASTRUCTURE = frozenset({StageStatus.UNREACHABLE, StageStatus.LOST, StageStatus.NO_SPACE})

#: Ends after which people ask why.
BAD = INFRASTRUCTURE | {StageStatus.FAILED, StageStatus.TIMED_OUT}

_WORDS = {"timed_out": "timed out", "no_space": "no space", "up_to_date": "up to date"}

#: States and ends by how they look: a colour and a sign of its own each.
_LOOKS = {
    "succeeded": "good",
    "up_to_date": "kept",
    "failed": "bad",
    "timed_out": "late",
    "unreachable": "infra",
    "lost": "infra",
    "no_space": "infra",
    "skipped": "off",
    "cancelled": "stopped",
    "interrupted": "stopped",
    "waiting": "off",
    "queued": "off",
}

#: The sign of a number below zero, as wide as a plus; and what stands for no number.
MINUS, NONE = "\u2212", "\u2013"

_MINUTE, _HOUR = 60, 3600
_TENTHS = 9.95


def took(seconds: float | None) -> str:
    """Return a duration, to the second below an hour.

    Example:
        >>> took(3.42), took(252), took(8100), took(None)
        ('3.4s', '4min 12s', '2h 15min', '')
    """
    if seconds is None:
        return ""
    if seconds < _TENTHS:
        return f"{max(0.0, seconds):.1f}s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if not minutes or minutes >= _HOUR // _MINUTE:
        return format_duration(seconds)
    return f"{minutes}min {rest}s" if rest else f"{minutes}min"


def longer(seconds: float) -> str:
    """Return a difference of durations with its sign.

    Example:
        >>> longer(72), longer(-3.2) == f"{MINUS}3.2s", longer(0.01)
        ('+1min 12s', True, '±0s')
    """
    if abs(seconds) < 0.05:  # noqa: PLR2004 - what would be shown as 0.0
        return "±0s"
    return f"{'+' if seconds > 0 else MINUS}{took(abs(seconds))}"


def size(count: int) -> str:
    """Return a number of bytes in decimal units.

    Example:
        >>> size(812), size(1_048_576), size(3_000_000_000)
        ('812 B', '1.0 MB', '3.0 GB')
    """
    shown = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if shown < 999.5:  # noqa: PLR2004 - what would be shown as 1000
            return f"{count} B" if unit == "B" else f"{shown:.1f} {unit}"
        shown /= 1000
    return f"{shown:.1f} TB"


def moment(at: float) -> str:
    """Return a Unix time as this machine's clock shows it, with its distance from UTC."""
    local = dt.datetime.fromtimestamp(at, dt.UTC).astimezone()
    return local.strftime("%Y-%m-%d %H:%M:%S %z")


def utc(at: float) -> str:
    """Return a Unix time in RFC 3339.

    Example:
        >>> utc(0)
        '1970-01-01T00:00:00Z'
    """
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def counted(count: int, word: str) -> str:
    """Return a number with its noun.

    Example:
        >>> counted(1, "error"), counted(1234, "warning")
        ('1 error', '1,234 warnings')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def state_words(state: str) -> str:
    """Return a state or an end in words.

    Example:
        >>> state_words("timed_out")
        'timed out'
    """
    return _WORDS.get(state, state)


def look(state: str) -> str:
    """Return how a state looks: one of a few classes, each with a colour and a sign."""
    return _LOOKS.get(state, "going")


def outcome(stage: StageView) -> str:
    """Return what a stage came to, in words."""
    notes = [state_words(stage.state)]
    if stage.recovered:
        notes.append("recovered")
    if stage.allowed:
        notes.append("allowed to fail")
    return ", ".join(notes)


def first_error(stage: StageView) -> str:
    """Return what went wrong, in a line or two: the alert, the first error, or the reason."""
    result = stage.result
    if result is None:
        return ""
    told = result.alert or result.first_error
    return told or (stage.reason or "" if result.status not in GOOD_ENDS else "")


def value(given: JSON) -> str:
    """Return a parameter's value as one would write it."""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
