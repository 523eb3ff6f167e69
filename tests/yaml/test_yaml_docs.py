"""The reference tells every key, and its examples load."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from buildorch.yaml.build_types import BUILD_TYPE_FIELDS
from buildorch.yaml.config import parse_config
from buildorch.yaml.pipeline import PIPELINE_FIELDS, parse_pipeline
from buildorch.yaml.servers import SERVER_FIELDS
from buildorch.yaml.stages import STAGE_FIELDS

PAGE = (Path(__file__).parents[2] / "docs" / "yaml.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def table(heading: str) -> list[str]:
    section = PAGE.split(f"### {heading}\n")[1].split("\n#")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("Keys of a pipeline", PIPELINE_FIELDS),
        ("Keys of a stage", STAGE_FIELDS),
        ("Keys of a server", SERVER_FIELDS),
        ("Keys of a build type", BUILD_TYPE_FIELDS),
    ],
)
def test_every_key_is_documented_once(heading: str, keys: Iterable[str]) -> None:
    """The tables hold the keys that are taken, and no other."""
    assert sorted(table(heading)) == sorted(keys)


@pytest.mark.parametrize("text", [one for one in EXAMPLES if "name:" in one])
def test_examples_of_pipelines_load(text: str) -> None:
    """What the page shows is right."""
    assert parse_pipeline(text).flow().stages


@pytest.mark.parametrize("text", [one for one in EXAMPLES if "servers:" in one])
def test_examples_of_configurations_load(text: str) -> None:
    """What the page shows is right."""
    assert parse_config(text).servers
