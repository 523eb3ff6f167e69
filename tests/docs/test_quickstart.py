"""The quickstart does what it says: files, sessions and Python, in the order of the page."""

from __future__ import annotations

import sys

import pytest

from buildorch.yaml.config import parse_config
from docs.conftest import Reader
from docs.pages import Page

PAGE = Page("docs/quickstart.md")


def test_every_session_prints_what_is_shown(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who types what the page shows sees what it shows; then the Python example runs."""
    reader.follow(PAGE)
    monkeypatch.delitem(sys.modules, "hello", raising=False)
    (last,) = (block for block in PAGE.blocks("python") if block.file is None)
    exec(compile(last.text, f"{PAGE.name}:{last.line}", "exec"), {})  # noqa: S102 - the page's own example


def test_the_servers_at_the_end_load() -> None:
    """The last configuration is one."""
    text = PAGE.blocks("yaml")[-1].text
    assert {"builder", "spare"} == set(parse_config(text).servers)
