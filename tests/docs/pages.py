"""The project's pages, and what is in them: blocks of code, links, headings, commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]

PAGES = ("README.md", "CHANGELOG.md", *sorted(f"docs/{p.name}" for p in ROOT.glob("docs/*.md")))

#: `<!-- file: NAME -->` or `<!-- run -->` on the line before a block, then the block.
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>file: \S+|run) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"\bbuildorch ([a-z]+)((?: +(?!#)[^\n`|&;>)]+)?)")


@attrs.frozen
class Block:
    """A block of code.

    Attributes:
        language: What stands behind its fence.
        text: Its lines.
        mark: `run`, `file: NAME`, or nothing.
        line: Number of its fence's line, from 1.
    """

    language: str
    text: str
    mark: str
    line: int

    @property
    def file(self) -> str | None:
        """The file that the reader makes of it."""
        return self.mark.removeprefix("file: ") if self.mark.startswith("file: ") else None


@attrs.frozen
class Page:
    """A page.

    Attributes:
        name: Its path below the project's folder.
    """

    name: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return ROOT / self.name

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    def blocks(self, language: str | None = None) -> list[Block]:
        """Return its blocks in order, or those of one language."""
        text = self.text
        found = [
            Block(
                one["language"],
                one["text"],
                one["mark"] or "",
                text.count("\n", 0, one.start("language")) + 1,
            )
            for one in _BLOCK.finditer(text)
        ]
        return [one for one in found if language in (None, one.language)]

    @property
    def prose(self) -> str:
        """Its text without blocks."""
        return _BLOCK.sub("", self.text)

    def links(self) -> list[str]:
        """Return the targets of its links and pictures."""
        return _LINK.findall(re.sub(r"`[^`\n]*`", "", self.prose))

    def anchors(self) -> set[str]:
        """Return what a link behind `#` can name: its headings, as they are shown on the web."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
        return {heading.strip().replace(" ", "-") for heading in kept}

    def commands(self) -> Iterator[tuple[str, str]]:
        """Yield each `buildorch COMMAND` in code, with the words behind it."""
        shell = [one.text for one in self.blocks() if one.language in ("", "sh", "console", "bash")]
        spans = re.findall(r"`([^`\n]+)`", self.prose)
        for text in (*shell, *spans):
            for found in _COMMAND.finditer(text):
                yield found[1], found[2]
