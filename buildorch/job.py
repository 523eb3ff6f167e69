"""What crosses the border to a server: the job that is launched, its end, the server's facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from buildorch.model import Command, tuple_of

#: What a supervisor can record as the way a job ended.
EndKind: TypeAlias = Literal["exit", "signal", "lost"]


def _plain(value: Mapping[str, str]) -> dict[str, str]:
    return dict(value)


@attrs.frozen(kw_only=True)
class Job:
    """What is launched on a server: one step of an attempt.

    Attributes:
        id: `RUN.STAGE-INDEX.ATTEMPT.STEP`, letters, digits, `-` and `.` only; also its folder.
        nonce: 128-bit hex of the run; a folder with another nonce is another run's.
        epoch: The controller's number; a server refuses a launch of a lower epoch.
        title: `stage attempt 1 step 1` in words, for people who look on the server.
        command: Text for the shell, or arguments.
        shell: Words that start the shell, or None for bash -e, else sh -e.
        setup: Shell text sourced first.
        env: Environment, all values resolved.
        env_file: A file on the server, sourced with export.
        login: Whether the shell is a login shell.
        workdir: Folder to start in; None is the home folder.
        timeout: Seconds until the supervisor kills the tree.
        idle_timeout: Seconds without progress until it does.
        kill_grace: Seconds between TERM and KILL.
        log_limit: Bytes the log may have; more ends the job.
        min_free: Bytes that must be free in the workdir before the launch.
    """

    id: str
    nonce: str
    epoch: int
    title: str
    command: Command
    shell: tuple[str, ...] | None = None
    setup: str | None = None
    env: Mapping[str, str] = attrs.field(factory=dict, converter=_plain, repr=False)
    env_file: str | None = None
    login: bool = False
    workdir: str | None = None
    timeout: float | None = None
    idle_timeout: float | None = None
    kill_grace: float = 10.0
    log_limit: int | None = None
    min_free: int | None = None


@attrs.frozen(kw_only=True)
class JobEnd:
    """How a job ended, as its supervisor recorded it on the server.

    Attributes:
        kind: `exit` (the command returned), `signal` (it was killed), or `lost` (nobody knows).
        code: Exit code for `exit`, signal number for `signal`, 0 for `lost`.
        reason: Why, where it was not the command's own doing: `timeout`, `idle`, `cancelled`,
            `log_limit`, `no_space`, `setup` (its failure), `workdir` (missing), `shell` (missing),
            or for `lost`: `rebooted`, `supervisor killed`, `folder removed`, `never started`.
        detail: A sentence for people: the folder that is missing, the numbers of a full disk.
        seconds: How long it ran, by the server's monotonic clock; None where unknown.
        log_bytes: Size of its log; None where the session did not say it with the end.
        log_sha256: SHA-256 (hex) of its log, told with the end where the log is small.
        leftovers: Processes of the job that were alive after its end, as `pid command` texts.
    """

    kind: EndKind
    code: int = 0
    reason: str | None = None
    detail: str | None = None
    seconds: float | None = None
    log_bytes: int | None = None
    log_sha256: str | None = None
    leftovers: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)

    @property
    def ok(self) -> bool:
        """Whether the command returned 0 and nobody stopped it."""
        return self.kind == "exit" and self.code == 0 and self.reason is None


@attrs.frozen(kw_only=True)
class ServerFacts:
    """What a session found out about its server when it connected.

    Attributes:
        boot_id: The kernel's boot id; empty where there is none.
        agent: `python` or `sh`: which server part runs.
        home: The account's home folder.
        state_dir: The absolute folder that holds the job folders.
        shell: The login shell.
        missing: What is not there, each with what that costs, as sentences.
    """

    boot_id: str
    agent: str
    home: str
    state_dir: str
    shell: str = ""
    missing: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
