"""Runs to be told of, and a browser to look at what is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from report.browser import Browser, chromium
from report.example import Example


@pytest.fixture(scope="package", name="example")
def _example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """Give a good and a bad run with small logs."""
    return Example.made(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="package", name="browser")
def _browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Give a Chromium."""
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser
