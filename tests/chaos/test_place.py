"""The witnesses on a real host see what they are there for: each is shown a misdeed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hosts.host import Host

from chaos.marks import is_child
from chaos.place import Place

_JOB = "BUILDORCH_JOB=r.0.1.1@0 BUILDORCH_STAGE=s0 BUILDORCH_ATTEMPT=1"


@pytest.fixture(name="place")
def _place(hosts: tuple[Host, ...]) -> Iterator[Place]:
    place = Place(hosts[0], "python")
    try:
        place.prepare()
        yield place
    finally:
        place.clean()


def _run(place: Place, words: str, env: str = _JOB) -> None:
    """Start the program by hand, as a buildorch that has lost its mind would."""
    place.host.run(f"{env} sh /workspace/program.sh {words}", user="build", check=False)


def test_a_quiet_host_has_nothing_to_tell(place: Place) -> None:
    """Nothing ran, nothing is left, nothing is touched, and the account's own process lives."""
    assert (place.ran, place.left(), place.touched, place.bystander_lives) == ([], [], [], True)


def test_each_start_is_witnessed_with_its_end(place: Place) -> None:
    """Two starts of one step are two; the code is the planned one of the attempt."""
    _run(place, "2 3 0 4,0 exit none 0")
    _run(place, "1 1 0 4,0 exit none 0")
    _run(place, "1 1 0 4,0 kill none 0")
    assert [one.end for one in place.ran] == ["4", "4", "kill"]
    assert {(one.stage, one.attempt, one.step) for one in place.ran} == {("s0", 1, 1)}
    assert len({one.nonce for one in place.ran}) == 3


@pytest.mark.parametrize("child", ["plain", "setsid", "hidden"])
def test_what_a_command_leaves_is_seen(place: Place, child: str) -> None:
    """Also a child that has hidden from session, parent and environment."""
    words = f"1 1 0 0 exit {child} 0 >/dev/null 2>&1"
    _run(place, words)
    assert [one for one in place.left() if is_child(one)]


@pytest.mark.parametrize("folder", ["/home/build/mine", "/workspace/mine", "/tmp"])
def test_a_touched_file_is_seen(place: Place, folder: str) -> None:
    """A new file, and another content of an old one."""
    place.host.run(f"echo new >{folder}/new; echo other >>{folder}/file", user="build")
    assert [f"{folder}/new" in line or f"{folder}/file" in line for line in place.touched]
    assert len(place.touched) >= 2


def test_the_death_of_the_bystander_is_seen(place: Place) -> None:
    """It has the name, the folder and the variables of a job's command."""
    assert place.kill(place._bystander)
    assert not place.bystander_lives
