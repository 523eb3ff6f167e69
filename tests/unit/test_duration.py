from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.duration import (
    MAX_DAYS,
    Duration,
    exact_duration,
    format_duration,
    parse_duration,
)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("30m", 1800),
        ("45min", 2700),
        ("2h", 7200),
        ("1h30m", 5400),
        ("2h 15min", 8100),
        ("1d", 86400),
        ("1d 2h 3m 4s", 93784),
        (" 1.5h ", 5400),
        ("3 hours 2 minutes", 10920),
        ("2H", 7200),
        (90, 90),
        (0.5, 0.5),
        (dt.timedelta(minutes=3), 180),
        (f"{MAX_DAYS}d", MAX_DAYS * 86400),
    ],
)
def test_each_written_form_is_read(written: Duration, seconds: float) -> None:
    """Every form that the documentation names is the number of seconds that it says."""
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1:30", "unclear: write 1h30m or 1min30s"),
        ("1:30:00", "unclear: write 1h30m0s"),
        ("0", "not more than zero"),
        (0, "not more than zero"),
        (-1, "not more than zero"),
        (dt.timedelta(0), "not more than zero"),
        ("-5m", "no duration"),
        ("1h30", "no duration"),
        ("30m1h", "no duration"),
        ("1h1h", "no duration"),
        ("1mm", "no duration"),
        ("", "no duration"),
        ("soon", "no duration"),
        ("\uff11h", "no duration"),
        ("9" * 5000, "longer than 366d"),
        (10**30, "no duration"),
        (float("nan"), "no duration"),
        (float("inf"), "no duration"),
        (True, "no duration"),
        ("367d", "longer than 366d"),
    ],
)
def test_what_is_unclear_or_senseless_is_refused(written: Duration, said: str) -> None:
    """A duration that two people could read differently, or that no run can have, is refused."""
    with pytest.raises(ValueError, match=r"duration|unclear|zero|longer") as error:
        parse_duration(written)
    assert said in str(error.value)


def test_a_message_says_what_to_write() -> None:
    """A refused text is answered with forms that are taken."""
    with pytest.raises(ValueError, match="write 90s, 45min, 2h, 1h30m or 1d"):
        parse_duration("ten minutes")


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [
        (0, "0s", "0초"),
        (-3, "0s", "0초"),
        (7.4, "7s", "7초"),
        (59.6, "1min", "1분"),
        (2700, "45min", "45분"),
        (8100, "2h 15min", "2시간 15분"),
        (3599, "1h", "1시간"),
        (86399, "1d", "1일"),
        (90061, "1d 1h", "1일 1시간"),
    ],
)
def test_durations_are_printed_in_two_units(seconds: float, english: str, korean: str) -> None:
    """People read the two largest units, in their language."""
    assert (english, korean) == (format_duration(seconds), format_duration(seconds, "ko"))


@given(st.integers(min_value=1, max_value=MAX_DAYS * 86400))
def test_a_limit_is_printed_so_that_it_reads_back(seconds: int) -> None:
    """What `check` prints of a limit is the limit, and can be pasted into a definition."""
    assert parse_duration(exact_duration(seconds)) == seconds


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes anything but a positive number or a ValueError."""
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert 0 < seconds <= MAX_DAYS * 86400
