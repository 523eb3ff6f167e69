"""Fixtures of the day: three servers with their stand-in programs; the list of missing steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.laptop import Laptop, open_laptop
from acceptance.sink import Sink, open_sink
from acceptance.team import Team
from hosts.bed import Bed
from hosts.host import Host

from day.crew import Crew
from day.steps import missing

_LIVED: pytest.StashKey[set[int]] = pytest.StashKey()


@pytest.fixture(name="crew")
def _crew(hosts: tuple[Host, ...]) -> Iterator[Crew]:
    """Give the three servers with their stand-in programs; what they leave is removed."""
    crew = Crew(Team.on(hosts))
    crew.install()
    yield crew
    for place in crew.team.places:
        place.clean()


@pytest.fixture(name="sink")
def _sink() -> Iterator[Sink]:
    """Give a chat service whose first answer is 429."""
    with open_sink(refusals=1) as sink:
        yield sink


@pytest.fixture(name="laptop")
def _laptop(crew: Crew, bed: Bed, sink: Sink, tmp_path: Path) -> Iterator[Laptop]:
    del crew  # its programs are there before anything can be started
    with open_laptop(tmp_path, bed.client, sink) as laptop:
        yield laptop


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note which steps the tests live."""
    marks = [mark for item in items for mark in item.iter_markers("day")]
    config.stash[_LIVED] = {int(mark.kwargs["step"]) for mark in marks}


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """List the steps that are not there yet."""
    lines = missing(config.stash.get(_LIVED, set()))
    if config.option.markexpr == "day" and lines:
        terminalreporter.section(f"{len(lines)} steps of the day are missing")
        for line in lines:
            terminalreporter.write_line(line)
