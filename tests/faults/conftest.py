"""Fixtures: a scene on a real host, and links that are quick to notice and to come back."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hosts.bed import Bed

from buildorch.remote.session import open_session
from faults.scene import MakeScene, Scene, open_scene


@pytest.fixture(name="make_scene")
def _make_scene(bed: Bed, tmp_path: Path) -> Iterator[MakeScene]:
    """Give a maker of one scene; its arguments are fields of its server."""
    with ExitStack() as stack:

        def make(**server: Any) -> Scene:
            return stack.enter_context(open_scene(bed, tmp_path, **server))

        yield make


@pytest.fixture(name="scene")
def _scene(make_scene: MakeScene) -> Scene:
    """Give a scene whose server is as plain as can be."""
    return make_scene()


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notice silence and try again sooner: these tests are about outcomes, not about delays."""
    quick = functools.partial(open_session, silence=1.5)
    monkeypatch.setattr("buildorch.backends.ssh.backend.open_session", quick)
    monkeypatch.setattr("buildorch.runner.link.RECONNECT_DELAYS", (0.1, 0.3))
    monkeypatch.setattr("buildorch.scheduler.observe.CONNECT_DELAY", 0.2)
    monkeypatch.setattr("buildorch.scheduler.verdict.INFRASTRUCTURE_DELAY", 0.2)
