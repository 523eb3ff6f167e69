"""Laws of masking: no secret passes, however the stream is cut; offsets stay true."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from buildorch.runner.masking import Masker, hidden

SECRETS = [b"hunter22", b"hunter2222", b"s3cr3t", b"aaaaaa"]


@given(
    parts=st.lists(st.one_of(st.sampled_from(SECRETS), st.binary(max_size=5))),
    cuts=st.lists(st.integers(1, 7)),
)
def test_no_secret_passes_however_the_stream_is_cut(parts: list[bytes], cuts: list[int]) -> None:
    """The output has the input's length, holds no secret, and differs only where one stood."""
    stream = b"".join(parts)
    masker = Masker(SECRETS)
    out, rest = b"", stream
    for cut in cuts:
        out += masker.feed(rest[:cut])
        rest = rest[cut:]
    out += masker.feed(rest) + masker.flush()
    assert len(stream) == len(out)
    assert not any(secret in out for secret in SECRETS)
    assert all(new in (old, ord("*")) for old, new in zip(stream, out, strict=True))


@given(data=st.binary())
def test_without_secrets_nothing_is_changed_or_held(data: bytes) -> None:
    """A stream without secrets passes at once and as it is."""
    assert data == Masker([]).feed(data)


PREFIXES = [b"ab", b"abcd", b"abcdef", b"b", b"cdab"]


@given(
    stream=st.lists(st.sampled_from([*PREFIXES, b"x", b"c", b"e"])).map(b"".join),
    cuts=st.sets(st.integers(0, 30)),
)
@example(stream=b"abcd", cuts={2, 3})
@example(stream=b"abcdeabcdef", cuts={1, 4, 5, 9})
def test_a_secret_that_begins_another_is_masked_the_same_wherever_it_is_cut(
    stream: bytes, cuts: set[int]
) -> None:
    """The longest secret is masked, and the pieces in which a stream comes change nothing."""
    whole = Masker(PREFIXES)
    expected = whole.feed(stream) + whole.flush()
    masker = Masker(PREFIXES)
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(places)]
    assert expected == b"".join(map(masker.feed, pieces)) + masker.flush()
    assert expected.count(b"*") == whole.masked == masker.masked
    assert not any(secret in expected for secret in PREFIXES)


@pytest.mark.parametrize(
    "text", ["hunter22", "a hunter22 b", "hunter22hunter22", "\udcff hunter22"]
)
def test_a_text_holds_no_secret_afterwards(text: str) -> None:
    """What is said in one piece is masked at once, its end included."""
    assert "hunter" not in hidden(text, ["hunter22", ""])
