"""Texts of requests: what they say, what is wrong with them, and that any text is read."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from buildorch.errors import DefinitionError
from buildorch.requests import Item, Request, parse_request, written
from buildorch.requests.request import KINDS
from buildorch.requests.text import read_request

PIPELINE = """\
pipeline:
  1. yocto: build linux-s32
  2. host: build container-manager (after 1)
  3. test: run tests (after 2)
"""
PARALLEL = """\
parallel:
  - yocto: build linux-s32
  - host: build vam
  - host: build dpm
"""
BUILD = Item(alias="yocto", verb="build", targets=["linux-s32"])


def problems(text: str) -> list[tuple[int | None, str]]:
    """Return line and message of all that is wrong with *text*."""
    with pytest.raises(DefinitionError) as caught:
        parse_request(text, "r")
    return [(one.line, one.message) for one in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            PIPELINE,
            Request(
                kind="pipeline",
                items=[
                    Item(alias="yocto", verb="build", targets=["linux-s32"], number=1),
                    Item(
                        alias="host",
                        verb="build",
                        targets=["container-manager"],
                        number=2,
                        after=[1],
                    ),
                    Item(alias="test", verb="run", targets=["tests"], number=3, after=[2]),
                ],
            ),
        ),
        (
            PARALLEL.replace("parallel", "Sequential ").replace("\n", "\r\n"),
            Request(
                kind="sequential",
                items=[
                    BUILD,
                    Item(alias="host", verb="build", targets=["vam"]),
                    Item(alias="host", verb="build", targets=["dpm"]),
                ],
            ),
        ),
        ("\ufeff# one\n\nparallel:\n  * yocto: build linux-s32", ("parallel", [BUILD])),
        ("yocto: build linux-s32", ("parallel", [BUILD])),
        ("- yocto: build linux-s32", ("parallel", [BUILD])),
        ("yocto linux-s32", ("parallel", [Item(alias="yocto", targets=["linux-s32"])])),
        ("test a.py::b", ("parallel", [Item(alias="test", targets=["a.py::b"])])),
        ("pipeline: 1. a: b", ("pipeline", [Item(alias="a", verb="b", number=1)])),
        (
            "pipeline: 1. a: b c, 2) a: d (after 1), 3. a: e (After 1 and 2)",
            (
                "pipeline",
                [
                    Item(alias="a", verb="b", targets=["c"], number=1),
                    Item(alias="a", verb="d", number=2, after=[1]),
                    Item(alias="a", verb="e", number=3, after=[1, 2]),
                ],
            ),
        ),
        (
            "parallel: a: b 'c d'; a: b \"(e)\"",
            (
                "parallel",
                [
                    Item(alias="a", verb="b", targets=["c d"]),
                    Item(alias="a", verb="b", targets=["(e)"]),
                ],
            ),
        ),
    ],
)
def test_a_request_is_read(text: str, expected: Request | tuple[str, list[Item]]) -> None:
    """Kind, numbers, servers, verbs and targets arrive, however the lines are laid out."""
    found = parse_request(text)
    wanted = expected if isinstance(expected, Request) else (expected[0], tuple(expected[1]))
    assert wanted == (found if isinstance(expected, Request) else (found.kind, found.items))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", None, "the request is empty"),
        ("# nothing\n", None, "the request is empty"),
        ("x" * 100_001, None, "longer than 100000 characters"),
        ("paralel:\n  - a: b", 1, "did you mean 'parallel'?"),
        ("pipeline:", 1, "nothing follows"),
        ("a: b\nc: d", 1, "begins with one of `pipeline:`, `parallel:`, `sequential:`"),
        ("yocto", 1, "no target"),
        ("parallel:\n  - yocto build x", 2, "no server is named"),
        ("parallel:\n  - yocto:", 2, "it says nothing to do"),
        ("parallel:\n  - yocto: build 'x", 2, "a quote has no end"),
        ("parallel:\n  - a: b (after 1)", 2, "`parallel:` says the order itself"),
        ("parallel:\n  - a: b\nsequential:\n  - a: c", 3, "make two requests of it"),
        ("pipeline:\n  - a: b", 2, "it has no number"),
        ("pipeline:\n  1. a: b\n  1. a: c", 3, "line 2 has the number 1 already"),
        ("pipeline:\n  1. a: b (after 1)", 2, "it comes after itself"),
        ("pipeline:\n  1. a: b (after 7)", 2, "no line has this number; there are 1"),
        ("pipeline:\n  1. a: b (aftr 1)", 2, "only (after 1, 2) stands there"),
        ("pipeline:\n  1. a: b (after you)", 2, "only (after 1, 2) stands there"),
        ("parallel:\n" + "  - a: b\n" * 1001, 1002, "more than 1000 lines"),
    ],
)
def test_a_problem_names_and_quotes_its_line(text: str, line: int | None, said: str) -> None:
    """What is wrong is told with the number of its line and the line itself."""
    [(where, message)] = problems(text)
    assert where == line
    assert said in message
    if line is not None:
        assert message.endswith(f"\n    {text.split(chr(10))[line - 1].strip()}")


def test_all_problems_are_told_at_once() -> None:
    """Whoever mends a request does it once."""
    found = problems("pipeline:\n  1. a b\n  1. a: 'b\n  - a: c\n  4. a: d (after 9)")
    assert [line for line, _ in found] == [2, 3, 4, 5]


def test_a_slip_is_told_once() -> None:
    """A line that cannot be read is there all the same for those that come after it."""
    assert [line for line, _ in problems("pipeline:\n  1. a b\n  2. a: b (after 1)")] == [2]


WORDS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8).filter(
        lambda text: "\n" not in text
    ),
    st.sampled_from(["(after 1)", "a b", "'", '"', "\\", "$(x)", "1.", "-", "#", ",", "parallel:"]),
)
ALIASES = st.from_regex(r"[\w.][\w.-]{0,8}", fullmatch=True)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Make any request."""
    kind = draw(st.sampled_from(KINDS))
    items = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        item = Item(
            alias=draw(ALIASES), verb=draw(WORDS), targets=draw(st.lists(WORDS, max_size=3))
        )
        if kind == "pipeline":
            after = draw(st.sets(st.integers(1, number - 1))) if number > 1 else set()
            item = Item(
                alias=item.alias,
                verb=item.verb,
                targets=item.targets,
                number=number,
                after=sorted(after),
            )
        items.append(item)
    return Request(kind=kind, items=items)


@given(requests())
@example(Request(kind="parallel", items=[Item(alias="a", verb="b", targets=["c", "(after 1)"])]))
@example(Request(kind="parallel", items=[Item(alias="1.", verb="b", targets=["\r"])]))
def test_what_is_written_is_read_again(request_: Request) -> None:
    """A request survives the trip through its text, whatever its targets are."""
    assert parse_request(written(request_)) == request_


#: What means something in a request, and such as nobody writes.
PIECES = st.sampled_from(
    [
        *("pipeline:", "parallel:", "sequential: ", "1. ", "2) ", "- ", "#", ":", ": ", ", ", "; "),
        *("yocto", "build", "(after 1)", "(after", ")", "'", '"', "\\"),
        *("\n", "\n", " ", "\r", "\t", "\0", "\u2028"),
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=25).map("".join)))
@example("pipeline: ")
@example("parallel: ,")
@example("1. ")
@example("''")
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text is too odd: there is a request, or a message for each line that is wrong."""
    try:
        request, wrong = read_request(text)
    except DefinitionError as error:
        wrong = [*error.problems]
    else:
        assert request.items or wrong
    assert all(problem.message for problem in wrong)
