"""Two names of one account are two links that leave each other alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildorch import api, events
from buildorch.backends.local import LocalBackend
from buildorch.definitions import Pipeline
from buildorch.flow import Stage, parallel
from buildorch.model import Config, Server
from buildorch.testing import EventLog


@pytest.mark.parametrize("part", ["python", "sh"])
def test_two_names_of_one_account_keep_their_links(tmp_path: Path, part: str) -> None:
    """Stages of one run on both names run side by side, and no link is lost."""
    names = ("one", "two")
    config = Config(servers={name: Server(name=name, backend="local") for name in names})
    home = tmp_path / "home"
    seen = EventLog()
    options = api.Options(
        config=config,
        home=home,
        results=tmp_path / "results",
        observers=[seen],
        backends={"local": LocalBackend(home=home, prefer=part)},
    )
    stages = [Stage(name=name, command="sleep 1", server=name) for name in names]
    result = api.run(Pipeline("p", parallel(*stages)), options)
    assert result.ok
    assert [] == seen.of(events.LinkLost)
