"""What crosses the border to a server: the job that is launched, its end, the server's facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from buildorch.model import Command, tuple_of

#: What a supervisor can record as the way a job ended.
EndKind: TypeAlias = Literal["exit", "signal", "lost"]

#: What a job can wait for on its server.
WaitKind: TypeAlias = Literal["lock", "bitbake"]

#: Seconds between TERM and KILL: bitbake needs some for its running tasks.
KILL_GRACE = 10.0


@attrs.frozen(kw_only=True)
class Lock:
    """What one owner at a time may use on a server: a folder, or something with a name.

    Two folders of which one is inside the other are one thing.

    Attributes:
        owner: Who may have it together: letters, digits, `-` and `.` only.
        folder: The folder; `~` is the account's home.
        name: A device or another key, for what is no folder.
    """

    owner: str
    folder: str | None = None
    name: str | None = None


@attrs.frozen(kw_only=True)
class Wait:
    """What a job on a server waits for, and who has it.

    Attributes:
        kind: `lock` (before its command), or `bitbake` (its client waits for another's build).
        name: The folder or the name of the lock.
        place: Its place in the line, from 1.
        user: Account of the holder on that server.
        by: Who started the holder's run, where it is one of ours.
        pid: Process of the holder.
        run: Run of the holder, where it is one of ours.
        stage: Stage of the holder, likewise.
        seconds: Since when the holder has it, in seconds before now; None where unknown.
    """

    kind: WaitKind
    name: str
    place: int = 1
    user: str | None = None
    by: str | None = None
    pid: int | None = None
    run: str | None = None
    stage: str | None = None
    seconds: float | None = None


def _plain(value: Mapping[str, str]) -> dict[str, str]:
    return dict(value)


@attrs.frozen(kw_only=True)
class Job:
    """What is launched on a server: one step of an attempt.

    Attributes:
        id: `RUN.STAGE-INDEX.ATTEMPT.STEP`, letters, digits, `-` and `.` only; also its folder.
        nonce: 128-bit hex of the run; a folder with another nonce is another run's.
        epoch: The controller's number; a server refuses a launch of a lower epoch.
        by: Who started the run; those who wait for its locks are told.
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
        locks: What it waits for before its command starts, all or none, and keeps to its end.
        lease: Seconds without a renewal, by a link that is up, after which its supervisor kills
            the tree; None: never.
        hold: Seconds for which it keeps them after its end, at most: until a job of the same
            owner has taken over, `Session.release` is called, or no controller is linked.
    """

    id: str
    nonce: str
    epoch: int
    title: str
    command: Command
    by: str = ""
    shell: tuple[str, ...] | None = None
    setup: str | None = None
    env: Mapping[str, str] = attrs.field(factory=dict, converter=_plain, repr=False)
    env_file: str | None = None
    login: bool = False
    workdir: str | None = None
    timeout: float | None = None
    idle_timeout: float | None = None
    kill_grace: float = KILL_GRACE
    log_limit: int | None = None
    min_free: int | None = None
    locks: tuple[Lock, ...] = attrs.field(default=(), converter=tuple_of)
    hold: float = 0.0
    lease: float | None = None


@attrs.frozen(kw_only=True)
class JobEnd:
    """How a job ended, as its supervisor recorded it on the server.

    Attributes:
        kind: `exit` (the command returned), `signal` (it was killed), or `lost` (nobody
            knows, or the command never began).
        code: Exit code for `exit`, signal number for `signal`, 0 for `lost`.
        reason: Why, where it was not the command's own doing: `timeout`, `idle`, `cancelled`,
            `log_limit`, `no_space`, `setup` (its failure), `workdir` (missing), `shell` (missing),
            or for `lost`: `rebooted`, `supervisor killed`, `folder removed`, `never started`,
            `refused` (the server can run no such job until a person changes that; see `detail`),
            or `cancelled` and the like, where that came before the command began.
        detail: A sentence for people: the folder that is missing, the numbers of a full disk.
        seconds: How long it ran, by the server's monotonic clock; None where unknown.
        log_bytes: Size of its log; None where the session did not say it with the end.
        log_sha256: SHA-256 (hex) of its log, told with the end where the log is small.
        room: How much was free where it worked, in words, after an end that is no success.
        leftovers: Processes of the job that were alive after its end, as `pid command` texts.
    """

    kind: EndKind
    code: int = 0
    reason: str | None = None
    detail: str | None = None
    seconds: float | None = None
    log_bytes: int | None = None
    log_sha256: str | None = None
    room: str | None = None
    leftovers: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)

    @property
    def ok(self) -> bool:
        """Whether the command returned 0 and nobody stopped it."""
        return self.kind == "exit" and self.code == 0 and self.reason is None

    @property
    def how(self) -> str:
        """How it ended, in words.

        Example:
            >>> JobEnd(kind="signal", code=9).how
            'killed by signal 9'
        """
        if self.kind == "exit":
            return f"exit code {self.code}"
        return f"killed by signal {self.code}" if self.kind == "signal" else f"lost: {self.reason}"


@attrs.frozen(kw_only=True)
class ServerFacts:
    """What a session found out about its server when it connected.

    Attributes:
        boot_id: The kernel's boot id; empty where there is none.
        agent: `python` or `sh`: which server part runs.
        home: The account's home folder.
        state_dir: The absolute folder that holds the job folders.
        shell: The login shell.
        clock: Hundredths of a second since its boot, when it said so.
        missing: What is not there, each with what that costs, as sentences.
    """

    boot_id: str
    agent: str
    home: str
    state_dir: str
    shell: str = ""
    clock: int = 0
    missing: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
