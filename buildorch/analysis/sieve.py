r"""The sieve: which lines of a block are worth decoding, found with a few searches over its bytes.

Its cost is one search for each needle without a colon, one for all colons, and a look at the first
byte of each line. The bytes are *flat*: they begin with a line feed, and each piece that a line
feed or a carriage return ended ends with a line feed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator

import attrs

from buildorch.analysis.lines import PREFIX
from buildorch.analysis.rule import Kind, Rule

#: What `PREFIX` can begin with.
_PREFIX_BEGINS = ("0-9", r"\[", "#", " ")


@attrs.frozen(kw_only=True)
class Sieve:
    """Everything that is searched for, made from rules.

    Attributes:
        needles: Literal texts without a colon that may stand anywhere in a line.
        colons: Finds the first colon of such texts that have one.
        starts: Finds a line feed and what may begin a line after it.
        patterns: Whole patterns of rules without hints.
        counted: Rules that are matched with a line, in order.
        complaints: Rules that are matched once something failed.
        hints: The hints of the counted rules.
        begins: Matches a readable line that a rule with `starts` may match.
        choose: Returns the counted rules for the hints of a line, and whether `begins` matched.
        main: Finds progress lines of tools that run other tools.
        main_rules: Read them.
        main_hints: One of them is in a block that has such lines.
        marks: Finds the other lines that begin with progress.
        mark_rules: Read them.
        end_rules: Read lines that end with progress.
    """

    needles: tuple[bytes, ...]
    colons: re.Pattern[bytes]
    starts: re.Pattern[bytes]
    patterns: tuple[re.Pattern[bytes], ...]
    counted: tuple[Rule, ...]
    complaints: tuple[Rule, ...]
    hints: tuple[str, ...]
    begins: re.Pattern[str]
    choose: Callable[[tuple[str, ...], bool], tuple[Rule, ...]]
    main: re.Pattern[bytes]
    main_rules: tuple[Rule, ...]
    main_hints: tuple[bytes, ...]
    marks: re.Pattern[bytes]
    mark_rules: tuple[Rule, ...]
    end_rules: tuple[Rule, ...]

    def hits(self, flat: bytes) -> list[int]:
        """Return where the lines begin that a rule may match, in order."""
        found = {match.start() + 1 for match in self.starts.finditer(flat)}
        for needle in self.needles:
            found.update(_lines_with(flat, needle))
        found.update(flat.rfind(b"\n", 0, at.start()) + 1 for at in self.colons.finditer(flat))
        for pattern in self.patterns:
            found.update(flat.rfind(b"\n", 0, at.start()) + 1 for at in pattern.finditer(flat, 1))
        return sorted(found)

    def candidates(self, text: str) -> tuple[Rule, ...]:
        """Return the rules that may match *text*, in order."""
        hints = tuple([hint for hint in self.hints if hint in text])
        return self.choose(hints, self.begins.match(text) is not None)


def _lines_with(flat: bytes, needle: bytes) -> Iterator[int]:
    at = flat.find(needle)
    while at >= 0:
        yield flat.rfind(b"\n", 0, at) + 1
        end = flat.find(b"\n", at)
        at = flat.find(needle, end) if end >= 0 else -1


@functools.lru_cache(maxsize=8)
def sieve(rules: tuple[Rule, ...]) -> Sieve:
    """Make the sieve of *rules*; they are values, so the same rules make the same sieve once."""
    progress = tuple(rule for rule in rules if rule.kind is Kind.PROGRESS)
    others = tuple(rule for rule in rules if rule.kind is not Kind.PROGRESS)
    counted = tuple(rule for rule in others if rule.kind is not Kind.COMPLAINT)
    main = tuple(rule for rule in progress if rule.main)
    marks = tuple(rule for rule in progress if rule.starts and not rule.main)
    needles = _shortest({hint.encode() for rule in others for hint in rule.hints})
    return Sieve(
        needles=tuple(needle for needle in needles if b":" not in needle),
        colons=_colons([needle for needle in needles if b":" in needle]),
        starts=_line_starts(others),
        patterns=tuple(_anywhere(r) for r in counted if not (r.hints or r.starts)),
        counted=counted,
        complaints=tuple(rule for rule in others if rule.kind is Kind.COMPLAINT),
        hints=tuple(dict.fromkeys(hint for rule in counted for hint in rule.hints)),
        begins=re.compile(_union(_starts(others))),
        choose=_chooser(counted),
        main=_line_starts(main),
        main_rules=main,
        main_hints=_shortest({hint.encode() for rule in main for hint in rule.hints}),
        marks=_line_starts(marks),
        mark_rules=marks,
        end_rules=tuple(rule for rule in progress if rule.ends),
    )


def _chooser(rules: tuple[Rule, ...]) -> Callable[[tuple[str, ...], bool], tuple[Rule, ...]]:
    @functools.lru_cache(maxsize=256)
    def choose(hints: tuple[str, ...], begins: bool) -> tuple[Rule, ...]:  # noqa: FBT001 # cache key
        return tuple(
            rule
            for rule in rules
            if (begins and rule.starts)
            or any(hint in rule.hints for hint in hints)
            or not (rule.starts or rule.hints)
        )

    return choose


def _anywhere(rule: Rule) -> re.Pattern[bytes]:
    return re.compile(f"^(?:{PREFIX})?(?:{rule.pattern})".encode(), re.MULTILINE)


def _shortest(needles: set[bytes]) -> tuple[bytes, ...]:
    """Drop needles that contain another one: whoever finds that finds them."""
    others = {needle: needles - {needle} for needle in needles}
    kept = (needle for needle in needles if not any(o in needle for o in others[needle]))
    return tuple(sorted(kept))


def _colons(needles: Iterable[bytes]) -> re.Pattern[bytes]:
    """Return what finds the first colon of each needle.

    A pattern that begins with one byte is searched for by it: many times as fast as one that may
    begin with several. Most colons are told by the byte before or after them.
    """
    halves = [needle.split(b":", 1) for needle in needles]
    after = [re.escape(b) for a, b in halves if not a]
    words = [b"(?<=%s:)%s" % (re.escape(a), re.escape(b)) for a, b in halves if a]
    last = b"".join(sorted({re.escape(a[-1:]) for a, _ in halves if a}))
    around = [b"(?<=[%s]:)(?:%s)" % (last, b"|".join(words))] if words else []
    return re.compile(b":(?:%s)" % b"|".join([*around, *after] or [b"(?!)"]))


def _starts(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(start for rule in rules for start in rule.starts))


def _union(fragments: tuple[str, ...]) -> str:
    return f"(?:{'|'.join(fragments)})" if fragments else "(?!)"


def _line_starts(rules: tuple[Rule, ...]) -> re.Pattern[bytes]:
    """Return what finds a line feed and one of the rules' starts after it.

    Most lines are told by their first byte; the rest is tried by groups of the same first byte.
    """
    groups: dict[str, list[str]] = {}
    for start in _starts(rules):
        groups.setdefault(_first(start), []).append(start)
    unknown = groups.pop("", [])
    begins = "".join(_PREFIX_BEGINS)
    look = "" if unknown else f"(?=[{begins}{''.join(groups)}])"
    prefix = f"(?:(?=[{begins}]){PREFIX})?"
    branches = [_factored(first, starts) for first, starts in groups.items()]
    return re.compile(f"\n{look}{prefix}{_union((*branches, *unknown))}".encode())


def _first(start: str) -> str:
    r"""Return the characters that *start* can begin with, as in a character class; else "".

    Example:
        >>> _first(r"\[ERROR\]"), _first("[Ee]rror"), _first(r"\d+ error"), _first("a?b")
        ('\\[', '', '0-9', '')
    """
    if start.startswith(r"\d"):
        return "0-9"
    escaped = start.startswith("\\")
    literal, rest = (start[:2], start[2:]) if escaped else (start[:1], start[1:])
    if literal in {"(", "[", ".", "^", "$"} or rest[:1] in {"?", "*", "{", "|"}:
        return ""
    return literal if escaped or literal.isalnum() else re.escape(literal)


def _factored(first: str, starts: list[str]) -> str:
    """Return one branch for *starts*, which all begin with *first*."""
    if not first.isalnum() or any(start[1:2] == "+" for start in starts):
        return "|".join(starts)
    return f"{first}{_union(tuple(start[1:] for start in starts))}"
