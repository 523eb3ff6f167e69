"""The exception tree: one class for each decision that a caller can take.

Every message says what happened, where, why, and what to do now. Exceptions of
other libraries stop at the adapter that calls them and leave it as one of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs


@attrs.frozen
class Problem:
    """One thing that is wrong in a definition.

    Attributes:
        message: What is wrong, and what to write instead.
        file: The file it stands in, or None for a definition made in Python.
        line: 1-based line, where known.
        column: 1-based column, where known.
    """

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """Return `file:line:column: message`, with as much of the place as is known."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{place}: {self.message}" if place else self.message


class BuildorchError(Exception):
    """The root of all errors that buildorch raises."""


class DefinitionError(BuildorchError):
    """A pipeline, stage or configuration is wrong; no server was touched.

    Args:
        problems: Everything that is wrong, at once.

    Example:
        >>> print(DefinitionError([Problem("no stages", "a.yaml", 3)]))
        a.yaml:3: no stages
    """

    def __init__(self, problems: Iterable[Problem | str]) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            problem if isinstance(problem, Problem) else Problem(problem) for problem in problems
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(BuildorchError):
    """A command or function was called in a way that it does not take."""


class InfrastructureError(BuildorchError):
    """Something between us and a running command failed, not the build itself."""


class ConnectError(InfrastructureError):
    """No connection to a server; may work later.

    Args:
        message: What failed, why, and what to do.
        server: Alias of the server.
        host: Host name or address that was dialled.
        port: TCP port that was dialled.
    """

    #: One word for events and messages.
    reason = "connect"
    #: Whether trying again can help without anybody doing anything.
    transient = True

    def __init__(self, message: str, *, server: str, host: str, port: int) -> None:
        super().__init__(message)
        self.server = server
        self.host = host
        self.port = port


class ConnectRefused(ConnectError):
    """The host answered that nothing listens on the port."""

    reason = "refused"


class ConnectTimedOut(ConnectError):
    """Nothing answered in time."""

    reason = "timed out"


class HostNotFound(ConnectError):
    """The host name has no address."""

    reason = "name not found"


class LoginRefused(ConnectError):
    """The server took none of our keys."""

    reason = "login refused"
    transient = False


class HostKeyUnknown(ConnectError):
    """known_hosts has no key for the host."""

    reason = "host key unknown"
    transient = False


class HostKeyChanged(ConnectError):
    """The host shows another key than the one in known_hosts."""

    reason = "host key changed"
    transient = False


class ServerUnusable(ConnectError):
    """We are logged in, but no job can run there (no sh, home read-only, noisy login shell)."""

    reason = "unusable"
    transient = False


class LinkLost(InfrastructureError):
    """A connection that worked is gone; jobs on the server go on."""


class StoreError(BuildorchError):
    """The run history on this machine cannot be read or written."""


class StoreDamaged(StoreError):
    """The database is not whole."""


class StoreTooNew(StoreError):
    """The database was written by a newer buildorch."""


class StoreUnwritable(StoreError):
    """The database cannot take another event (disk full, read-only, locked by another program)."""


class RunNotFound(StoreError):
    """No run has this id, or several begin with it."""


class RunOwned(StoreError):
    """Another controller owns the run, or the same pipeline is already running."""


class StageError(BuildorchError):
    """A stage went wrong by its own doing."""


class StepFailed(StageError):
    """A command of a stage function ended with a non-zero code; `result` holds its end.

    Args:
        message: What failed and how.
        result: The `StepResult` of the command.
    """

    def __init__(self, message: str, result: object = None) -> None:
        super().__init__(message)
        self.result = result


class ReplayMismatch(StageError):
    """A stage function took other steps than the record of its attempt says."""


class NotifyError(BuildorchError):
    """A message did not reach people; the run goes on.

    Args:
        message: What happened, why, and what to do.
        retry_after: Seconds after which sending the same again is safe, because nothing was
            delivered; None where it may have been, or where trying again cannot help.
        gone: Whether the channel will take no other message either.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, gone: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.gone = gone


class RunFailed(BuildorchError):
    """A run did not succeed; raised by `RunResult.check()`.

    Args:
        message: What failed.
        result: The `RunResult`.
    """

    def __init__(self, message: str, result: object = None) -> None:
        super().__init__(message)
        self.result = result


class StageStopped(BaseException):
    """The attempt of a stage function is over: cancelled, timed out, moved or detached.

    Derives from BaseException so that `except Exception` in a stage function does not catch it.
    """


def raise_problems(problems: Sequence[Problem]) -> None:
    """Raise one `DefinitionError` with all problems; return quietly where there are none."""
    if problems:
        raise DefinitionError(problems)
