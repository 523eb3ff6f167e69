"""How far the main build is, by the last line that says so; never invented."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from buildorch.analysis.block import Block
from buildorch.analysis.lines import shorten, without_prefix
from buildorch.analysis.rule import Rule
from buildorch.analysis.sieve import Sieve

_ALL = 100.0  # percent
_NO_DIGIT = re.compile(r"\D")
#: Sizes of the ends of a block that are searched before all of it.
_WINDOWS = (512, 8 * 1024, 64 * 1024)


@attrs.frozen(kw_only=True)
class Progress:
    """What a progress line says.

    Attributes:
        percent: 0 to 100.
        done: Steps done, where they are counted.
        total: Steps in all.
        unit: What is being built.
        tool: Whose progress it is.
        main: Whether it is that of a tool that runs the others.
    """

    percent: float
    done: int | None = None
    total: int | None = None
    unit: str | None = None
    tool: str | None = None
    main: bool = False


@attrs.frozen(kw_only=True)
class Latest:
    """The progress after a block, and where in the block its last progress line begins."""

    progress: Progress | None
    mark: int | None = None


def latest(block: Block, sieve: Sieve, known: Progress | None) -> Latest:
    """Return the progress after *block*, which was *known* before it."""
    mark = next(descending(block.flat, sieve.marks), None)
    main = _last_main(block, sieve)
    if main is not None or (known is not None and known.main):
        return Latest(progress=main or known, mark=mark)
    start = _last_start(block, sieve.marks, sieve.mark_rules) if mark is not None else None
    found = _last_end(block, sieve, start)
    return Latest(progress=found[1] if found is not None else known, mark=mark)


def _last_main(block: Block, sieve: Sieve) -> Progress | None:
    if not any(hint in block.flat for hint in sieve.main_hints):
        return None
    found = _last_start(block, sieve.main, sieve.main_rules)
    return found[1] if found is not None else None


def descending(flat: bytes, marks: re.Pattern[bytes], end: int | None = None) -> Iterator[int]:
    """Yield where the lines before *end* begin that *marks* finds, the last one first."""
    before = len(flat) if end is None else end
    size = before
    for window in (*_WINDOWS, size):
        begin = max(0, flat.rfind(b"\n", 0, max(0, size - window)))
        yield from reversed([mark.start() + 1 for mark in marks.finditer(flat, begin, before)])
        before = begin + 1


def _last_start(
    block: Block, marks: re.Pattern[bytes], rules: tuple[Rule, ...]
) -> tuple[int, Progress] | None:
    """Return the last progress that begins a line."""
    for begin in descending(block.flat, marks):
        if progress := read(block.text(begin, block.end(begin)), rules):
            return begin, progress
    return None


def _last_end(
    block: Block, sieve: Sieve, best: tuple[int, Progress] | None
) -> tuple[int, Progress] | None:
    """Return the last progress that ends a line, if it comes after *best*."""
    for rule in sieve.end_rules:
        for end in rule.ends:
            needle = end.encode() + b"\n"
            at = block.flat.rfind(needle)
            while at > (best[0] if best else 0):
                begin = block.flat.rfind(b"\n", 0, at) + 1
                if progress := read(block.text(begin, at + len(end)), (rule,)):
                    best = begin, progress
                    break
                at = block.flat.rfind(needle, 0, begin)
    return best


def read(text: str, rules: tuple[Rule, ...]) -> Progress | None:
    """Read the progress line *text*.

    Example:
        >>> from buildorch.analysis.rules.ninja import RULES
        >>> read("[3/4] Linking tool", RULES[-1:]).percent
        75.0
    """
    body = without_prefix(text).rstrip()
    for rule in rules:
        if found := rule.match(body):
            return _progress(rule, found)
    return None


def _progress(rule: Rule, found: re.Match[str]) -> Progress | None:
    groups = found.groupdict()
    recipe, task = groups.get("recipe"), groups.get("task")
    unit = f"{recipe} {task}" if recipe else groups.get("unit")
    done = total = None
    if groups.get("percent") is not None:
        percent = float(groups["percent"])
    else:
        done, total = (int(_NO_DIGIT.sub("", groups[name])) for name in ("done", "total"))
        percent = round(_ALL * done / total, 1) if total else -1.0
    if not 0 <= percent <= _ALL:
        return None
    return Progress(
        percent=percent,
        done=done,
        total=total,
        unit=shorten(unit, 120) if unit else None,
        tool=rule.tool,
        main=rule.main,
    )
