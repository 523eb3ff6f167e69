"""What a pipeline says beside its commands: repetitions, messages, the archive."""

from __future__ import annotations

import attrs

from buildorch.model.values import tuple_of


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


#: One attempt, whatever its end.
NO_RETRY = Retry()


@attrs.frozen
class Notify:
    """Tell a channel: the name of a notifier in the configuration, such as `discord`."""

    channel: str


@attrs.frozen
class Archive:
    """Keep the results of a successful run as one archive."""
