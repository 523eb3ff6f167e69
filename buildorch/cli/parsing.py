"""Command lines parsed from the signatures of the commands.

Invoke's own parser takes no optional or variadic positional words, lets `run --help` run, and
ends usage errors with 1; so the words go through argparse, with options made from the commands.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn

import attrs

from buildorch.cli.command import Command, Commands
from buildorch.errors import UsageError
from buildorch.names import nearest

#: Options that people type often.
SHORT: Mapping[str, str] = {"follow": "-f", "quiet": "-q", "verbose": "-v"}

#: What stands for the value of an option or word, where its name in capitals says too little.
_METAVARS: Mapping[str, str] = {
    "abandon_after": "DURATION",
    "attempt": "N",
    "config": "FILE",
    "fingerprint": "SHA256:...",
    "file": "PIPELINE",
    "limit": "N",
    "older_than": "DURATION",
    "only": "STAGE",
    "out": "FILE",
    "param": "NAME=VALUE",
    "results": "FOLDER",
    "skip": "STAGE",
    "target": "TARGET",
    "to": "SERVER",
    "tool": "TOOL",
    "until": "STAGE",
    "words": "REQUEST",
}

#: Options whose name on the command line is no name in Python.
_FLAGS: Mapping[str, str] = {"tool": "--as"}


@attrs.frozen
class Parsed:
    """A command and its arguments.

    Attributes:
        name: Its name.
        command: The command.
        arguments: Its arguments by parameter.
    """

    name: str
    command: Command
    arguments: Mapping[str, Any]


class HelpShownError(Exception):
    """The words asked for help or the version, which is the message."""


class _Parser(argparse.ArgumentParser):
    """Raises instead of leaving."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        del status
        raise HelpShownError(message or "")

    def print_help(self, file: object = None) -> None:
        del file
        raise HelpShownError(self.format_help().rstrip("\n"))

    @property
    def flags(self) -> list[str]:
        """All options that it takes."""
        return [flag for action in self._actions for flag in action.option_strings]


def parse(
    words: Sequence[str], commands: Commands, *, program: str, version: Callable[[], str]
) -> Parsed:
    """Return the command that *words* name, with its arguments.

    Args:
        words: The command line without the program's name.
        commands: All commands.
        program: Name of the program in usage lines.
        version: Returns what `--version` says.

    Raises:
        UsageError: The words fit no command; the message names the nearest.
        HelpShownError: Help or the version was asked for.
    """
    front, rest = _configured(words)
    if front and not rest:
        raise UsageError(f"a command follows --config FILE; `{program} --help` lists all")
    if not rest or rest[0] in ("-h", "--help") or rest == ["help"]:
        raise HelpShownError(_overview(commands.summaries, program))
    if rest[0] in ("-V", "--version"):
        raise HelpShownError(f"{program} {version()}")
    if rest[0] == "help":
        rest = [rest[1], "--help"]
    name = _known(rest[0], commands.summaries, program)
    command = commands.load(name)
    parser = _parser_of(command, f"{program} {name}")
    known, unknown = parser.parse_known_intermixed_args([*front, *rest[1:]])
    if unknown:
        raise UsageError(_unknown(unknown[0], parser))
    return Parsed(name, command, vars(known))


def _configured(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split `--config FILE` off in front: every command takes it behind its name as well."""
    front: list[str] = []
    rest = list(words)
    while rest and (rest[0] == "--config" or rest[0].startswith("--config=")):
        count = 2 if rest[0] == "--config" else 1
        if len(rest) < count:
            raise UsageError("--config takes a FILE, and a command follows it")
        front, rest = [*front, *rest[:count]], rest[count:]
    return front, rest


def _known(word: str, names: Collection[str], program: str) -> str:
    if word in names:
        return word
    if word.startswith("-"):
        raise UsageError(
            f"{word!r} stands where a command is expected: options follow the command, as in "
            f"`{program} run pipeline.yaml {word}`; see `{program} --help`"
        )
    near = nearest(word, names)
    hint = f"did you mean `{program} {near}`? " if near else ""
    raise UsageError(f"there is no command {word!r}; {hint}`{program} --help` lists all")


def _overview(summaries: Mapping[str, str], program: str) -> str:
    width = max(map(len, summaries))
    lines = [f"  {name:<{width}}  {about}" for name, about in sorted(summaries.items())]
    return "\n".join(
        [
            f"usage: {program} COMMAND [options]",
            "",
            "Durable builds across SSH servers.",
            "",
            "commands:",
            *lines,
            "",
            f"`{program} COMMAND --help` says more about one of them.",
            "`--config FILE` names a configuration, before or after the command.",
        ]
    )


def _parser_of(command: Command, program: str) -> _Parser:
    """Make a parser from the command's signature."""
    parser = _Parser(
        prog=program,
        description=inspect.getdoc(command.body),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for parameter in inspect.signature(command.body).parameters.values():
        about = command.help.get(parameter.name, "")
        if parameter.name in command.positional:
            parser.add_argument(parameter.name, help=about, **_word(command, parameter))
        else:
            flags = [_flag(parameter.name), *_short(parameter.name)]
            given = _option(command, parameter)
            parser.add_argument(*flags, dest=parameter.name, help=about, **given)
    return parser


def _word(command: Command, parameter: inspect.Parameter) -> dict[str, Any]:
    """Return what argparse needs for a word without dashes: one, at most one, or any number."""
    shown = {"metavar": _metavar(parameter.name)}
    if parameter.name in command.iterable:
        return {"nargs": "*", **shown}
    if parameter.default is inspect.Parameter.empty:
        return shown
    return {"nargs": "?", "default": parameter.default, **shown}


def _option(command: Command, parameter: inspect.Parameter) -> dict[str, Any]:
    """Return what argparse needs for an option: a flag, a list, or one value."""
    if parameter.default is False:
        return {"action": "store_true"}
    shown = {"metavar": _metavar(parameter.name)}
    if parameter.name in command.iterable:
        return {"action": "append", "default": [], **shown}
    if parameter.default is inspect.Parameter.empty:
        return {"required": True, **shown}
    return {"default": parameter.default, **shown}


def _flag(name: str) -> str:
    return _FLAGS.get(name, f"--{name.replace('_', '-')}")


def _short(name: str) -> list[str]:
    return [SHORT[name]] if name in SHORT else []


def _metavar(name: str) -> str:
    return _METAVARS.get(name, name.upper().replace("_", "-"))


def _unknown(word: str, parser: _Parser) -> str:
    if not word.startswith("-"):
        return f"`{parser.prog}` takes no word more: {word!r} is too many; see its --help"
    near = nearest(word.split("=", 1)[0], parser.flags)
    hint = f"did you mean {near}?" if near else f"see `{parser.prog} --help`"
    return f"`{parser.prog}` has no option {word}; {hint}"


def whole_number(option: str, text: str) -> int:
    """Return the number above 0 that was given as *option*.

    Raises:
        UsageError: *text* is no such number.

    Example:
        >>> whole_number("--limit", "20")
        20
    """
    if not text.isascii() or not text.isdigit() or not int(text):
        raise UsageError(f"{option} takes a whole number above 0, not {text!r}")
    return int(text)
