"""Makes the notifier of a channel: the one place that knows the services by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from buildorch.errors import NotifyError
from buildorch.model import Channel
from buildorch.notifiers.apprise import Apprise
from buildorch.notifiers.check import lacking
from buildorch.notifiers.discord import Discord
from buildorch.notifiers.openclaw import OpenClaw
from buildorch.notifiers.service import Service
from buildorch.notifiers.settings import Settings, resolve
from buildorch.notifiers.telegram import Telegram
from buildorch.ports import Notifier

_SERVICES: Mapping[str, Callable[[Mapping[str, str], float], Service]] = {
    "apprise": Apprise,
    "discord": Discord,
    "openclaw": OpenClaw,
    "telegram": Telegram,
}


def make_notifier(channel: Channel, environ: Mapping[str, str]) -> Notifier:
    """Return a notifier that sends to *channel* from this process.

    `Delivery` is what a run uses; this is for trying a channel out.

    Args:
        channel: The channel, as configured.
        environ: The environment, where tokens come from.

    Raises:
        NotifyError: The configuration lacks something.
    """
    return make_service(resolve(channel, environ))


def make_service(settings: Settings, seconds: float = 30.0) -> Service:
    """Return the service that sends with *settings*.

    Args:
        settings: The channel, resolved.
        seconds: How long one request may take.

    Raises:
        NotifyError: The configuration lacks something.
    """
    if settings.kind not in _SERVICES:
        raise NotifyError(f"`via: {settings.kind}` is none of {', '.join(_SERVICES)}", gone=True)
    missing = lacking(settings)
    if missing:
        raise NotifyError("; ".join(missing), gone=True)
    return _SERVICES[settings.kind](settings.options, seconds)
