"""A plan: stages with everything resolved, and nothing of the code that defined them."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import attrs

from buildorch.model.policies import NO_RETRY, Retry
from buildorch.model.secret import Secret
from buildorch.model.server import Server
from buildorch.model.values import JSON, Command, frozen_mapping, tuple_of


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
        analyze: Whether its log is searched for errors, warnings and progress.
        tool: The tool that writes its log; None: found out from the log.
        progress: Pattern of its lines of progress, beside those that every tool has.
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
    params: Mapping[str, JSON] = attrs.field(factory=dict, converter=frozen_mapping)
    after: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    workdir: str | None = None
    env: Mapping[str, str | Secret] = attrs.field(factory=dict, converter=frozen_mapping)
    setup: str | None = None
    shell: tuple[str, ...] | None = None
    timeout: float | None = None
    idle_timeout: float | None = None
    lease: float | None = None
    retry: Retry = NO_RETRY
    infra_retry: int = 2
    allow_failure: bool = False
    always: bool = False
    success_if: str | None = None
    fail_if: str | None = None
    analyze: bool = True
    tool: str | None = None
    progress: str | None = None
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
    params: Mapping[str, JSON] = attrs.field(factory=dict, converter=frozen_mapping)
    parallel_limit: int = 3
    fail_fast: bool = False
    archive: bool = False
    notify_failure: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    notify_success: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    title: str | None = None
    description: str | None = None
    source: str | None = None
    warnings: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)

    @functools.cached_property
    def names_channels(self) -> bool:
        """Whether it, or a stage of it, names who is told; looked up for each message."""
        owners: tuple[Plan | PlannedStage, ...] = (self, *self.stages)
        return any(one.notify_failure or one.notify_success for one in owners)
