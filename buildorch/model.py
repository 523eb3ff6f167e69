"""The frozen values that the whole package speaks in: servers, stages, plans, configuration.

Owns no behaviour beyond what follows from a value's own fields; imports nothing of ours
but the exception tree.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import attrs

#: What survives a trip through the store: parameters, outputs and recorded values.
JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

#: A command: text for the shell, or a list of arguments that no shell sees.
Command: TypeAlias = str | tuple[str, ...]


def _frozen_mapping(value: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(value or {})


def tuple_of(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return *values* as a tuple; as a converter, plain `tuple` has a type that no caller fits."""
    return tuple(values)


class StageStatus(enum.StrEnum):
    """How a stage ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    UNREACHABLE = "unreachable"
    LOST = "lost"
    NO_SPACE = "no_space"
    UP_TO_DATE = "up_to_date"


class RunStatus(enum.StrEnum):
    """How a run ended; `INTERRUPTED` is never stored: its controller left and jobs go on."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


@attrs.frozen(init=False, repr=False)
class Secret:
    """A value that is kept out of logs, events, errors and messages.

    Stored as a reference to where it comes from; looked up when a run starts or is resumed.
    `Secret("NAME")` is an environment variable where buildorch runs.

    Attributes:
        source: `environment`, `file`, `command` or `keyring`.
        words: The variable, the path, the command's words, or service and user.

    Example:
        >>> Secret("DEPLOY_TOKEN"), Secret.file("~/.token"), Secret.command(["pass", "token"])
        (Secret('DEPLOY_TOKEN'), Secret.file('~/.token'), Secret.command(['pass', 'token']))
    """

    source: str
    words: tuple[str, ...]

    def __init__(self, variable: str) -> None:
        self.__attrs_init__("environment", (variable,))

    @classmethod
    def file(cls, path: str | os.PathLike[str]) -> Secret:
        """Return the secret that a file holds, which only its owner may read."""
        return cls._of("file", (os.fspath(path),))

    @classmethod
    def command(cls, words: Iterable[str]) -> Secret:
        """Return the secret that a program prints; no shell reads *words*."""
        return cls._of("command", tuple(words))

    @classmethod
    def keyring(cls, service: str, user: str) -> Secret:
        """Return the secret that this account's keyring holds for *user* at *service*."""
        return cls._of("keyring", (service, user))

    @classmethod
    def of(cls, reference: JSON) -> Secret:
        """Return the secret whose `reference` is given.

        Raises:
            ValueError: It is none.
        """
        match reference:
            case str():
                return cls(reference)
            case {"file": str(path), **rest} if not rest:
                return cls.file(path)
            case {"command": [*words], **rest} if words and not rest:
                return cls.command([str(word) for word in words])
            case {"keyring": [str(service), str(user)], **rest} if not rest:
                return cls.keyring(service, user)
        raise ValueError("no reference to a secret")

    @classmethod
    def _of(cls, source: str, words: tuple[str, ...]) -> Secret:
        made = cls.__new__(cls)
        made.__attrs_init__(source, words)
        return made

    @property
    def reference(self) -> JSON:
        """Where it comes from, as JSON: what is stored instead of the value."""
        if self.source == "environment":
            return self.words[0]
        return {self.source: self.words[0] if self.source == "file" else list(self.words)}

    @property
    def name(self) -> str:
        """What messages call it.

        Example:
            >>> Secret.keyring("artifactory", "ci").name
            "keyring entry of 'ci' at 'artifactory'"
        """
        match self.source:
            case "environment":
                return self.words[0]
            case "keyring":
                return f"keyring entry of {self.words[1]!r} at {self.words[0]!r}"
        return f"{self.source} {self.words[0]!r}"

    def __repr__(self) -> str:
        match self.source:
            case "environment":
                return f"Secret({self.words[0]!r})"
            case "command":
                return f"Secret.command({list(self.words)!r})"
        return f"Secret.{self.source}({', '.join(map(repr, self.words))})"


@attrs.frozen
class Retry:
    """How often a stage is tried again after its first attempt.

    Attributes:
        times: Extra attempts.
        on: Outcomes that are tried again.

    Example:
        >>> Retry(1).times
        1
    """

    times: int = 0
    on: tuple[str, ...] = attrs.field(default=("failed",), converter=tuple_of)


@attrs.frozen
class Notify:
    """Tell a channel: the name of a notifier in the configuration, such as `discord`."""

    channel: str


@attrs.frozen
class Archive:
    """Keep the results of a successful run as one archive."""


@attrs.frozen(kw_only=True)
class Server:
    """A place where stages run.

    Attributes:
        name: Its name in the configuration.
        host: Host name, address or ssh_config alias; empty for this machine.
        user: Login name; None leaves it to ssh_config.
        port: TCP port; None leaves it to ssh_config.
        workdir: Default folder of its stages.
        alias: A short name for the command line.
        purpose: What it is for, in words.
        build_type: `bitbake`, `build.py`, `pytest`, ...
        labels: Words that a stage can ask for.
        slots: Stages at once, over all runs of this user; None means the run's parallel limit.
        fallback: Names of servers to use when this one cannot be reached.
        setup: Shell text sourced before each command.
        env: Environment of its stages.
        env_file: A file on the server that is sourced with export before `setup`.
        login: Whether commands run in a login shell.
        min_free: Bytes that must be free in the workdir before a launch.
        state_dir: Folder for job folders on the server; None is the account's state folder.
        share_workdir: Whether several runs may build in one workdir at once.
        ssh_config: An ssh_config file to use instead of the user's.
        backend: Name of the backend: `ssh`, `local` or `fake`.
    """

    name: str
    host: str = ""
    user: str | None = None
    port: int | None = None
    workdir: str | None = None
    alias: str | None = None
    purpose: str | None = None
    build_type: str | None = None
    labels: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    slots: int | None = None
    fallback: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    setup: str | None = None
    env: Mapping[str, str | Secret] = attrs.field(factory=dict, converter=_frozen_mapping)
    env_file: str | None = None
    login: bool = False
    min_free: int | None = None
    state_dir: str | None = None
    share_workdir: bool = False
    ssh_config: str | None = None
    backend: str = "ssh"


#: Where stages without a server run, unless the configuration names another default.
THIS_MACHINE = Server(name="local", backend="local")


@attrs.frozen(kw_only=True)
class FunctionRef:
    """Where a stage function comes from, so that resume can call it again.

    Attributes:
        module: Its module, or the path of the file it was loaded from.
        qualname: Its qualified name there.
        digest: SHA-256 of its source, first 16 hex digits; empty where it has none.
        importable: Whether a new process can find it (not a lambda or a notebook's function).
    """

    module: str
    qualname: str
    digest: str = ""
    importable: bool = True


@attrs.frozen(kw_only=True)
class PlannedStage:
    """A stage with everything resolved: what the scheduler and the runner need, and no more.

    Attributes:
        name: Its name, unique in the plan.
        index: Its number in the file or flow, from 0; messages show it from 1.
        servers: The server it runs on, then its fallbacks, in order.
        command: The command, or None for a stage function that takes the context.
        function: Where the stage function is, for a stage without a command.
        params: The bound parameters of the function.
        after: Names of its direct predecessors.
        workdir: Folder on the server, or None for the account's home.
        env: Environment of the command; a `Secret` is resolved when the run starts.
        setup: Shell text sourced before the command.
        shell: Words that start the shell, or None for the default (bash -e, else sh -e).
        timeout: Seconds an attempt may take, from its launch; None is without limit.
        idle_timeout: Seconds without progress; None is without limit.
        lease: Seconds without a controller after which its server kills it; None: never.
        retry: How often a failed attempt is repeated.
        infra_retry: Extra attempts after the infrastructure failed.
        allow_failure: Whether dependents go on when it failed.
        always: Whether it runs whatever happened to its predecessors.
        success_if: Pattern that the log's last line must match for success.
        fail_if: Pattern of a last line that means failure whatever the exit code.
        notify_failure: Channels told of its failures.
        notify_success: Channels told of its successes.
        artifacts: Globs collected after success.
        resources: Devices that it has for itself on its server while an attempt lasts.
        lock: A name that runs lock on the server instead of the stage's folder.
        title: Words shown instead of the name.
    """

    name: str
    index: int
    servers: tuple[Server, ...] = attrs.field(converter=tuple_of)
    command: Command | None = None
    function: FunctionRef | None = None
    params: Mapping[str, JSON] = attrs.field(factory=dict, converter=_frozen_mapping)
    after: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    workdir: str | None = None
    env: Mapping[str, str | Secret] = attrs.field(factory=dict, converter=_frozen_mapping)
    setup: str | None = None
    shell: tuple[str, ...] | None = None
    timeout: float | None = None
    idle_timeout: float | None = None
    lease: float | None = None
    retry: Retry = Retry()
    infra_retry: int = 2
    allow_failure: bool = False
    always: bool = False
    success_if: str | None = None
    fail_if: str | None = None
    notify_failure: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    notify_success: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    artifacts: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    resources: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    lock: str | None = None
    title: str | None = None

    @property
    def attempts(self) -> int:
        """How many attempts its own failures can take, at most."""
        return 1 + self.retry.times


@attrs.frozen(kw_only=True)
class Plan:
    """A pipeline bound to its parameters and servers, and found valid.

    A plain value that survives a trip through the store; `planner.graph` shows it as a frozen
    networkx graph.

    Attributes:
        name: Name of the pipeline.
        stages: All stages in a deterministic topological order.
        params: The bound parameters.
        parallel_limit: Stages at once in the run.
        fail_fast: Whether one failure cancels the branches that could still go on.
        archive: Whether a successful run's results are kept as one archive.
        notify_failure: Channels that the pipeline names for failures.
        notify_success: Channels that the pipeline names for successes.
        title: Words shown instead of the name.
        description: First line of the pipeline's docstring.
        source: The file or module it was defined in.
        warnings: What is odd but no reason not to build, as sentences.
    """

    name: str
    stages: tuple[PlannedStage, ...] = attrs.field(converter=tuple_of)
    params: Mapping[str, JSON] = attrs.field(factory=dict, converter=_frozen_mapping)
    parallel_limit: int = 3
    fail_fast: bool = False
    archive: bool = False
    notify_failure: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    notify_success: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    title: str | None = None
    description: str | None = None
    source: str | None = None
    warnings: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)


@attrs.frozen(kw_only=True)
class Defaults:
    """What a stage gets where neither it, its pipeline nor its server says otherwise.

    Attributes:
        timeout: Seconds an attempt may take; None is without limit.
        retry: Extra attempts.
        parallel_limit: Stages at once in a run.
        server: Name of the server for stages that name none; None is this machine.
        lost_after: Seconds without a connection until people are told.
        cleanup_timeout: Seconds that `always` stages may take after a cancel.
    """

    timeout: float | None = None
    retry: int = 0
    parallel_limit: int = 3
    server: str | None = None
    lost_after: float = 600.0
    cleanup_timeout: float = 600.0


@attrs.frozen(kw_only=True)
class Channel:
    """A way to tell people, as the configuration has it.

    Attributes:
        name: What pipelines call it: `discord`, `telegram`, `openclaw`, ...
        enabled: Whether it is told anything.
        options: Its further keys, as text, by name; tokens are `Secret`s.
        via: The kind of notifier that sends: `openclaw`, `discord`, `telegram`, `apprise`.
    """

    name: str
    enabled: bool = True
    options: Mapping[str, str | Secret] = attrs.field(factory=dict, converter=_frozen_mapping)
    via: str | None = None


@attrs.frozen(kw_only=True)
class Config:
    """Everything that config.yaml says.

    Attributes:
        servers: Servers by name.
        channels: Channels by name.
        defaults: Defaults of all stages.
        language: Language of messages: `en` or `ko`.
        file: Where it was read from; None for an empty configuration.
    """

    servers: Mapping[str, Server] = attrs.field(factory=dict, converter=_frozen_mapping)
    channels: Mapping[str, Channel] = attrs.field(factory=dict, converter=_frozen_mapping)
    defaults: Defaults = Defaults()
    language: str = "en"
    file: str | None = None
