"""Reading a request: every line that is wrong is told at once, in its own words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Sequence

import attrs

from buildorch.errors import DefinitionError, Problem, raise_problems
from buildorch.names import hint, quoted
from buildorch.requests.request import KINDS, Item, Kind, Request, quoting

_LONGEST = 100_000
_MOST_ITEMS = 1000
#: More problems than these help nobody, and finding the nearest names takes time.
_MOST_PROBLEMS = 50

_HEAD = re.compile(r"(\w+)\s*:\s*", re.ASCII)
_MARK = re.compile(r"(?:([0-9]{1,6})[.)]|[-*•])\s+")
_AFTER = re.compile(r"\(\s*(\w*)\s*([^()\"']*)\)\s*\Z")
_ALIAS = re.compile(r"([^\s:]+)\s*:(?:\s+|\Z)")

#: What stands between items that are written in one line; not in the parentheses of one.
_BETWEEN = re.compile(r"\([^()]*\)|(?P<cut>[;,]\s+|\s+(?=(?:[0-9]{1,6}[.)]|[-*•])\s))")

_SHAPE = "write ALIAS: VERB TARGET, as in `yocto: build linux-s32`"


def parse_request(text: str, file: str | None = None) -> Request:
    r"""Return the request that *text* says.

    Args:
        text: A line `pipeline:`, `parallel:` or `sequential:` and an item on each further line,
            or one item alone. Empty lines and lines that begin with `#` say nothing.
        file: Where it stands, for messages.

    Raises:
        DefinitionError: Every line that is wrong.

    Example:
        >>> parse_request("parallel:\n  - host: build vam\n  - host: build dpm").items[1].targets
        ('dpm',)
        >>> parse_request("yocto linux-s32").items[0].alias
        'yocto'
    """
    request, problems = read_request(text, file)
    raise_problems(problems)
    return request


def read_request(text: str, file: str | None = None) -> tuple[Request, list[Problem]]:
    """Return what can be read of *text*, and every line that is wrong.

    Args:
        text: The request, as for `parse_request`.
        file: Where it stands, for messages.

    Raises:
        DefinitionError: Nothing can be read of it.
    """
    if len(text) > _LONGEST:
        raise DefinitionError([Problem(f"longer than {_LONGEST} characters", file)])
    lines = [line for line in _lines(text, file) if line.said and not line.said.startswith("#")]
    lines = [part for line in lines[:1] for part in _unfolded(line)] + lines[1:]
    if not lines:
        raise DefinitionError([Problem(f"the request is empty; {_SHAPE}", file)])
    reader = _Reader()
    request = reader.read(lines)
    return request, reader.problems[:_MOST_PROBLEMS]


@attrs.frozen
class _Line:
    """A line of the text: as it was written, what it says, and where."""

    text: str
    number: int
    file: str | None

    @property
    def said(self) -> str:
        return self.text.strip()

    @property
    def column(self) -> int:
        return len(self.text) - len(self.text.lstrip()) + 1

    def item(
        self,
        alias: str,
        verb: str | None,
        targets: Sequence[str],
        *,
        number: int | None = None,
        after: tuple[int, ...] = (),
    ) -> Item:
        return Item(
            alias=alias,
            verb=verb,
            targets=targets,
            number=number,
            after=after,
            file=self.file,
            line=self.number,
            column=self.column,
            text=self.text,
        )


def _lines(text: str, file: str | None) -> Iterator[_Line]:
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        yield _Line(line.rstrip("\r"), number, file)


def _unfolded(line: _Line) -> Iterator[_Line]:
    """Yield *line*; where items stand behind its `pipeline:`, these as lines of their own."""
    head = _HEAD.match(line.said)
    if head is None or head[1].lower() not in KINDS or head.end() == len(line.said):
        yield line
        return
    yield attrs.evolve(line, text=head[0])
    begin = head.end()
    for found in _BETWEEN.finditer(line.said, begin):
        if found["cut"]:
            yield attrs.evolve(line, text=line.said[begin : found.start()])
            begin = found.end()
    yield attrs.evolve(line, text=line.said[begin:])


@attrs.frozen
class _Reader:
    """Reads lines, and collects what is wrong with them."""

    problems: list[Problem] = attrs.field(factory=list)

    def read(self, lines: Sequence[_Line]) -> Request:
        """Return the request of *lines*, of which there is one at least."""
        kind = _kind(lines[0])
        if kind is None and len(lines) == 1 and not _HEAD.fullmatch(lines[0].said):
            return Request(kind="parallel", items=self._alone(lines[0]))
        if kind is None:
            self._no_head(lines[0])
        items = lines[1:] if kind is not None or _HEAD.fullmatch(lines[0].said) else lines
        if not items:
            self._add(lines[0], f"nothing follows; {_SHAPE}, on a line of its own")
        if len(items) > _MOST_ITEMS:
            self._add(items[_MOST_ITEMS], f"more than {_MOST_ITEMS} lines; run them in parts")
        found = [self._item(line, kind) for line in items[:_MOST_ITEMS]]
        request = Request(kind=kind or "pipeline", items=[one for one in found if one is not None])
        if kind == "pipeline":
            self._numbers(request.items, [_number(line) for line in items])
        return request

    def _add(self, line: _Line, message: str) -> None:
        said = quoting(message, line.said)
        self.problems.append(Problem(said, line.file, line.number, line.column))

    def _no_head(self, line: _Line) -> None:
        found = _HEAD.fullmatch(line.said)
        heads = ", ".join(f"`{kind}:`" for kind in KINDS)
        near = hint(found[1].lower(), KINDS) if found else ""
        self._add(line, f"a request of several lines begins with one of {heads}{near}")

    def _alone(self, line: _Line) -> list[Item]:
        """Return the only item of a request: `ALIAS: VERB TARGET`, or `ALIAS TARGET` alone."""
        if _ALIAS.match(line.said) or _MARK.match(line.said):
            item = self._item(line, "parallel")
            return [] if item is None else [item]
        words = self._words(line, line.said)
        if not words:
            return []
        alias, *targets = words
        if not targets:
            self._add(line, f"no target; {_SHAPE}")
        return [line.item(alias, None, targets)]

    def _item(self, line: _Line, kind: Kind | None) -> Item | None:
        if _kind(line) is not None:
            self._add(line, "a request has one such line, its first; make two requests of it")
            return None
        mark = _MARK.match(line.said)
        rest, after = self._after(line, line.said[mark.end() if mark else 0 :], kind)
        alias = _ALIAS.match(rest)
        if alias is None:
            self._add(line, f"no server is named; {_SHAPE}")
            return None
        words = self._words(line, rest[alias.end() :])
        if words == []:
            self._add(line, f"it says nothing to do; {_SHAPE}")
        number = _number(line) if kind == "pipeline" else None
        if kind == "pipeline" and number is None:
            self._add(line, "it has no number; begin it with one, as in `1. yocto: build linux`")
        if not words:
            return None
        return line.item(alias[1], words[0], words[1:], number=number, after=after)

    def _words(self, line: _Line, text: str) -> list[str] | None:
        try:
            return shlex.split(text)
        except ValueError:
            self._add(line, "a quote has no end; close it, or put a backslash before it")
            return None

    def _after(self, line: _Line, text: str, kind: Kind | None) -> tuple[str, tuple[int, ...]]:
        """Split `(after 1, 2)` off the end of a line."""
        found = _AFTER.search(text)
        if found is None:
            return text, ()
        rest = text[: found.start()]
        words = [word for word in re.split(r"[\s,&]+", found[2]) if word not in ("", "and")]
        if found[1].lower() != "after" or not words or not all(map(_is_number, words)):
            self._add(
                line, f"{quoted(found[0].strip())} at the end; only (after 1, 2) stands there"
            )
        elif kind in ("parallel", "sequential"):
            self._add(line, f"(after ...) is for `pipeline:`; `{kind}:` says the order itself")
        else:
            return rest, tuple(dict.fromkeys(int(word) for word in words))
        return rest, ()

    def _numbers(self, items: Sequence[Item], numbers: Sequence[int | None]) -> None:
        """Note numbers that two items have, and those that no line has, also none with a slip."""
        first: dict[int, Item] = {}
        for item in items:
            if item.number is not None and first.setdefault(item.number, item) is not item:
                message = f"line {first[item.number].line} has the number {item.number} already"
                self.problems.append(item.problem(message))
        known = dict.fromkeys(number for number in numbers if number is not None)
        for item in items:
            self.problems.extend(item.problem(text) for text in _lost(item, known))
        self.problems.sort(key=lambda one: one.line or 0)


def _lost(item: Item, known: Collection[int]) -> Iterator[str]:
    for number in item.after:
        if number == item.number:
            yield f"it comes after itself: (after {number})"
        elif number not in known:
            numbers = ", ".join(str(one) for one in known)
            yield f"(after {number}): no line has this number; there are {numbers or 'none'}"


def _number(line: _Line) -> int | None:
    mark = _MARK.match(line.said)
    return int(mark[1]) if mark is not None and mark[1] else None


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 6  # noqa: PLR2004 - as in a mark


def _kind(line: _Line) -> Kind | None:
    """Return which kind of request *line* begins, or None."""
    found = _HEAD.fullmatch(line.said)
    return next((kind for kind in KINDS if found and found[1].lower() == kind), None)
