"""What is wrong with a configured channel, in sentences for `check` and `doctor`."""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from buildorch.model import Channel
from buildorch.notifiers.apprise import INSTALL
from buildorch.notifiers.http import LOOPBACK
from buildorch.notifiers.settings import OPTIONS, Settings, resolve, variable

#: Where OpenClaw finds a Discord channel or person.
_DISCORD_TARGET = re.compile(r"(channel|user):\d+")


def problems(channel: Channel, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return what keeps messages from arriving, or will; empty for a disabled channel.

    Nothing is contacted. None of these is a reason not to build.

    Args:
        channel: The channel, as configured.
        environ: The environment; the process's own where it is None.

    Example:
        >>> from buildorch.model import Channel
        >>> for sentence in problems(Channel(name="alerts", via="telegram"), {}):
        ...     print(sentence)
        alerts: has no `token`; set BUILDORCH_ALERTS_TOKEN to the bot's token
        alerts: has no `chat_id`; write the id of the chat
    """
    if not channel.enabled:
        return []
    environment = os.environ if environ is None else environ
    settings = resolve(channel, environment)
    if settings.kind not in OPTIONS:
        return [f"{channel.name}: `via: {settings.kind}` is none of {', '.join(OPTIONS)}"]
    found = [*lacking(settings), *_odd(settings, environment)]
    return [f"{channel.name}: {sentence}" for sentence in found]


def lacking(settings: Settings) -> list[str]:
    """Return what a channel needs and does not have; without it nothing can be sent."""
    sentences = [f"its `{option}` comes from {why}" for option, why in settings.unset.items()]
    needed = _NEEDED[settings.kind]
    if settings.kind == "discord" and "webhook" not in settings.options:
        needed = _BOT if "token" in settings.options else _WEBHOOK
    missing = (name for name in needed if name not in {**settings.options, **settings.unset})
    return sentences + [
        f"has no `{name}`; {needed[name].format(variable(settings.name, name))}" for name in missing
    ]


_WEBHOOK = {"webhook": "set {} to the webhook's URL"}
_BOT = {"target": "write `target: channel:ID`, the id of the channel"}
_NEEDED: Mapping[str, Mapping[str, str]] = {
    "discord": {},
    "telegram": {
        "token": "set {} to the bot's token",
        "chat_id": "write the id of the chat",
    },
    "openclaw": {
        "channel": "write which of OpenClaw's channels sends, such as `channel: discord`",
        "target": "write whom it tells, such as `target: channel:ID`",
    },
    "apprise": {"url": "set {} to the service's Apprise URL"},
}


def _odd(settings: Settings, environ: Mapping[str, str]) -> Iterator[str]:
    options = OPTIONS[settings.kind]
    for name in settings.unknown:
        near = difflib.get_close_matches(name, options, 1)
        hint = f"; did you mean `{near[0]}`?" if near else f"; {settings.kind} takes {options}"
        yield f"has an unknown option `{name}`{hint}"
    for name in settings.plain:
        yield (
            f"its `{name}` stands in the configuration for everybody to read; set "
            f"{variable(settings.name, name)} instead"
        )
    yield from _ODD[settings.kind](settings, environ)


def _odd_discord(settings: Settings, _: Mapping[str, str]) -> Iterator[str]:
    if "webhook" in settings.options:
        yield from _odd_address(settings.options["webhook"], "webhook")
    elif not settings.options.get("target", "channel:0").startswith("channel:"):
        yield "its `target` is no channel; a bot writes to `channel:ID`"


def _odd_telegram(settings: Settings, _: Mapping[str, str]) -> Iterator[str]:
    if "api" in settings.options:
        yield from _odd_address(settings.options["api"], "api")


def _odd_openclaw(settings: Settings, environ: Mapping[str, str]) -> Iterator[str]:
    options = settings.options
    target = options.get("target", "")
    if options.get("channel") == "discord" and target and not _DISCORD_TARGET.fullmatch(target):
        yield (
            f"its `target` {target!r} is a name; OpenClaw finds `channel:ID` and `user:ID` (in "
            "Discord: developer mode, then Copy Channel ID)"
        )
    if "url" in options:
        yield from _odd_address(options["url"], "url")
    program = options.get("command", "openclaw")
    if "token" not in options and shutil.which(program, path=environ.get("PATH", "")) is None:
        yield (
            "it is sent through OpenClaw, but OPENCLAW_GATEWAY_TOKEN is not set and there is no "
            f"command {program!r}"
        )


def _odd_apprise(settings: Settings, _: Mapping[str, str]) -> Iterator[str]:
    if importlib.util.find_spec("apprise") is None:
        yield INSTALL
    if "://" not in settings.options.get("url", "://"):
        yield "its `url` is no Apprise URL, such as slack://..."


def _odd_address(url: str, option: str) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        yield f"its `{option}` is no address; it begins with https:// and a host"
    elif parts.scheme == "http" and parts.hostname not in LOOPBACK:
        yield f"its `{option}` is not https, so that the token in it can be read on the way"


_ODD = {
    "discord": _odd_discord,
    "telegram": _odd_telegram,
    "openclaw": _odd_openclaw,
    "apprise": _odd_apprise,
}
