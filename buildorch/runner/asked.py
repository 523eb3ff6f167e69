"""What a stage function asks for with `c.run`: checked before anything of it is stored."""

from __future__ import annotations

import os
from collections.abc import Mapping

from buildorch.duration import Duration, parse_duration
from buildorch.errors import UsageError
from buildorch.model import Command
from buildorch.runner.jobs import StepSpec


def asked(
    command: object,
    *,
    name: object,
    env: object,
    cwd: object,
    timeout: Duration | None,
    shell: object,
    unknown: Mapping[str, object],
) -> StepSpec:
    """Return the step that a call of `c.run` asks for.

    Raises:
        UsageError: An argument is not what it has to be; which one, and what it takes.
    """
    _refuse(unknown)
    spec = StepSpec(
        command=_command(command),
        name=_name(name),
        env=_env(env),
        cwd=None if cwd is None else _word("cwd", cwd),
        timeout=None if timeout is None else duration("timeout of c.run", timeout),
        shell=_shell(shell),
    )
    _refuse_nul(spec)
    return spec


def duration(what: str, value: Duration) -> float:
    """Return *value* in seconds.

    Raises:
        UsageError: It is no duration; *what* says whose.
    """
    try:
        return parse_duration(value)
    except ValueError as error:
        raise UsageError(f"{what}: {error}") from error


def _command(given: object) -> Command:
    """Return a command as text or as its words."""
    if isinstance(given, str):
        return given
    if isinstance(given, list | tuple) and given:
        return tuple(_word("command", word) for word in given)
    raise UsageError(
        "c.run takes a command as text for the shell, or as a list of words that is not empty, "
        f"not {given!r}"
    )


def _name(given: object) -> str | None:
    """Return a name: it stands in lines of ours."""
    if given is None or (isinstance(given, str) and given.isprintable()):
        return given
    raise UsageError(f"name of c.run is a text of one line, not {given!r}")


def _env(given: object) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise UsageError(f"env of c.run maps names to texts; a {type(given).__name__} was given")
    return {name: _word(f"env {name}", value) for name, value in given.items()}


def _shell(given: object) -> tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, list | tuple) and given:
        return tuple(_word("shell", word) for word in given)
    raise UsageError(f'shell of c.run is a list of words such as ["zsh"], not {given!r}')


def _refuse(unknown: Mapping[str, object]) -> None:
    """Say of Invoke's options why a durable step cannot have them."""
    if unknown:
        names = ", ".join(sorted(unknown))
        raise UsageError(
            f"c.run has no option {names}: a step runs detached on its server, without a "
            "terminal and without input; use c.connection.run for a command that needs them"
        )


def _word(what: str, value: object) -> str:
    """Return a path or a number as the word that a command takes."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if isinstance(path, str | int | float):
        return str(path)
    raise UsageError(
        f"{what} of c.run takes a text, a path or a number, not a {type(value).__name__}"
    )


def _refuse_nul(spec: StepSpec) -> None:
    words = [spec.command] if isinstance(spec.command, str) else [*spec.command]
    words += [*spec.env, *spec.env.values(), spec.cwd or "", *(spec.shell or ())]
    if any("\0" in word for word in words):
        raise UsageError("a command cannot hold a NUL byte: no shell and no program takes one")
