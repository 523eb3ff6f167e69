"""What somebody sees first is true: both lines, the picture, and the two forms of one pipeline."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from pathlib import Path

import attrs
import pytest

from buildorch import Pipeline
from buildorch.model import Plan
from buildorch.testing import FakeBackend, Script
from buildorch.yaml.config import load_config
from buildorch.yaml.pipeline import load_pipeline
from docs.conftest import Reader
from docs.pages import ROOT, Page

README = Page("README.md")


@pytest.fixture(name="python")
def _python(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Give the pipeline of the Python example, whose file lies beside the others."""
    reader.follow(README)
    monkeypatch.setenv("DISCORD_WEBHOOK", "https://discord.invalid/api/webhooks/1/abcdefghijk")
    monkeypatch.delitem(sys.modules, "full_build", raising=False)
    found = importlib.import_module("full_build").full_build
    assert isinstance(found, Pipeline)
    return found


def test_two_lines_set_it_up() -> None:
    """The first block runs the demo, the second the tests, one line each."""
    first, second = (block.text for block in README.blocks("sh")[:2])
    setup = "python3 -m venv .venv && .venv/bin/pip install -q "
    assert f"{setup}. && .venv/bin/buildorch demo\n" == first
    assert f"{setup}-e '.[dev]' && .venv/bin/nox\n" == second
    (line,) = (one for one in README.text.splitlines() if "[dev]" in one)
    assert second == f"{line}\n"


def test_the_test_line_installs_what_there_is() -> None:
    """The extra `dev` of the second line is one of the package's."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = text.split("[project.optional-dependencies]")[1].split("\n[")[0]
    assert re.search(r"^dev = \[", extras, re.MULTILINE)
    assert ".[dev]" in shlex.split(README.blocks("sh")[1].text)


def test_the_picture_needs_nothing_from_elsewhere() -> None:
    """It is a board of ours, and loads no font or picture from the network."""
    (name,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README.text)
    picture = (ROOT / name).read_text(encoding="utf-8")
    assert "recovered" in picture
    assert "ETA:" in picture
    assert ["http://www.w3.org/2000/svg"] == re.findall(r"https?://[^\"')\s]+", picture)


def shape(plan: Plan) -> dict[str, tuple[object, ...]]:
    """Return what a plan says of each stage that both forms say."""
    return {
        stage.name: (
            stage.servers[0].host,
            shlex.split(stage.command)
            if isinstance(stage.command, str)
            else list(stage.command or ()),
            stage.timeout,
            stage.retry.times,
            stage.after,
        )
        for stage in plan.stages
    }


def test_both_forms_are_one_pipeline(python: Pipeline, reader: Reader) -> None:
    """The YAML example plans to the same stages as the Python example, on the page's servers."""
    config = load_config(reader.folder / "buildorch.yaml")
    yaml = load_pipeline(reader.folder / "pipeline.yaml").plan(config)
    assert shape(python.plan(config)) == shape(yaml)
    assert 3 == len({stage.servers[0].host for stage in yaml.stages})


def test_the_python_example_runs(python: Pipeline, reader: Reader) -> None:
    """It runs to its end; a host build that fails once recovers, as its policy says."""
    config = load_config(reader.folder / "buildorch.yaml")
    fake = FakeBackend({"host-build": [Script(b"error: no\n", code=1), Script()]})
    result = python.run(module="vam", config=config, backends={"ssh": fake}, notify=False)
    assert result.check().stages["host-build"].recovered
    commands = [job.job.command for job in fake.jobs.values()]
    assert 2 == commands.count(("./build.py", "--module", "vam"))


@attrs.frozen
class _Row:
    """A row of the table of troubles: a number in its text, and where the code has it."""

    said: str
    module: str
    name: str
    value: float


@pytest.mark.parametrize(
    "row",
    [
        _Row("4 tries", "buildorch.scheduler.observe", "CONNECT_TRIES", 4),
        _Row("an alert after 10 minutes", "buildorch.model", "Defaults", 600),
        _Row("tried again, twice", "buildorch.model", "PlannedStage", 2),
    ],
    ids=lambda row: row.said,
)
def test_numbers_are_the_codes(row: _Row) -> None:
    """The numbers that the page names are those of the code."""
    found = getattr(importlib.import_module(row.module), row.name)
    fields = {"Defaults": "lost_after", "PlannedStage": "infra_retry"}
    if row.name in fields:
        found = attrs.fields_dict(found)[fields[row.name]].default
    assert row.said in README.text
    assert row.value == found


def test_the_license_is_there() -> None:
    """The page names the license that lies beside it."""
    assert "MIT" in README.text
    assert Path(ROOT, "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
