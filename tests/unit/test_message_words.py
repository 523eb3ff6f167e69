"""Laws of the words that people read: numbers, holders, times, both languages."""

from __future__ import annotations

import pytest

from buildorch.job import Wait
from buildorch.messages.waits import held_by, waits_for
from buildorch.messages.words import Words, clean, cut


@pytest.mark.parametrize(
    ("place", "said"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd"), (113, "113th")],
)
def test_places_are_counted_as_people_count(place: int, said: str) -> None:
    """First, second, third, and the teens that are none of these."""
    wait = Wait(kind="lock", name="a", place=place)
    assert f"a, {said} in line" == waits_for(wait, Words.of("en"))


def test_a_holder_is_told_as_far_as_it_is_known() -> None:
    """A bitbake of somebody has a process; a holder of whom nothing is known is not made up."""
    words = Words.of("en")
    bitbake = Wait(kind="bitbake", name="/build", user="dev2", pid=7, seconds=60.0)
    assert "another bitbake build of /build" == waits_for(bitbake, words)
    assert "held by dev2, pid 7, since 13:20" == held_by(bitbake, words, "13:20")
    assert "" == held_by(Wait(kind="lock", name="a"), words)


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [
        (0.2, "0s", "0초"),
        (59.4, "59s", "59초"),
        (59.6, "1min", "1분"),
        (2699, "45min", "45분"),
        (3600, "1h", "1시간"),
        (8100, "2h 15min", "2시간 15분"),
        (93600, "1d 2h", "1일 2시간"),
    ],
)
def test_times_read_as_people_say_them(seconds: float, english: str, korean: str) -> None:
    """The two largest units, rounded."""
    assert (english, korean) == (Words.of("en").time(seconds), Words.of("ko").time(seconds))


def test_both_languages_have_the_same_phrases() -> None:
    """No message lacks a phrase in one language."""
    assert Words.of("en").table.keys() == Words.of("ko").table.keys()


def test_lines_of_a_log_become_plain_text() -> None:
    """Escape sequences, carriage returns and direction marks do not reach people."""
    assert clean("\x1b]0;title\x07a\x1b[1;31mb\x1b[K\rc\u202ed") == "ab c d"
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"


def test_a_name_that_was_told_stands_beside_the_account() -> None:
    """Whoever holds a lock can call themselves anything; the account is the kernel's word."""
    words = Words.of("en")
    told = Wait(kind="lock", name="a", user="alice", by="mina", run="0714-1")
    assert "held by mina (account alice), run 0714-1" == held_by(told, words)
    same = Wait(kind="lock", name="a", user="mina", by="mina", run="0714-1")
    assert "held by mina, run 0714-1" == held_by(same, words)
