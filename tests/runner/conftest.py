"""Fixtures: a bench for runs, and links that come back at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.bench import Bench


@pytest.fixture(name="bench")
def _bench(tmp_path: Path) -> Bench:
    """Give a bench with a state folder of its own."""
    return Bench(tmp_path)


@pytest.fixture(autouse=True)
def _brisk_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let lost links be tried again at once: these laws are about order, not about delays."""
    monkeypatch.setattr("buildorch.runner.link.RECONNECT_DELAYS", (0.05,))
