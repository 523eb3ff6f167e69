"""Laws of run ids and of the names that people type."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.store_samples import AT, created

from buildorch.errors import RunNotFound
from buildorch.store import ids
from buildorch.store.database import Store

KNOWN = {
    "20250714-093012-aaaaaa": "20250714-093012-aaaaaa",
    "20260714-093012-4fa2c1": "0714-1",
    "20260714-093013-77777a": "0714-2",
    "20260715-000000-4fa2c1": "0715-1",
}


def test_an_id_is_its_local_time_and_random() -> None:
    """An id says when its run began, and two of one second differ."""
    made = {ids.new_run_id(AT) for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}", one) for one in made)
    assert len({one[:15] for one in made}) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("last", "20260715-000000-4fa2c1"),
        ("0714-2", "20260714-093013-77777a"),
        ("0715-1", "20260715-000000-4fa2c1"),
        ("20260714-093012-4fa2c1", "20260714-093012-4fa2c1"),
        ("20260715", "20260715-000000-4fa2c1"),
        ("2025", "20250714-093012-aaaaaa"),
    ],
)
def test_a_name_finds_its_run(text: str, expected: str) -> None:
    """`last`, a short name, an id and a unique beginning of one each name one run."""
    assert expected == ids.resolve(text, KNOWN)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("20260714", "several runs.*0714-1.*0714-2"),
        ("2026", "several runs"),
        ("0714-3", "did you mean.*0714"),
        ("20260714-093012-4fa2cx", "did you mean 0714-1"),
        ("zzz", "the newest are"),
        ("", "no run is called ''"),
    ],
)
def test_an_unclear_name_is_refused_with_the_near_ones(text: str, said: str) -> None:
    """Nothing is guessed: the error lists what could be meant."""
    with pytest.raises(RunNotFound, match=said):
        ids.resolve(text, KNOWN)


def test_without_runs_even_last_is_unknown() -> None:
    """An empty history says that it is empty."""
    with pytest.raises(RunNotFound, match="no runs yet"):
        ids.resolve("last", {})


@given(text=st.text(max_size=30))
def test_any_text_is_answered_or_refused(text: str) -> None:
    """Whatever is typed gives a known id or our error."""
    with contextlib.suppress(RunNotFound):
        assert ids.resolve(text, KNOWN) in KNOWN


def test_short_names_stay_when_runs_are_forgotten_or_come(tmp_path: Path) -> None:
    """A short name keeps meaning the same run, until the same day of a later year takes it."""
    with Store(tmp_path / "runs.db") as store:
        for index, run in enumerate(
            ["20250714-100000-000001", "20250714-110000-000002", "20250715-000000-000003"]
        ):
            store.create(run, [created()], at=AT + index)
        assert [row.short for row in store.runs()] == ["0715-1", "0714-2", "0714-1"]
        store.create("20260714-100000-000004", [created()], at=AT + 10)
        assert store.find("0714-1") == "20260714-100000-000004"
        assert store.run("20250714-100000-000001").short == "20250714-100000-000001"
        assert store.find("0714-2") == "20250714-110000-000002"
        assert store.find("last") == "20260714-100000-000004"
