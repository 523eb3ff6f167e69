"""Laws of what a terminal is trusted with: nothing that it obeys, nothing wider than it is."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.observers.look import Look, wants_board, width_of


class _Terminal(io.StringIO):
    """A text stream that says what it is told to say of itself."""

    def __init__(self, encoding: str = "utf-8", *, tty: bool = True) -> None:
        super().__init__()
        self._encoding = encoding
        self._tty = tty

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Return the encoding of this terminal."""
        return self._encoding

    def isatty(self) -> bool:
        """Return whether this is a terminal."""
        return self._tty


@given(st.text(max_size=300))
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    """Cleaned text is one line of printable characters, whatever a log holds."""
    assert Look().clean(text).isprintable()


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (None, ""),
        ("", ""),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07done", "done"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("[red]not markup[/red]", "[red]not markup[/red]"),
        ("10%\r20%\r", "20%"),
        ("a\tb\nc", "a b c"),
        ("\u202eevil\u202c", "evil"),
        ("bad \udcff byte", "bad byte"),
        (unicodedata.normalize("NFD", "한글"), "한글"),
        ("\x9b31mx", "31mx"),
    ],
)
def test_texts_of_any_origin_become_one_line(raw: str | None, shown: str) -> None:
    """Escapes go, the last state of a progress line stays, brackets are only brackets."""
    assert shown == Look().clean(raw)


def test_a_line_of_a_megabyte_is_only_looked_at_in_part() -> None:
    """No line of a log costs more than what a screen can show."""
    assert len(Look().clean("x" * 1_000_000)) == 2000
    assert Look().clean("x" * 1_000_000 + "\rend") == "end"


def test_what_the_encoding_does_not_have_is_replaced_before_it_is_measured() -> None:
    """A cp949 terminal gets `?` for what it cannot write, and the columns still fit."""
    look = Look.ascii("cp949")
    assert look.clean("한글 ✓ x") == "한글 ? x"
    assert Look.ascii().clean("한글 x") == "?? x"


@given(st.text(alphabet="abc 한글日本é…✓", max_size=40), st.integers(0, 40))
def test_fit_is_exact(text: str, width: int) -> None:
    """Whatever is fitted takes exactly its columns, wide characters too."""
    for look in (Look(), Look.ascii("utf-8")):
        assert width == width_of(look.fit(text, width))


@pytest.mark.parametrize(
    ("encoding", "environ", "full"),
    [
        ("utf-8", {"LANG": "ko_KR.UTF-8"}, "█"),
        ("utf-8", {"LANG": "C.UTF-8"}, "█"),
        ("utf-8", {"LANG": "C.UTF-8", "LC_CTYPE": "C.UTF-8"}, "█"),
        ("utf-8", {"LC_ALL": "en_US.UTF-8", "LANG": "C"}, "█"),
        ("utf-8", {"LANG": "en_US.UTF-8", "BUILDORCH_ASCII": "1"}, "#"),
        ("utf-8", {"LC_ALL": "C", "LANG": "en_US.UTF-8"}, "#"),
        ("utf-8", {"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "#"),
        ("utf-8", {"LC_CTYPE": "C.UTF-8"}, "#"),
        ("utf-8", {}, "#"),
        ("cp949", {"LANG": "ko_KR.EUC-KR"}, "#"),
        ("ascii", {"LANG": "en_US.UTF-8"}, "#"),
        ("no-such-codec", {"LANG": "en_US.UTF-8"}, "#"),
    ],
)
def test_bars_are_drawn_with_what_the_terminal_has(
    encoding: str, environ: Mapping[str, str], full: str
) -> None:
    """Blocks where encoding and locale allow them, `#` everywhere else."""
    assert full == Look.of(_Terminal(encoding), environ).full


@pytest.mark.parametrize(
    ("tty", "term", "wanted"),
    [(True, "xterm", True), (True, "dumb", False), (True, None, False), (False, "xterm", False)],
)
def test_a_board_is_only_for_terminals(*, tty: bool, term: str | None, wanted: bool) -> None:
    """No board in files, pipes and terminals that cannot move their cursor."""
    environ = {} if term is None else {"TERM": term}
    assert wanted is wants_board(_Terminal(tty=tty), environ)
