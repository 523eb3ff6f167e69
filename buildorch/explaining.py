"""A plan in words, for `check`: what runs where, how often and how long, and who is told."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

import attrs

from buildorch.duration import exact_duration
from buildorch.errors import UsageError
from buildorch.model import (
    JSON,
    THIS_MACHINE,
    Channel,
    Config,
    Plan,
    PlannedStage,
    Secret,
    Server,
)

#: Lines of a command that are shown.
_LINES = 5
_DEFAULT_SHELL = "bash -e (sh -e where there is no bash)"

#: Topics of messages, in words, and whether they are bad news.
_TOPICS = (
    ("started", "the start, stages done, recovered", False),
    ("failed", "failures, servers out of reach", True),
    ("finished", "the end, when all went well", False),
    ("finished", "the end, when it did not", True),
)


def explain(plan: Plan, config: Config) -> str:
    """Return *plan* in words.

    Args:
        plan: The plan.
        config: The configuration that it was made with.

    Raises:
        UsageError: *config* is something else, such as the path of one.

    Example:
        >>> from buildorch.model import THIS_MACHINE
        >>> a = PlannedStage(name="a", index=0, servers=[THIS_MACHINE], command="make")
        >>> print(explain(Plan(name="p", stages=[a]), Config()))
        p: 1 stage
        <BLANKLINE>
        1. a, on this machine (the default where no server is named)
           make
           in the folder where the run starts, by bash -e (sh -e where there is no bash)
           at most 1 attempt, without a timeout
        <BLANKLINE>
        nobody is told
    """
    if not isinstance(config, Config):
        raise UsageError(f"explain takes a Config, not {config!r}; load_config(PATH) makes one")
    parts = [list(_head(plan)), *(list(_stage(stage, config)) for stage in plan.stages)]
    parts.append(list(_told(plan, config.channels)))
    parts.append([f"warning: {warning}" for warning in plan.warnings])
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _head(plan: Plan) -> Iterator[str]:
    count = len(plan.stages)
    many = f", at most {plan.parallel_limit} at once" if count > 1 else ""
    yield f"{plan.name}: {count} stage{'' if count == 1 else 's'}{many}"
    if plan.description:
        yield plan.description
    for name, value in plan.params.items():
        yield f"{name} = {_value(value)}"
    if plan.fail_fast:
        yield "the first failure cancels what could still go on (fail_fast)"
    if plan.archive:
        yield "the results of a successful run are archived"


def _stage(stage: PlannedStage, config: Config) -> Iterator[str]:
    after = f", after {', '.join(stage.after)}" if stage.after else ""
    yield f"{stage.index + 1}. {stage.name}, {_where(stage.servers[0], config)}{after}"
    yield from (f"   {line}" for line in _what(stage))
    yield f"   {_how(stage)}"
    yield f"   {_how_long(stage)}"
    if len(stage.servers) > 1:
        fallbacks = ", ".join(server.name for server in stage.servers[1:])
        yield f"   if the server cannot be reached: {fallbacks}"
    if stage.always:
        yield "   runs whatever happened before it, also after a cancel (always)"
    if stage.allow_failure:
        yield "   its failure does not fail the run (allow_failure)"
    if stage.lock is not None:
        yield f"   locks {stage.lock} instead of its folder"
    if stage.resources:
        yield f"   has {', '.join(stage.resources)} for itself"
    if stage.artifacts:
        yield f"   collects {', '.join(stage.artifacts)}"


def _where(server: Server, config: Config) -> str:
    if server == attrs.evolve(THIS_MACHINE, workdir=server.workdir, setup=server.setup):
        return "on this machine (the default where no server is named)"
    notes = [server.host] if server.host not in {"", server.name} else []
    if server.backend == "local":
        notes.append("this machine")
    if server.name == config.defaults.server:
        notes.append("the default server")
    elif server.name not in config.servers:
        notes.append("from ssh_config")
    if server.slots == 1:
        notes.append("one stage at once")
    return f"on {server.name}" + (f" ({', '.join(notes)})" if notes else "")


def _what(stage: PlannedStage) -> Iterator[str]:
    if stage.command is None:
        ref = stage.function
        place = f"{ref.module}:{ref.qualname}" if ref is not None else "?"
        params = ", ".join(f"{name}={_value(value)}" for name, value in stage.params.items())
        yield f"the function {place}({params})"
        return
    text = stage.command if isinstance(stage.command, str) else shlex.join(stage.command)
    lines = text.strip().splitlines()
    yield from lines[:_LINES]
    if len(lines) > _LINES:
        yield f"… {len(lines) - _LINES} more lines"


def _how(stage: PlannedStage) -> str:
    local = stage.servers[0].backend == "local"
    home = "the folder where the run starts" if local else "the account's home folder"
    shell = " ".join(stage.shell) if stage.shell else _DEFAULT_SHELL
    by = f"by {shell}" if not isinstance(stage.command, tuple) else "without a shell"
    return f"in {stage.servers[0].workdir or home}, {by}"


def _how_long(stage: PlannedStage) -> str:
    attempts = f"at most {stage.attempts} attempt{'' if stage.attempts == 1 else 's'}"
    if stage.retry.times and stage.retry.on != ("failed",):
        attempts += f" (after {', '.join(stage.retry.on)})"
    each = "each " if stage.attempts > 1 else ""
    limit = f"{each}up to {exact_duration(stage.timeout)}" if stage.timeout else "without a timeout"
    idle = ""
    if stage.idle_timeout:
        idle = f", {exact_duration(stage.idle_timeout)} without progress"
    lease = f", {exact_duration(stage.lease)} without a controller" if stage.lease else ""
    return f"{attempts}, {limit}{idle}{lease}"


def _told(plan: Plan, channels: Mapping[str, Channel]) -> Iterator[str]:
    if not channels:
        yield "nobody is told"
        return
    from buildorch.messages.routing import hearers  # noqa: PLC0415 - only where anybody can be told

    told = [(words, hearers(plan, channels, topic, bad=bad)) for topic, words, bad in _TOPICS]
    if not any(names for _, names in told):
        yield "nobody is told"
        return
    yield from (f"told of {words}: {', '.join(names) or 'nobody'}" for words, names in told)


def _value(value: JSON) -> str:
    if isinstance(value, dict) and "$secret" in value:
        secret = Secret.of(value["$secret"])
        return f"${secret.name}" if secret.source == "environment" else secret.name
    return value if isinstance(value, str) else str(value)
