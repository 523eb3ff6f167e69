"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

from docs.pages import ROOT

PACKAGE = ROOT / "buildorch"


def name_of(path: Path) -> str:
    """Return the name by which a module is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


WITH_EXAMPLES = sorted(
    name_of(path)
    for path in PACKAGE.rglob("*.py")
    if re.search(r"^ *>>> ", path.read_text(encoding="utf-8"), re.MULTILINE)
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of_docstrings_are_true(name: str) -> None:
    """Every `>>>` in the package gives what stands below it."""
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted
    assert not found.failed
