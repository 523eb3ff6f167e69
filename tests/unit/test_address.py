"""Addresses are split where they have parts, and never misread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ci@build-01:2222", ("ci", "build-01", 2222)),
        ("build-01", (None, "build-01", None)),
        ("::1", (None, "::1", None)),
        ("[::1]:22", (None, "::1", 22)),
        ("[::1]", (None, "::1", None)),
        ("ci@2001:db8::5", ("ci", "2001:db8::5", None)),
        ("ci@[2001:db8::5]:2222", ("ci", "2001:db8::5", 2222)),
        ("fe80::1%eth0", (None, "fe80::1%eth0", None)),
        ("ssh://ci@build-01:2222/", ("ci", "build-01", 2222)),
        ("first.last@corp@build-01", ("first.last@corp", "build-01", None)),
        (" build-01 ", (None, "build-01", None)),
    ],
)
def test_an_address_is_split_where_it_has_parts(
    text: str, parts: tuple[str | None, str, int | None]
) -> None:
    """User, host and port are found; the last group of an IPv6 address is no port."""
    user, host, port = parts
    assert Address(host, user, port) == parse_address(text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ci@build-01:abc", "abc"),
        ("ci@build-01:70000", "70000"),
        ("build-01:0", "'0'"),
        ("build-01:", "''"),
        ("build-01:٢٢", "٢٢"),
        ("", "is no address"),
        ("ci@", "is no address"),
        ("@host", "is no address"),
        ("[::1", "is no address"),
        ("-oProxyCommand=x", "is no address"),
        ("two words", "is no address"),
    ],
)
def test_what_is_no_address_is_refused(text: str, word: str) -> None:
    """A bad port is named; an option or several words are never taken for a host."""
    with pytest.raises(ValueError, match=word):
        parse_address(text)


@given(
    user=st.none() | st.from_regex(r"[a-z][a-z0-9._-]{0,9}", fullmatch=True),
    host=st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True) | st.ip_addresses().map(str),
    port=st.none() | st.integers(1, 65535),
)
def test_an_address_survives_writing_and_splitting(
    user: str | None, host: str, port: int | None
) -> None:
    """Whatever is put together can be taken apart again."""
    shown = f"[{host}]" if ":" in host and port else host
    text = (f"{user}@" if user else "") + shown + (f":{port}" if port else "")
    assert Address(host, user, port) == parse_address(text)
