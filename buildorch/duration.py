"""Durations as people write them, and seconds as people read them."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import TypeAlias

from buildorch.names import quoted

#: What an option that is a duration takes: seconds, text such as `1h30m`, or a timedelta.
Duration: TypeAlias = str | int | float | dt.timedelta

#: More is a slip, and the clocks of some systems cannot count it.
MAX_DAYS = 366

_DAY, _HOUR, _MINUTE = 86400, 3600, 60
_UNITS = (("d", "days?", _DAY), ("h", "hrs?|hours?", _HOUR), ("m", "mins?|minutes?", _MINUTE))
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_SECONDS = "s|secs?|seconds?"
_TEXT = re.compile(
    r"\s*".join(
        [f"(?:(?P<{one}>{_NUMBER})\\s*(?:{one}|{more})(?![a-z]))?" for one, more, _ in _UNITS]
        + [f"(?:(?P<s>{_NUMBER})\\s*(?:{_SECONDS})(?![a-z]))?"]
    ),
    re.ASCII | re.IGNORECASE,
)
_BARE = re.compile(_NUMBER)
_HOW = "write 90s, 45min, 2h, 1h30m or 1d (a bare number is seconds)"

#: The units of printed durations, by language, from days to seconds.
_PRINTED = {"en": ("d", "h", "min", "s"), "ko": ("일", "시간", "분", "초")}


def parse_duration(value: Duration) -> float:
    """Return a duration in seconds.

    Args:
        value: Seconds as a number or as text (`90`), text with units, largest first (`90s`,
            `30m`, `45min`, `2h`, `1h30m`, `2h 15min`, `1d`), or a timedelta.

    Raises:
        ValueError: It is unclear (`1:30`), not more than zero, or longer than 366 days.

    Example:
        >>> parse_duration("1h30m"), parse_duration("2h 15min"), parse_duration(90)
        (5400.0, 8100.0, 90.0)
        >>> parse_duration("1:30")
        Traceback (most recent call last):
        ValueError: '1:30' is unclear: write 1h30m or 1min30s
    """
    seconds = _seconds(value)
    if not seconds > 0:
        raise ValueError(f"{_shown(value)} is not more than zero; {_HOW}")
    if seconds > MAX_DAYS * _DAY:
        raise ValueError(f"{_shown(value)} is longer than {MAX_DAYS}d; {_HOW}")
    return seconds


def format_duration(seconds: float, language: str = "en") -> str:
    """Return a duration in its two largest units, rounded to whole minutes from a minute on.

    Args:
        seconds: The duration; less than zero counts as zero.
        language: `en` or `ko`.

    Example:
        >>> format_duration(2700), format_duration(8100), format_duration(8100, "ko")
        ('45min', '2h 15min', '2시간 15분')
        >>> format_duration(7.4), format_duration(90000), format_duration(2700, "ko")
        ('7s', '1d 1h', '45분')
    """
    units = _PRINTED["ko" if language.startswith("ko") else "en"]
    left = _rounded(max(0.0, seconds))
    parts = []
    for unit, size in zip(units, (_DAY, _HOUR, _MINUTE, 1), strict=True):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number}{unit}")
    return " ".join(parts) or f"0{units[-1]}"


def exact_duration(seconds: float) -> str:
    """Return a limit as it could have been written, nothing rounded away.

    Example:
        >>> exact_duration(5400.0), exact_duration(90.0), exact_duration(0.5)
        ('1h 30min', '1min 30s', '0.5s')
    """
    whole = int(seconds)
    parts = []
    left = whole
    for unit, size in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number}{unit}")
    rest = left + (seconds - whole)
    return " ".join(parts + ([f"{rest:.6f}".rstrip("0").rstrip(".") + "s"] if rest else []))


def _seconds(value: object) -> float:
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        return _from_text(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float) or _is_odd(value):
        raise ValueError(f"{_shown(value)} is no duration; {_HOW}")
    return float(value)


def _is_odd(value: float) -> bool:
    """Tell whether *value* is a number that no float holds, or none at all."""
    return abs(value) > MAX_DAYS * _DAY * 1e6 or math.isnan(value)


def _from_text(text: str) -> float:
    if _BARE.fullmatch(text):
        return float(text)
    found = _TEXT.fullmatch(text)
    if not text or found is None:
        raise ValueError(_what_is_wrong(text))
    sizes = [*((name, size) for name, _, size in _UNITS), ("s", 1)]
    return float(sum(float(found[name]) * size for name, size in sizes if found[name]))


def _what_is_wrong(text: str) -> str:
    clock = re.fullmatch(r"([0-9]{1,3}):([0-9]{2})(?::([0-9]{2}))?", text)
    if clock is None:
        return f"{quoted(text)} is no duration; {_HOW}"
    first, second, third = clock.groups()
    if third is not None:
        return f"{quoted(text)} is unclear: write {int(first)}h{int(second)}m{int(third)}s"
    return (
        f"{quoted(text)} is unclear: "
        f"write {int(first)}h{int(second)}m or {int(first)}min{int(second)}s"
    )


def _shown(value: object) -> str:
    return quoted(value) if isinstance(value, str) else quoted(str(value))[1:-1]


def _rounded(seconds: float) -> int:
    """Return whole seconds below a minute, whole minutes below a day, else whole hours."""
    for limit, step in ((59.5, 1), (_DAY - 30, _MINUTE)):
        if seconds < limit:
            return round(seconds / step) * step
    return round(seconds / _HOUR) * _HOUR
