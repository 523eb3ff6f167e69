"""What follows a run's end: `on_failure` and `on_success` in their normal form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from buildorch.definitions import Pipeline, Reaction
from buildorch.model import Archive, Config, Notify, Retry
from buildorch.names import nearest, quoted
from buildorch.planner.findings import Findings
from buildorch.planner.options import check_retry


@attrs.frozen
class Policy:
    """What `on_failure` and `on_success` come to; the order in which they were written is gone.

    Attributes:
        retry: The pipeline's retry, as it was written; None where it has none.
        notify_failure: Channels told of failures.
        notify_success: Channels told of successes.
        archive: Whether the results of a successful run are archived.
    """

    retry: Retry | None = None
    notify_failure: tuple[str, ...] = ()
    notify_success: tuple[str, ...] = ()
    archive: bool = False


def policy_of(pipeline: Pipeline, config: Config, findings: Findings) -> Policy:
    """Return the policy of *pipeline*; what is misplaced, given twice or unknown is noted."""
    failure, success = pipeline.on_failure, pipeline.on_success
    retries = _only(Retry, failure) + ([] if pipeline.retry is None else [pipeline.retry])
    policy = Policy(
        retry=retries[0] if retries else None,
        notify_failure=_channels(failure),
        notify_success=_channels(success),
        archive=any(isinstance(one, Archive) for one in success),
    )
    if len(retries) > 1:
        _add(findings, pipeline, "retry is given twice; keep one")
    for one in success:
        if isinstance(one, Retry):
            _add(findings, pipeline, "retry under on_success means nothing; put it in on_failure")
    for one in failure:
        if isinstance(one, Archive):
            _add(findings, pipeline, "archive under on_failure means nothing; put it in on_success")
    _check(pipeline, "on_failure", failure, findings)
    _check(pipeline, "on_success", success, findings)
    for channel in dict.fromkeys(policy.notify_failure + policy.notify_success):
        _warn_of_channel(channel, config, findings)
    return policy


def _only(kind: type[Retry], reactions: Iterable[Reaction]) -> list[Retry]:
    return [one for one in reactions if isinstance(one, kind)]


def _channels(reactions: Sequence[Reaction]) -> tuple[str, ...]:
    names = (one.channel for one in reactions if isinstance(one, Notify))
    return tuple(dict.fromkeys(names))


def _check(pipeline: Pipeline, where: str, reactions: Sequence[object], findings: Findings) -> None:
    seen: list[object] = []
    for one in reactions:
        if not isinstance(one, Retry | Notify | Archive):
            shown = quoted(repr(one))[1:-1]
            message = f"{where}: {shown} is none of Retry(n), Notify(channel), Archive()"
            _add(findings, pipeline, message)
        elif isinstance(one, Retry):
            _check_retry(pipeline, where, one, findings)
        elif one in seen:
            called = f"notify {one.channel!r}" if isinstance(one, Notify) else "archive"
            _add(findings, pipeline, f"{where}: duplicate {called}; keep one")
        seen.append(one)


def _check_retry(pipeline: Pipeline, where: str, value: Retry, findings: Findings) -> None:
    try:
        check_retry(value)
    except (TypeError, ValueError) as error:
        _add(findings, pipeline, f"{where}: retry: {error}")


def _warn_of_channel(channel: str, config: Config, findings: Findings) -> None:
    if channel not in config.channels:
        near = nearest(channel, config.channels)
        did_you_mean = f" (did you mean {near!r}?)" if near else ""
        place = config.file or "the configuration"
        findings.warn(
            f"notifier {quoted(channel)} is not configured{did_you_mean}: nobody is told there; "
            f"add it under notifications in {place}"
        )
    elif not config.channels[channel].enabled:
        findings.warn(f"notifier {quoted(channel)} is disabled: nobody is told there")


def _add(findings: Findings, pipeline: Pipeline, message: str) -> None:
    findings.add(f"pipeline {pipeline.name!r}: {message}", pipeline.origin)
