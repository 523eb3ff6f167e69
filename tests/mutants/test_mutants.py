"""The mutants stay true: what they replace is there, and so is the test that notices them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mutants.mutants import MUTANTS, Mutant

_ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_the_tree(mutant: Mutant) -> None:
    """What it replaces occurs once, by something else; its test is there, in plain sight."""
    assert (_ROOT / mutant.file).read_text("utf-8").count(mutant.old) == 1
    assert mutant.old != mutant.new
    file, _, name = mutant.test.partition("::")
    tree = ast.parse((_ROOT / file).read_text("utf-8"))
    found = next(
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
    )
    assert ast.get_docstring(found)


def test_each_mutant_has_a_name_of_its_own() -> None:
    """Names are what `nox -s mutants -- NAME` takes."""
    assert len(MUTANTS) == len({mutant.name for mutant in MUTANTS})
