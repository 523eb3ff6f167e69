"""Fixtures: a place where messages arrive, and a laptop with one real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.laptop import Laptop, open_laptop
from acceptance.sink import Sink, open_sink
from hosts.bed import Bed

_CONFIG = """\
servers:
  h1: {{host: h1, ssh_config: {ssh_config}}}
notifications:
  discord: {{enabled: true}}
"""


@pytest.fixture(name="sink")
def _sink() -> Iterator[Sink]:
    """Give a chat service on this machine."""
    with open_sink() as sink:
        yield sink


@pytest.fixture(name="laptop")
def _laptop(bed: Bed, sink: Sink, tmp_path: Path) -> Iterator[Laptop]:
    """Give a laptop whose only server is the host h1."""
    with open_laptop(tmp_path, bed.client, sink) as laptop:
        laptop.config.write_text(_CONFIG.format(ssh_config=laptop.ssh_config))
        yield laptop
        for path in bed.hosts[0].home().glob(".local/state/*"):
            bed.hosts[0].run(f"rm -rf /home/build/.local/state/{path.name}")
