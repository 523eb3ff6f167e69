"""Finds the rows: whatever module stands in `bench/rows` brings its own."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Sequence

import bench.rows
from bench.row import Row

#: The order of the page; other rows follow.
_ORDER = (
    *(
        "chain",
        "wide",
        "notice",
        "fifty",
        "logs",
        "analysis",
        "scheduling",
        "scheduling_more",
        "idle",
    ),
    *("import", "help", "check", "record", "resume", "status", "distance", "hosts100", "hosts300"),
)


class NoSuchRowError(Exception):
    """A row was asked for that there is not; the text lists those that there are."""


def every_row() -> list[Row]:
    """Return all rows in the order of the page."""
    return sorted(_found(), key=lambda row: place(row.name))


def place(name: str) -> int:
    """Return where a row stands among the others."""
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def chosen(names: Sequence[str]) -> list[Row]:
    """Return the rows of these names, or all.

    Raises:
        NoSuchRowError: There is no such row.
    """
    known = {row.name: row for row in every_row()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise NoSuchRowError(f"no row {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names] or list(known.values())


def _found() -> Iterator[Row]:
    for found in pkgutil.iter_modules(bench.rows.__path__):
        module = importlib.import_module(f"bench.rows.{found.name}")
        if hasattr(module, "ROW"):
            yield module.ROW
        else:
            yield from module.rows()
