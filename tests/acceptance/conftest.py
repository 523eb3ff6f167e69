"""Fixtures: the team's servers, a laptop, and the place where messages arrive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts.bed import Bed
from hosts.host import Host

from acceptance.laptop import Laptop, open_laptop
from acceptance.sink import Sink, open_sink
from acceptance.team import Team


@pytest.fixture(name="team")
def _team(hosts: tuple[Host, ...]) -> Iterator[Team]:
    """Give the three servers with their programs; what jobs leave is removed."""
    team = Team.on(hosts)
    yield team
    for place in team.places:
        place.clean()


@pytest.fixture(name="sink")
def _sink() -> Iterator[Sink]:
    """Give a chat service on this machine."""
    with open_sink() as sink:
        yield sink


@pytest.fixture(name="laptop")
def _laptop(team: Team, bed: Bed, sink: Sink, tmp_path: Path) -> Iterator[Laptop]:
    del team  # its programs are there before anything can be started
    with open_laptop(tmp_path, bed.client, sink) as laptop:
        yield laptop
