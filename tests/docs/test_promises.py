"""Pages that promise cannot rot: each promise names its tests, and the tests are there."""

from __future__ import annotations

import ast
import functools
import re

import pytest

from docs.pages import ROOT, Page

_HEAD = re.compile(r"\| (promise|rule|fault) .*\| test \|$")
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def _rows(page: str) -> list[str]:
    """Return the rows of each table whose last column is `test`."""
    rows, inside = [], False
    for line in Page(page).text.splitlines():
        head = _HEAD.match(line) is not None
        inside = head or (inside and line.startswith("|"))
        if inside and not head and not line.startswith("|---"):
            rows.append(line)
    return rows


_PAGES = ("docs/security.md", "docs/reliability.md")
_ROWS = [(page, row) for page in _PAGES for row in _rows(page)]


@functools.cache
def _laws(path: str) -> dict[str, str | None]:
    """Return the tests of a file with the law that each states."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = [one for one in tree.body if isinstance(one, ast.FunctionDef)]
    return {one.name: ast.get_docstring(one) for one in functions if one.name.startswith("test_")}


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=f"{page}: {row.split('|')[1].strip()}") for page, row in _ROWS]
)
def test_each_promise_names_tests_that_are_there(row: str) -> None:
    """The last column has nothing but files and functions in them that pytest collects."""
    last = row.rstrip("| ").rsplit("|", 1)[-1]
    named = _NAMED.findall(last)
    assert named, row
    assert not _NAMED.sub("", last).strip(" ,")
    for path, name in named:
        assert _laws(path).get(name), f"{path}::{name}"


@pytest.mark.parametrize("page", _PAGES)
def test_every_table_of_promises_is_read(page: str) -> None:
    """A table with another heading would not be checked."""
    named = sum(len(_NAMED.findall(row)) for row in _rows(page))
    assert named == len(_NAMED.findall(Page(page).text))
    assert named > 20
