"""Laws of masking: no secret passes, however the stream is cut; offsets stay true."""

from __future__ import annotations

import base64
import functools
import itertools
import re
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from buildorch.analysis import Analyzer, Legible
from buildorch.runner.collector import AttemptLog
from buildorch.runner.jobs import StepSpec
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


def masked(data: bytes, secret: bytes, cuts: set[int]) -> bytes:
    """Return *data* masked, after it came in pieces."""
    masker = Masker([secret])
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    return b"".join(map(masker.feed, pieces)) + masker.flush()


@given(
    secret=st.binary(min_size=6, max_size=200),
    around=st.tuples(st.binary(max_size=9), st.binary(max_size=9)),
    encode=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
    cuts=st.sets(st.integers(0, 300)),
)
@example(b"hunter22", (b"", b""), base64.b64encode, set())
@example(b"\xff\xfb\xef" * 40, (b"u:", b""), base64.urlsafe_b64encode, {9})
def test_base64_of_a_secret_is_masked_wherever_it_stands(
    secret: bytes,
    around: tuple[bytes, bytes],
    encode: Callable[[bytes], bytes],
    cuts: set[int],
) -> None:
    """Of the encoded text only characters remain that a neighbour has a part in."""
    data = encode(around[0] + secret + around[1])
    out = masked(data, secret, cuts)
    first, last = -(-8 * len(around[0]) // 6), 8 * (len(around[0]) + len(secret)) // 6
    assert len(data) == len(out)
    assert set(b"*") == set(out[first:last])


@given(secret=st.binary(min_size=60, max_size=400))
def test_base64_in_lines_is_masked_line_by_line(secret: bytes) -> None:
    """The program base64 breaks its lines; of each at most a few characters remain."""
    out = masked(base64.encodebytes(secret), secret, set())
    assert all(len(line.replace(b"*", b"")) <= 12 for line in out.splitlines())


def test_lines_and_quoted_forms_of_a_secret_are_masked() -> None:
    """A key of several lines, a password in an address, and one in JSON."""
    secret = b'begin-key\npa"ss%word/1\nend-of-key'
    for shown in (b'log: pa"ss%word/1.', b"begin-key\r\nend-of-key"):
        assert b"*********" in masked(shown, secret, set())
        assert b"key" not in masked(shown, secret, set())
    quoted = urllib.parse.quote_from_bytes(b"pa ss%word/1", safe="").encode()
    assert set(b"*") == set(masked(quoted, b"pa ss%word/1", set()))
    assert b'"' + b"*" * 10 + b'"' == masked(rb'"pa\"ssw\\d"', b'pa"ssw\\d', set())


def test_looking_for_encoded_secrets_costs_little() -> None:
    """With few secrets a log passes as fast as through one pattern of the plain ones."""
    secrets = [b"hunter22xyz", b"dckr_pat_9fK2mZQ", b"glpat-x8sKq2LmN0pQ"]
    line = b"[17/9000] Building CXX object src/foo/CMakeFiles/bar.dir/4f8a0c.cpp.o -I/usr/include\n"
    piece = line * 700
    pattern = re.compile(b"|".join(secrets))

    def seconds(pass_on: Callable[[bytes], object]) -> float:
        begun = time.perf_counter()
        for _ in range(50):
            pass_on(piece)
        return time.perf_counter() - begun

    ratios = (
        seconds(Masker(secrets).feed) / seconds(functools.partial(pattern.sub, b"*"))
        for _ in range(20)
    )
    assert any(ratio < 1.2 for ratio in ratios)


def test_what_is_stored_of_a_step_says_nothing_of_its_secrets() -> None:
    """The digest that replay compares is the same for another secret, and not for another step."""
    steps = [StepSpec(command="deploy", env={"TOKEN": token}) for token in ("hunter22", "secret77")]
    first, second = (step.digest([step.env["TOKEN"]]) for step in steps)
    assert first == second
    assert first != StepSpec(command="deploy", env={"TOKEN": ""}).digest(["hunter22"])


ESCAPES = [b"\x1b[36m", b"\x1b[01;31m\x1b[K", b"\x1b[m", b"\x1b(B", b"\x1b]8;;http://x\x07"]


@given(
    secret=st.sampled_from(SECRETS),
    between=st.lists(st.sampled_from([b"", *ESCAPES]), min_size=20, max_size=20),
    cuts=st.sets(st.integers(0, 200)),
)
@example(secret=b"hunter22", between=[b"", b"\x1b[36m", *[b""] * 18], cuts=set(range(50)))
def test_a_secret_with_escape_sequences_in_it_is_masked_however_it_is_cut(
    secret: bytes, between: list[bytes], cuts: set[int]
) -> None:
    """What stands whole on a terminal is hidden, wherever the stream is cut, and only that."""
    coloured = secret[:1] + b"".join(
        escape + secret[at : at + 1] for at, escape in enumerate(between, 1)
    )
    stream = b"\x1b[0merror: " + coloured + b"\x1b[0m ok\n"
    masker = Masker(SECRETS)
    ends = sorted({*cuts, len(stream)})
    out = b"".join(masker.feed(stream[a:b]) for a, b in itertools.pairwise([0, *ends]))
    out += masker.flush()
    shown = Legible()
    text = shown.feed(out) + shown.end()
    assert len(stream) == len(out)
    assert secret.decode() not in text
    assert text.startswith("error: ")
    assert out.endswith(b"\x1b[0m ok\n")


def test_escape_sequences_without_an_end_hold_no_memory() -> None:
    """The beginning of a secret and colours for ever: what is held back has a limit, and time."""
    masker = Masker(SECRETS)
    began = time.monotonic()
    masker.feed(b"h")
    out = b"".join(masker.feed(b"\x1b[m" * 1000) for _ in range(100))
    assert len(out) > 200_000
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("between", [b"\x1b[36m", b"\x00", b"\x1b]0;title\x07"])
def test_what_is_told_of_a_log_is_masked_as_text(tmp_path: Path, between: bytes) -> None:
    """Whatever of the raw bytes is no text: first error, alert and last line hold no secret."""
    log = AttemptLog(tmp_path / "log", [b"Zq9/sup3rs3cr3t"], Analyzer())
    log.write(b"error: Zq9" + between + b"/sup3rs3cr3t is wrong\n")
    report = log.report()
    log.close()
    told = f"{report.first_error} {report.alert} {report.last_line}"
    assert "is wrong" in told
    assert "sup3rs3cr3t" not in told


def test_folders_of_a_log_that_are_made_again_are_ours_alone(tmp_path: Path) -> None:
    """A results folder that is gone comes back with the mode that it had."""
    AttemptLog(tmp_path / "results/run/build/attempt-1.log", (), None).close()
    made = [tmp_path / place for place in ("results", "results/run", "results/run/build")]
    assert [0o700] * 3 == [folder.stat().st_mode & 0o777 for folder in made]
