"""The list of all commands."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from buildorch.cli.command import Command, Commands

if TYPE_CHECKING:
    from invoke import Collection

#: Module and summary of every command: the overview is told without importing any of them.
_ALL: Mapping[str, tuple[str, str]] = {
    "analyze": (
        "reading",
        "Say what a build log says: its first real error, how many there are, how far it got.",
    ),
    "build": ("requesting", "Build targets on a server, as its build type does it."),
    "cancel": (
        "ending",
        "End a run: every remote tree is killed, also when its controller has died.",
    ),
    "check": (
        "defining",
        "Find everything that is wrong with a pipeline, and say in words what it would do.",
    ),
    "clean": (
        "serving",
        "Remove what jobs that ended long ago have left on servers; living jobs are never touched.",
    ),
    "demo": (
        "running",
        "Run a three-stage pipeline on this machine: real processes, nothing to set up.",
    ),
    "doctor": (
        "serving",
        "Look for what would get in the way: here, on the servers, and with who is told.",
    ),
    "graph": ("defining", "Draw a pipeline on stdout."),
    "history": ("looking", "List the newest runs."),
    "logs": ("reading", "Print the log of a stage; Ctrl-C leaves only the view."),
    "move": ("ending", "Let a stage go on on another server, from its beginning."),
    "report": (
        "reporting",
        "Write a run as one HTML page with all its logs, as JUnit XML and as Markdown.",
    ),
    "request": (
        "requesting",
        "Run what a text asks for: a line for each build, on any number of servers.",
    ),
    "resume": ("running", "Drive a run on whose controller has died or left; nothing runs twice."),
    "retry": (
        "running",
        "Run the failed stages of a run and what follows from them again, as a new run.",
    ),
    "run": ("running", "Run a pipeline and show it until it has ended."),
    "servers": (
        "serving",
        "Ask all servers at once whether they are there, and what runs on them.",
    ),
    "status": (
        "looking",
        "Show a run, live or past, from any terminal; Ctrl-C leaves only the view.",
    ),
    "wait": (
        "ending",
        "Wait until a run has ended, and end with its exit code; 75 where nobody drives it.",
    ),
}


def commands() -> Commands:
    """Return all commands of the program."""
    return Commands({name: summary for name, (_, summary) in _ALL.items()}, _load)


def namespace() -> Collection:
    """Return the commands as Invoke tasks, for a collection of the user's own."""
    from buildorch.cli.mounting import collection  # noqa: PLC0415 - Invoke only where it is used

    return collection(commands())


def _load(name: str) -> Command:
    module = importlib.import_module(f"buildorch.cli.{_ALL[name][0]}")
    found: Command = getattr(module, name)
    return found
