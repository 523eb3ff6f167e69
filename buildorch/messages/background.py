"""What is known of a run beside its own events, for its messages: values that others look up."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs


@attrs.frozen
class Before:
    """How the last run of the same pipeline with the same parameters ended, where it failed.

    Attributes:
        run: What people call it.
        failed: What its failed stages said, by name.
    """

    run: str
    failed: Mapping[str, str] = attrs.field(factory=dict)


def _nothing() -> Before | None:
    return None


@attrs.frozen
class Background:
    """What is known of a run beside its own events.

    Attributes:
        run: What people call it; its id where this is empty.
        usual: Seconds that such runs usually take.
        due: The time of day at which it is usually done, in words.
        before: Returns how the last such run ended, where it failed; asked once, at the end.
    """

    run: str = ""
    usual: float | None = None
    due: str = ""
    before: Callable[[], Before | None] = _nothing


#: Of a run of which nothing else is known.
NO_BACKGROUND = Background()
