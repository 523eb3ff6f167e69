"""Laws of every page: links lead somewhere, examples parse, commands and options exist."""

from __future__ import annotations

import ast
import json
import re
from urllib.parse import unquote

import pytest

from buildorch.cli.commands import commands
from buildorch.cli.parsing import HelpShownError, parse
from docs.pages import PAGES, ROOT, Page

every_page = pytest.mark.parametrize("page", [pytest.param(Page(name), id=name) for name in PAGES])


def help_of(*words: str) -> str:
    """Return what `--help` says."""
    with pytest.raises(HelpShownError) as shown:
        parse([*words, "--help"], commands(), program="buildorch", version=lambda: "0")
    return str(shown.value)


@every_page
def test_links_lead_somewhere(page: Page) -> None:
    """Every link to a file names one that is there, and every `#name` a heading of it."""
    for link in page.links():
        if "://" in link:
            continue
        name, _, anchor = unquote(link).partition("#")
        target = (page.path.parent / name).resolve() if name else page.path
        assert target.is_file(), f"{page.name} links to {link}"
        if anchor:
            assert anchor in Page(str(target.relative_to(ROOT))).anchors(), f"{page.name}: {link}"


@every_page
def test_commands_and_their_options_exist(page: Page) -> None:
    """Every `buildorch COMMAND --option` that is shown is one that the program has."""
    overview = help_of()
    for command, words in page.commands():
        assert re.search(rf"^  {command} ", overview, re.MULTILINE), f"buildorch {command}"
        options = help_of(command)
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", words):
            assert re.search(rf"{option}\b", options), f"buildorch {command} {option}"


@every_page
def test_examples_parse(page: Page) -> None:
    """Python compiles, and each line or block of JSON is JSON."""
    for block in page.blocks("python"):
        ast.parse(block.text, f"{page.name}:{block.line}")
    for block in page.blocks("json"):
        texts = block.text.splitlines() if block.text.startswith('{"event"') else [block.text]
        for text in texts:
            json.loads(text)


@every_page
def test_a_page_is_told_in_the_index(page: Page) -> None:
    """Whoever opens the index finds every page."""
    if page.name.startswith("docs/") and page.name != "docs/index.md":
        assert page.path.name in Page("docs/index.md").links()
