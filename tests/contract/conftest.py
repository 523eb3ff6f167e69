"""The fixtures of the laws: each law is tried at every kind of place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.place import PLACES, Place
from contract.ssh_place import SSH_PLACES
from contract.talk import Talk, talk

_ALL = {**PLACES, **SSH_PLACES}
_PARAMS = [*PLACES, *(pytest.param(name, marks=pytest.mark.hosts) for name in SSH_PLACES)]


@pytest.fixture(params=_PARAMS, name="place")
def _place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Give a place where jobs run."""
    with _ALL[request.param](request, tmp_path) as place:
        yield place


@pytest.fixture(name="link")
def _link(place: Place) -> Iterator[Talk]:
    """Give a run's link to the place."""
    with talk(place) as link:
        assert link.session.facts.agent == place.part
        yield link
