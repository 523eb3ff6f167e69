"""The catalogue of faults is true: what it names is there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from faults.catalogue import held_faults

_TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(("fault", "test"), list(held_faults()))
def test_every_fault_has_its_test(fault: str, test: str) -> None:
    """The test that holds a fault is in the file that the catalogue says, with a law of its own."""
    file, _, name = test.partition("::")
    tree = ast.parse((_TESTS / file).read_text(encoding="utf-8"))
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    node = found.get(name.partition("[")[0])
    assert node is not None, f"{fault}: no test {test}"
    assert ast.get_docstring(node)


def test_every_phase_has_its_test() -> None:
    """Where the catalogue names one case of a test, pytest knows that case."""
    named = {test for _, test in held_faults() if "[" in test}
    files = sorted({test.partition("::")[0] for test in named})
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*words, "-p", "no:xdist", *files], cwd=_TESTS, capture_output=True, text=True, check=True
    )
    known = {line.removeprefix("tests/") for line in done.stdout.splitlines()}
    assert set() == named - known


def test_every_test_of_a_fault_is_in_the_catalogue() -> None:
    """A test that nobody lists would be missing from what is promised."""
    listed = {test.partition("[")[0] for _, test in held_faults()}
    here = {
        f"faults/{path.name}::{node.name}"
        for path in Path(__file__).parent.glob("test_*.py")
        if path != Path(__file__)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    odd = {"faults/test_commands.py::test_a_disk_monitor_that_only_warned_is_no_full_disk"}
    assert odd == here - listed
