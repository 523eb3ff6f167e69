"""What a pipeline says beside its commands: repetitions, messages, the archive."""

from __future__ import annotations

import attrs

from buildorch.model.values import tuple_of

#: Ends of an attempt that a retry may cover.
OUTCOMES = ("failed", "timed_out", "no_space", "lost")

#: Causes of a failure that it may cover.
CAUSES = ("network", "board", "oom")

#: All of them.
RETRIED = (*OUTCOMES, *CAUSES)


@attrs.frozen
class Retry:
    """How often a stage is tried again after its first attempt.

    Attributes:
        times: Extra attempts.
        on: Outcomes and causes that are tried again, of `RETRIED`. A cause is what the log says:
            a build that fails for want of the network is tried again with `network` listed, one
            that does not compile is not.

    Example:
        >>> Retry(1).times
        1
    """

    times: int = 0
    on: tuple[str, ...] = attrs.field(default=("failed",), converter=tuple_of)


#: One attempt, whatever its end.
NO_RETRY = Retry()


@attrs.frozen
class Notify:
    """Tell a channel: the name of a notifier in the configuration, such as `discord`."""

    channel: str


@attrs.frozen
class Archive:
    """Keep the results of a successful run as one archive."""
