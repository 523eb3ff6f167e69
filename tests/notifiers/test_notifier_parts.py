from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.notifiers.discord import Discord
from buildorch.notifiers.parts import disarm, split, units
from buildorch.notifiers.redact import mask, mask_error

TEXTS = st.text(alphabet=st.sampled_from("ab한🚀 \n\t\\_*@"), max_size=200) | st.text(max_size=200)


@given(text=TEXTS, limit=st.integers(2, 40))
def test_split_loses_nothing_but_white_space_at_borders(text: str, limit: int) -> None:
    """The parts are the text, except for white space where they meet and at both ends."""
    rest = text
    for part in split(text, limit):
        before, found, rest = rest.partition(part)
        assert found == part
        assert not before.strip()
    assert not rest.strip()


@given(text=TEXTS, limit=st.integers(2, 40))
def test_split_respects_the_limit_in_utf_16(text: str, limit: int) -> None:
    """No part is longer than the limit as Telegram counts it, none is blank."""
    parts = split(text, limit)
    assert all(0 < len(part.encode("utf-16-le", "surrogatepass")) // 2 <= limit for part in parts)
    assert all(part.strip() for part in parts)


@given(text=TEXTS)
def test_units_are_utf_16(text: str) -> None:
    """`units` is the length of the text in UTF-16 code units."""
    assert units(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("one\ntwo\nthree", 8, ["one\ntwo", "three"]),
        ("one two three", 8, ["one two", "three"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("🚀🚀🚀", 4, ["🚀🚀", "🚀"]),
        ("exactly\n8", 9, ["exactly\n8"]),
        (" \n ", 9, []),
    ],
)
def test_split_cuts_at_lines_then_spaces_then_anywhere(
    text: str, limit: int, parts: list[str]
) -> None:
    """The cut is at the last end of line that fits, else at a space, else in a word."""
    assert parts == split(text, limit)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@everyone", "@\u200beveryone"),
        ("x@here", "x@\u200bhere"),
        ("ask @dev1 now", "ask @\u200bdev1 now"),
        ("<@123> <@&9> <#1> <!here>", "<\u200b@\u200b123> <\u200b@&9> <\u200b#1> <\u200b!here>"),
        ("[fix](http://evil.example)", "[fix]\u200b(http://evil.example)"),
        ("git@host a@example.org x/@scope pkg@1.0", "git@host a@example.org x/@scope pkg@1.0"),
    ],
)
def test_no_text_pings_anybody(text: str, shown: str) -> None:
    """Mentions of Discord, Slack and Telegram are broken up, addresses stay as they are."""
    assert shown == disarm(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("def __init__(*args)", r"def \_\_init\_\_(\*args)"),
        ("test_restart in a_b_c", "test_restart in a_b_c"),
        ("# make\n> x", "\\# make\n\\> x"),
        ("`a` ~~b~~ ||c||", r"\`a\` \~\~b\~\~ \|\|c\|\|"),
    ],
)
def test_discord_shows_log_lines_as_they_are(text: str, shown: str) -> None:
    """What Discord would take for markup is escaped; a name like test_restart needs nothing."""
    service = Discord({"webhook": "https://discord.com/api/webhooks/1/x"})
    assert shown == service.prepare(text)


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("a hunter22 b", ["hunter22"], "a *** b"),
        ("abcdef-long abcdef", ["abcdef", "abcdef-long"], "*** ***"),
        ("make all", ["all"], "make all"),
        ("POST /bot123:AAE-x_y/sendMessage", [], "POST ***/sendMessage"),
        ("/api/webhooks/12/tok-en_1?wait=true", [], "/api***?wait=true"),
        ("Authorization: Bearer abcdef123", [], "Authorization: ***"),
    ],
)
def test_secrets_and_tokens_are_masked(text: str, secrets: list[str], shown: str) -> None:
    """Known secrets from six characters on, and whatever looks like a token, become stars."""
    assert shown == mask(text, secrets)


def test_errors_name_no_addresses_and_stay_short() -> None:
    """A webhook's URL is its token: errors keep no address, and are one line."""
    error = "cannot open\nhttps://user:pw@example.org/hook?key=1 because " + "x" * 1000
    shown = mask_error(error, [])
    assert shown.startswith("cannot open https://*** because xxx")
    assert len(shown) == 500
