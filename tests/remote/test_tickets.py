"""Who goes next in the line for locks: the rule by itself, and what is no ticket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.remote.agent.tickets import (
    HOLDING,
    KEEPING,
    WAITING,
    Claim,
    Ticket,
    blockers,
    conflict,
    covers,
    next_number,
    parse,
)

_OWNERS = st.sampled_from(["A", "B", "C", "D"])
_FOLDERS = st.sampled_from(["/", "/w", "/w/a", "/w/a/b", "/wa", "/v"])
_NAMES = st.sampled_from(["rack/1", "rack/2"])
_CLAIMS = st.lists(
    st.builds(Claim, st.just("folder"), _OWNERS, _FOLDERS)
    | st.builds(Claim, st.just("name"), _OWNERS, _NAMES),
    min_size=1,
    max_size=3,
)


def _ticket(number: int, claims: list[Claim], state: str = WAITING) -> Ticket:
    ticket = Ticket(state, 7, claims, {"boot": "b", "stage": "이미지 빌드"})
    ticket.number, ticket.name = number, f"t{number}"
    return ticket


def _may_go(mine: Ticket, line: list[Ticket]) -> bool:
    having, before = blockers(mine, [one for one in line if one is not mine])
    return not having and not before


class _Line:
    """The line as it would be, with what has been done to it."""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []

    def join(self, claims: list[Claim]) -> None:
        """Let a job come."""
        self.tickets.append(_ticket(next_number(self.tickets, 1), claims))

    def look(self, index: int) -> None:
        """Let a job look whether it is its turn."""
        mine = self.tickets[index]
        if not mine.has and _may_go(mine, self.tickets):
            mine.state = HOLDING

    def leave(self, index: int) -> None:
        """Let a job end, whether it had its turn or not."""
        del self.tickets[index]


@given(st.data())
def test_the_rule(data: st.DataObject) -> None:
    """No two owners have one thing; somebody can always go where nobody has anything."""
    line = _Line()
    for _ in range(data.draw(st.integers(1, 30))):
        action = data.draw(st.sampled_from(["join", "look", "look", "leave"]))
        if action == "join" or not line.tickets:
            line.join(data.draw(_CLAIMS))
        else:
            index = data.draw(st.integers(0, len(line.tickets) - 1))
            getattr(line, action)(index)
        having = [one for one in line.tickets if one.has]
        assert not [(a, b) for a in having for b in having if a is not b and conflict(a, b)]
        if line.tickets and not having:
            assert any(_may_go(one, line.tickets) for one in line.tickets)


@given(st.lists(_CLAIMS, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_everybody_has_a_turn(jobs: list[list[Claim]], random: st.DataObject) -> None:
    """Whatever the order of looks and ends, every job of a line has its turn."""
    line = _Line()
    for claims in jobs:
        line.join(claims)
    for _ in range(len(jobs)):
        for index in random.sample(range(len(line.tickets)), len(line.tickets)):  # type: ignore[attr-defined] # a Random
            line.look(index)
        done = [index for index, one in enumerate(line.tickets) if one.has]
        assert done, "nobody goes"
        line.leave(random.choice(done))  # type: ignore[attr-defined] # a Random
    assert not line.tickets


@given(st.lists(_NAMES, min_size=1, max_size=12))
def test_first_come_first_served(names: list[str]) -> None:
    """Of strangers who want one thing the first that came goes first."""
    line = _Line()
    for number, name in enumerate(names):
        line.join([Claim("name", f"owner{number}", name)])
    for name in set(names):
        rivals = [one for one in line.tickets if one.claims[0].text == name]
        assert [_may_go(one, line.tickets) for one in rivals] == [True] + [False] * (
            len(rivals) - 1
        )
        places = [len(blockers(one, line.tickets)[1]) + 1 for one in rivals[1:]]
        assert places == list(range(2, len(rivals) + 1))


def test_a_run_goes_on_with_what_it_has() -> None:
    """A job whose owner has the folder passes those who wait for it, and nobody else."""
    first = _ticket(1, [Claim("folder", "A", "/w")], HOLDING)
    waits = _ticket(2, [Claim("folder", "B", "/w/x")])
    rack = _ticket(3, [Claim("name", "B", "rack/1")])
    next_ = _ticket(4, [Claim("folder", "A", "/w"), Claim("name", "A.2", "rack/1")])
    assert _may_go(next_, [first, waits, next_])
    assert not _may_go(next_, [first, waits, rack, next_])
    assert not _may_go(waits, [first, waits, next_])


def test_what_is_taken_over() -> None:
    """A job takes over what it has all of, for the same owners."""
    folder, name = Claim("folder", "A", "/w"), Claim("name", "A.1", "r")
    assert covers(_ticket(2, [folder, name]), _ticket(1, [name], KEEPING))
    assert not covers(_ticket(2, [folder]), _ticket(1, [folder, name], KEEPING))
    assert not covers(_ticket(2, [Claim("folder", "B", "/w")]), _ticket(1, [folder], KEEPING))


@given(_CLAIMS, st.sampled_from([WAITING, HOLDING, KEEPING]))
def test_tickets_are_read_as_written(claims: list[Claim], state: str) -> None:
    """What is written is read, and no part of it is a ticket."""
    ticket = _ticket(1, claims, state)
    data = ticket.encode()
    found = parse(data)
    assert found is not None
    assert (found.state, found.since, found.about) == (state, 7, ticket.about)
    assert [one.line for one in found.claims] == [one.line for one in claims]
    assert data.startswith(ticket.head())
    assert all(parse(data[:size]) is None for size in range(len(data)))


@given(st.binary(max_size=300))
def test_what_is_no_ticket(data: bytes) -> None:
    """Any bytes of anybody are a ticket or none, and never an error."""
    for text in (data, b"W\nsince 1\n" + data + b"\nend\n"):
        found = parse(text)
        if found is not None:
            found.process("supervisor")
            blockers(_ticket(1, [Claim("name", "A", "r")]), [found])


@pytest.mark.parametrize("far", [10**6, 10**14, 999_999_999_999_999])
def test_numbers_from_far_ahead(far: int) -> None:
    """Nobody can make the numbers run over."""
    assert next_number([_ticket(far, [])], 50) == 50
    assert next_number([_ticket(50, []), _ticket(51, [])], 50) == 52
