"""Laws of masking: no secret passes, however the stream is cut; offsets stay true."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from buildorch.runner.masking import Masker

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
