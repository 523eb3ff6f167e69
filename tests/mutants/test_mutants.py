"""The mutants stay true: what they replace is there, and so is the test that notices them."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from mutants.copies import Copy
from mutants.mutant import Mutant
from mutants.mutants import MUTANTS

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


_LEAVES = """
import subprocess
def test_leaves():
    "Fails, and leaves a process that says when it ends: it has the pipe open as long."
    with open("pipe", "wb") as pipe:
        command = ["sh", "-c", "echo began; exec sleep 600"]
        left = subprocess.Popen(command, stdout=pipe, start_new_session=True)
    assert left.wait(0.5) == 0
"""


@pytest.mark.hosts
def test_nothing_that_a_red_test_leaves_outlives_it(tmp_path: Path) -> None:
    """A mutant disables a kill, say: what its test has left is gone with the test."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "test_leaves.py").write_text(_LEAVES)
    mutant = Mutant("none", "none", "none", "", "", "test_leaves.py::test_leaves")
    number = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(number, "rb", buffering=0) as pipe:
        done = Copy(tmp_path).run(mutant)
        assert done.returncode == 1, done.stdout
        assert pipe.read(100) == b"began\n"
        assert pipe.read(100) == b"", "who has the pipe open still runs"
