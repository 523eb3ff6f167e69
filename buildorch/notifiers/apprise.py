"""Everything that Apprise speaks: e-mail, Slack, Matrix, Teams and a hundred more."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from buildorch.errors import NotifyError
from buildorch.notifiers.service import Service

#: What to do where Apprise is not installed.
INSTALL = "Apprise is not installed; run: pip install 'buildorch[apprise]'"


class Apprise(Service):
    """A service by its Apprise URL.

    Args:
        options: `url`, as Apprise writes it.
        seconds: How long one message may take; kept by whoever runs this, since Apprise cannot.
    """

    #: Services differ; this one fits nearly all, and nothing of ours is longer.
    limit = 2000

    def __init__(self, options: Mapping[str, str], seconds: float = 30.0) -> None:
        super().__init__(seconds)
        self._url = options["url"]

    def deliver(self, part: str, *, key: str, answers: str | None = None) -> None:  # noqa: ARG002 - Apprise has no such keys, and answers nothing
        """Send one message."""
        try:
            import apprise  # noqa: PLC0415 - an extra, and heavy
        except ImportError as error:
            raise NotifyError(INSTALL, gone=True) from error
        service = apprise.Apprise()
        if not service.add(self._url):
            raise NotifyError("Apprise does not understand the url", gone=True)
        heard = _Heard()
        logger = logging.getLogger("apprise")
        logger.addHandler(heard)
        try:
            sent = service.notify(body=part, body_format=apprise.NotifyFormat.TEXT)
        finally:
            logger.removeHandler(heard)
        if not sent:
            raise NotifyError(f"Apprise could not send: {heard.last}")


class _Heard(logging.Handler):
    """Keeps the last warning: Apprise returns no reasons, it logs them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = "it gave no reason"

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()
