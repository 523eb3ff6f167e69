"""The program: it parses the words, runs one command, and tells what went wrong."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn, TextIO

import attrs

from buildorch.cli.command import Commands
from buildorch.cli.parsing import HelpShownError, parse
from buildorch.errors import (
    BuildorchError,
    DefinitionError,
    RunNotFound,
    RunOwned,
    UsageError,
)

#: What the command line ends with beside the codes of a run.
USAGE, INFRASTRUCTURE, INTERNAL, CANCELLED = 2, 3, 70, 130

#: What the caller can mend by writing something else.
MISTAKES = (DefinitionError, UsageError, RunNotFound, RunOwned)


#: File descriptors of stdin, stdout and stderr.
_STREAMS = (0, 1, 2)


@attrs.frozen
class Program:
    """Runs one command and ends with its exit code.

    Attributes:
        commands: The commands.
        version: Returns the version of the package.
    """

    commands: Commands
    version: Callable[[], str]

    def run(self) -> NoReturn:
        """Run the command of this process's command line, and leave the process."""
        _complete_streams()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a name of any bytes can be printed anywhere
                stream.reconfigure(errors="backslashreplace")
        sys.exit(self.code_of(sys.argv[1:]))

    def code_of(self, words: Sequence[str]) -> int:
        """Run the command in *words* and return its exit code; errors are told on stderr."""
        try:
            with _written():
                return self._execute(words)
        except BrokenPipeError:
            return 0  # nobody reads any more, as with `| head`
        except BuildorchError as error:
            return _told(error)
        except KeyboardInterrupt:
            return CANCELLED
        except SystemExit as error:
            _say(f"buildorch: code of the pipeline ended the program with exit({error.code!r})")
            return USAGE
        except Exception:  # noqa: BLE001 - a defect of ours is told as such, never as the user's mistake
            _say(f"{traceback.format_exc()}buildorch: this is a defect; please report it")
            return INTERNAL

    def _execute(self, words: Sequence[str]) -> int:
        try:
            parsed = parse(words, self.commands, program="buildorch", version=self.version)
        except HelpShownError as shown:
            print(shown)
            return 0
        code = parsed.command.body(**parsed.arguments)
        return code if isinstance(code, int) else 0


def _complete_streams() -> None:
    """Open nothing as the standard streams that this process was started without.

    Else a database would get their number, and what is printed.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) in _STREAMS:
        pass
    os.close(number)
    sys.stdin = sys.stdin or _nothing("r")
    sys.stdout = sys.stdout or _nothing("w")
    sys.stderr = sys.stderr or _nothing("w")


def _nothing(mode: str) -> TextIO:
    return io.TextIOWrapper(io.FileIO(os.devnull, mode), encoding="utf-8")


@contextlib.contextmanager
def _written() -> Iterator[None]:
    """Hand over all output while an error can still be told.

    Raises:
        BrokenPipeError: Nobody reads it.
        UsageError: It cannot be written.
    """
    try:
        yield
    except OSError:
        if _unwritten() is None:
            raise  # stdout is well: something else is wrong
    error = _unwritten()
    if error is None:
        return
    # What is left in the buffer has to go somewhere when Python flushes it at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        raise error
    raise UsageError(f"stdout cannot be written: {error.strerror}") from error


def _unwritten() -> OSError | None:
    """Return why what was printed cannot be handed over, or None."""
    try:
        print(end="", flush=True)
    except OSError as error:
        return error
    return None


def _told(error: BuildorchError) -> int:
    """Tell *error* on stderr, in front of it the program's name where it names no file itself."""
    prefix = "" if isinstance(error, DefinitionError) else "buildorch: "
    _say(f"{prefix}{error}")
    return USAGE if isinstance(error, MISTAKES) else INFRASTRUCTURE


def _say(text: str) -> None:
    """Tell *text* on stderr; a part of it may be a server's or a log's own words."""
    from buildorch.analysis.lines import harmless  # noqa: PLC0415 - only where something went wrong

    shown = text.encode("utf-8", "backslashreplace").decode()
    text = "\n".join(harmless(line) for line in shown.split("\n"))
    with contextlib.suppress(OSError):  # whoever reads stderr has gone
        print(text, file=sys.stderr)
