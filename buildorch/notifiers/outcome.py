"""How one try to send a message ended, as a value that crosses threads and processes."""

from __future__ import annotations

import attrs

from buildorch.errors import NotifyError


@attrs.frozen
class Outcome:
    """The end of one try.

    Attributes:
        message: What went wrong; None where the service took the message.
        retry_after: Seconds after which trying again is safe, else None.
        gone: Whether the channel will take no other message either.
        receipt: The service's id of the message that it took, where it names one.
    """

    message: str | None
    retry_after: float | None = None
    gone: bool = False
    receipt: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the service took the message."""
        return self.message is None

    @classmethod
    def of(cls, error: Exception) -> Outcome:
        """Return the outcome that *error* means."""
        if isinstance(error, NotifyError):
            return cls(str(error), error.retry_after, error.gone)
        return cls(f"{type(error).__name__}: {error}")


#: The service took the message.
TAKEN = Outcome(None)
