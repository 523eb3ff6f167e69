"""A run on a real terminal: the board, its keys, and what they leave behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.terminal import CTRL_C, CTRL_Z, Terminal
from cli.user import User, until

SLOW = "echo begun; while [ ! -e go ]; do sleep 0.05; done"


@pytest.fixture(autouse=True)
def _pipeline(user: User) -> Iterator[None]:
    """Give a run that goes on until the file `go` is there, and ends whatever it is."""
    user.stages("slow", a=SLOW, b="true")
    yield
    user.run("cancel")


def running(terminal: Terminal, words: str = "run slow.yaml") -> None:
    """Start the program on the terminal, and wait for its board."""
    terminal.command(f"$B {words}; echo code=$?")
    terminal.until("Stage 1: a  local [running]")
    terminal.until("begun")


def status(user: User) -> str:
    """Return how the newest run stands."""
    return str(user.run("status", "--json").last["status"])


def test_a_board_is_drawn_to_the_end(user: User, terminal: Terminal) -> None:
    """On a terminal a run is shown on a board; its summary stays."""
    running(terminal)
    terminal.until("Stage 2: b  local [waiting]     after a")
    terminal.until("detached: d | cancelled: Ctrl-C")
    user.write("go", "")
    terminal.until("code=0")
    assert "slow succeeded in" in terminal.text


def test_no_line_is_wider_than_the_terminal(user: User) -> None:
    """At 50 columns the board still has every stage, and wraps no line."""
    terminal = Terminal(user, columns=50)
    try:
        terminal.command("$B run slow.yaml; echo code=$?")
        terminal.until("1: a  [running]")
        terminal.until("begun")
        assert max(map(len, terminal.rows)) == 50
        user.write("go", "")
        terminal.until("code=0")
    finally:
        terminal.close()


def test_d_detaches(user: User, terminal: Terminal) -> None:
    """`d` leaves the run going on, with 75 and the command that picks it up."""
    running(terminal)
    terminal.type("d")
    terminal.until("code=75")
    assert "buildorch resume" in terminal.text
    assert status(user) == "interrupted"
    running(terminal, "resume")
    user.write("go", "")
    terminal.until("code=0")
    assert status(user) == "succeeded"


def test_ctrl_c_cancels(user: User, terminal: Terminal) -> None:
    """Ctrl-C kills the trees, shows that they are gone, and ends with 130."""
    running(terminal)
    terminal.type(CTRL_C)
    terminal.until("code=130")
    assert "slow cancelled in" in terminal.text
    assert status(user) == "cancelled"


def test_ctrl_c_twice_leaves(user: User, terminal: Terminal) -> None:
    """A second Ctrl-C leaves at once, and says what is not confirmed to be gone, and where."""
    user.stages("slow", a=f"trap '' TERM; {SLOW}", b="true")
    running(terminal)
    terminal.type(CTRL_C)
    terminal.until("[stopping]")
    terminal.type(CTRL_C)
    terminal.until("code=75")
    assert "not confirmed to be gone: a on local" in terminal.text.replace("\n", "")
    assert status(user) == "interrupted"


def test_ctrl_z_gives_the_terminal_back(user: User, terminal: Terminal) -> None:
    """Ctrl-Z stops the program with the terminal as it was; the board comes back with `fg`."""
    running(terminal)
    terminal.type(CTRL_Z)
    terminal.until("Stopped")
    terminal.command("stty -a")
    terminal.until(" icanon")
    assert "susp = ^Z" in terminal.text
    terminal.command("fg")
    terminal.until("Stage 1: a  local [running]")
    terminal.type(CTRL_Z)
    terminal.until("Stopped")
    terminal.command("bg")
    user.write("go", "")
    until(lambda: status(user) == "succeeded")
    terminal.command("echo still here")
    terminal.until("still here")


def test_a_closed_terminal_detaches(user: User, terminal: Terminal) -> None:
    """When the terminal goes away the run is left as with `d`."""
    running(terminal)
    terminal.hang_up()
    until(lambda: status(user) == "interrupted")
    user.write("go", "")
    assert user.run("resume").code == 0


def test_another_terminal_sees_the_board(user: User, terminal: Terminal) -> None:
    """`status` shows the board of a live run until it ends; Ctrl-C leaves only the view."""
    user.run("run", "slow.yaml", "--detach")
    running(terminal, "status")
    terminal.type(CTRL_C)
    terminal.until("code=0")
    assert "goes on; `buildorch status` shows it again" in terminal.text.replace("\n", "")
    assert status(user) == "running"
    terminal.command("$B status --once; echo code=$?")
    terminal.until("code=0")
    running(terminal, "status")
    user.write("go", "")
    terminal.until("slow succeeded in")
    terminal.until("code=0")


def test_no_colour_is_obeyed(user: User, terminal: Terminal) -> None:
    """With NO_COLOR the board has no colours."""
    terminal.command("export NO_COLOR=1")
    running(terminal)
    user.write("go", "")
    terminal.until("code=0")
    assert not terminal.coloured
