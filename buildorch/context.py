"""What a stage function is given: the context, and the result of a command.

Types only; the runner implements the context.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, Protocol

import attrs

from buildorch.duration import Duration
from buildorch.errors import UsageError
from buildorch.job import JobEnd
from buildorch.model import JSON, Command

#: Bytes before the end of a log in which `tail` looks for lines.
_TAIL_BYTES = 1 << 18


@attrs.frozen(kw_only=True)
class StepResult:
    """How a command of a stage function ended; shaped like Invoke's `Result`.

    Its truth is that of `ok`.

    Attributes:
        command: The command.
        end: How its job ended, as the server recorded it.
        log: Path of the stage's log on this machine.
        log_base: Byte in the log at which the command's output begins.
        log_size: Bytes of the command's output.
        output: The output, where `capture=True` asked for it; at most 1 MiB.
        truncated: Whether *output* lacks the rest.
    """

    command: Command
    end: JobEnd
    log: str
    log_base: int = 0
    log_size: int = 0
    output: str | None = attrs.field(default=None, repr=False)
    truncated: bool = False

    def __bool__(self) -> bool:
        return self.ok

    @property
    def ok(self) -> bool:
        """Whether the command returned 0 and nobody stopped it."""
        return self.end.ok

    @property
    def failed(self) -> bool:
        """The contrary of `ok`."""
        return not self.end.ok

    @property
    def exited(self) -> int:
        """The exit code; the negative number of the signal where one ended it, -1 if lost."""
        if self.end.kind == "exit":
            return self.end.code
        return -self.end.code or -1

    @property
    def return_code(self) -> int:
        """The same as `exited`."""
        return self.exited

    @property
    def seconds(self) -> float:
        """How long the command ran, in seconds by the server's clock; 0 where unknown."""
        return self.end.seconds or 0.0

    @property
    def stdout(self) -> str:
        """The output: stdout and stderr in the order in which they were written.

        Raises:
            UsageError: The command ran without `capture=True`.
        """
        if self.output is None:
            raise UsageError(
                f"the output of {self.command!r} was not captured: give c.run capture=True "
                f"(at most 1 MiB is kept), use .tail(n), or read the log {self.log}"
            )
        return self.output

    @property
    def stderr(self) -> str:
        """Always empty: both streams share one descriptor, so `stdout` holds both.

        Raises:
            UsageError: The command ran without `capture=True`.
        """
        return self.stdout[:0]

    def tail(self, count: int = 10) -> str:
        """Return the last *count* lines of the output, captured or not.

        Args:
            count: Number of lines.
        """
        skipped = max(0, self.log_size - _TAIL_BYTES)
        with Path(self.log).open("rb") as log:
            log.seek(self.log_base + skipped)
            data = log.read(self.log_size - skipped)
        lines = data.decode("utf-8", "replace").split("\n")
        ended = lines[:-1] if not lines[-1] else lines
        return "\n".join(ended[-count:] if count > 0 else [])


class StageContext(Protocol):
    """What a stage function takes as its first parameter; each `c.run` is a durable step.

    When the controller dies and the run is resumed, the function is called again from its
    beginning: steps that ended return their recorded result at once, the one that was running
    is joined, and nothing runs twice. So the function must take the same steps each time: what
    differs between calls (time, random numbers, what is read from outside) goes through `once`.

    Example:
        >>> def host_build(c: StageContext, module: str) -> None:
        ...     c.run(["./build.py", "--module", module], name="build")
        ...     c.outputs["size"] = int(c.run("stat -c %s out.bin", capture=True).stdout)
    """

    @property
    def name(self) -> str:
        """Name of the stage."""

    @property
    def run_id(self) -> str:
        """Id of the run."""

    @property
    def attempt(self) -> int:
        """Number of the attempt, from 1."""

    @property
    def server(self) -> str:
        """Name of the server on which the attempt runs."""

    @property
    def workdir(self) -> str | None:
        """Folder on the server in which commands start; None is the account's home."""

    @property
    def params(self) -> Mapping[str, Any]:
        """The bound parameters of the stage."""

    @property
    def outputs(self) -> MutableMapping[str, JSON]:
        """What the stage hands on: each value is recorded when it is set."""

    @property
    def inputs(self) -> Mapping[str, Mapping[str, JSON]]:
        """The outputs of all stages before this one, by the name of the stage."""

    @property
    def connection(self) -> Any:  # noqa: ANN401 - a fabric.Connection; fabric has no types
        """A plain `fabric.Connection` to the server, for what no step can do.

        What goes through it is not durable: it is not recorded, runs again when the function is
        called again, ends with the connection, and is not in the stage's log.
        """

    def run(
        self,
        command: Command | list[str],
        *,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        timeout: Duration | None = None,
        shell: tuple[str, ...] | None = None,
        warn: bool = False,
        capture: bool = False,
        hide: bool = False,
    ) -> StepResult:
        """Run a command on the server as the next step, and return how it ended.

        Args:
            command: Text for the shell, or a list of arguments that no shell sees.
            name: What the step is called in logs and messages.
            env: More environment; the way for parameters into shell text.
            cwd: Folder to start in instead of the stage's workdir.
            timeout: Seconds, text such as `1h30m`, or a timedelta; the stage's holds besides.
            shell: Words that start another shell than the stage's.
            warn: Whether a failing command returns its result instead of raising.
            capture: Whether the result holds the output, at most 1 MiB.
            hide: Taken as Invoke's word; the output is in the stage's log anyway.

        Raises:
            StepFailed: The command failed, and *warn* is false.
            ReplayMismatch: The record of the attempt has another command here.
            UsageError: An option of Invoke that a detached step cannot have (`pty`, `watchers`).
        """

    def put(self, local: str | Path, remote: str) -> None:
        """Copy a file to the server, once in an attempt.

        Args:
            local: Path of the file here.
            remote: Path there.

        Raises:
            InfrastructureError: It could not be copied.
        """

    def get(self, remote: str, local: str | Path) -> None:
        """Copy a file from the server, once in an attempt.

        Args:
            remote: Path of the file there.
            local: Path here.

        Raises:
            InfrastructureError: It could not be copied.
        """

    def once(self, key: str, make: Callable[[], JSON]) -> JSON:
        """Return the value recorded under *key*; the first time, record what *make* returns.

        Args:
            key: What the value is called in the record.
            make: Returns a value that JSON can hold.
        """

    def sleep(self, seconds: Duration) -> None:
        """Wait; a function that is called again waits only for the rest.

        Args:
            seconds: How long: seconds, text such as `90s`, or a timedelta.
        """

    def log(self, text: str) -> None:
        """Write lines into the stage's log.

        Args:
            text: The lines.
        """

    def remaining(self) -> float | None:
        """Return the seconds that are left of the attempt; None where it has no timeout."""
