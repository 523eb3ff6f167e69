"""What a configured channel means: which service sends, with which options, and what is wrong.

A token has no place in a file that is shared, so every option may come from the environment:
`BUILDORCH_DISCORD_WEBHOOK` is the `webhook` of the channel `discord`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import attrs

from buildorch.errors import UsageError
from buildorch.model import Channel, Secret
from buildorch.secret_sources import look_up

#: The options of each service, by their names here.
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "discord": ("webhook", "token", "target", "api", "log"),
    "telegram": ("token", "chat_id", "thread", "api", "log"),
    "openclaw": ("channel", "target", "url", "token", "account", "thread", "command"),
    "apprise": ("url",),
}

#: Other names of them.
_ALIASES: Mapping[str, Mapping[str, str]] = {
    "discord": {
        "webhook_url": "webhook",
        "url": "webhook",
        "bot_token": "token",
        "channel_id": "target",
        "channel": "target",
    },
    "telegram": {"bot_token": "token", "target": "chat_id", "thread_id": "thread"},
    "openclaw": {"chat_id": "target", "channel_id": "target", "gateway": "url"},
    "apprise": {"urls": "url"},
}

#: Options whose values nobody else may see.
_CONFIDENTIAL = frozenset({"webhook", "token", "url"})

#: How YAML writes that something is not wanted.
_NO = frozenset({"false", "no", "off"})

#: Options that make a channel of that name send by itself, without OpenClaw.
_OWN_ACCESS: Mapping[str, frozenset[str]] = {
    "discord": frozenset({"webhook", "webhook_url", "url", "token", "bot_token"}),
    "telegram": frozenset({"token", "bot_token"}),
}


@attrs.frozen
class Settings:
    """A channel with everything resolved.

    Attributes:
        name: What pipelines call it.
        kind: Which service sends; a key of `OPTIONS`, unless the configuration is wrong.
        options: Its options by their names here.
        confidential: Values that must not be seen.
        unset: Options whose secret is not there, with why.
        plain: Confidential options that stand in the configuration as text.
        unknown: Options that the service does not have.
    """

    name: str
    kind: str
    options: Mapping[str, str] = attrs.field(repr=False)
    confidential: tuple[str, ...] = attrs.field(repr=False, default=())
    unset: Mapping[str, str] = attrs.field(factory=dict)
    plain: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def bare(self) -> bool:
        """Whether no log is to be attached."""
        return self.options.get("log", "").lower() in _NO


def variable(channel: str, option: str) -> str:
    """Return the environment variable that may hold an option of a channel.

    Example:
        >>> variable("discord", "webhook")
        'BUILDORCH_DISCORD_WEBHOOK'
    """
    return re.sub(r"\W", "_", f"BUILDORCH_{channel}_{option}".upper())


def resolve(channel: Channel, environ: Mapping[str, str]) -> Settings:
    """Return *channel* with its service decided and its options looked up.

    Args:
        channel: The channel, as configured.
        environ: The environment.
    """
    kind = _kind(channel, environ)
    given = {**_from_environment(channel.name, kind, environ), **channel.options}
    aliases = _ALIASES.get(kind, {})
    named = {aliases.get(name, name): value for name, value in given.items()}
    missing: dict[str, str] = {}
    values = {name: _value(name, value, environ, missing) for name, value in named.items()}
    options = {name: value for name, value in values.items() if value}
    written = {aliases.get(name, name) for name, value in channel.options.items() if _text(value)}
    return Settings(
        channel.name,
        kind,
        _completed(channel.name, kind, options),
        confidential=tuple(
            text
            for name, value in named.items()
            if name in options and (name in _CONFIDENTIAL or isinstance(value, Secret))
            for text in _whole_and_token(options[name])
        ),
        unset=missing,
        plain=tuple(sorted(written & {"webhook", "token"})),
        unknown=tuple(name for name in options if name not in OPTIONS.get(kind, options)),
    )


def _kind(channel: Channel, environ: Mapping[str, str]) -> str:
    """Return which service sends; without a token of its own a channel goes through OpenClaw."""
    if channel.via is not None:
        return channel.via
    if channel.name in _OWN_ACCESS:
        access = _OWN_ACCESS[channel.name]
        if "target" in channel.options:
            access = access - {"url"}  # it is the address of OpenClaw's gateway then
        own = access.intersection(channel.options) or any(
            variable(channel.name, option) in environ for option in access
        )
        return channel.name if own else "openclaw"
    has_url = not {"url", "urls"}.isdisjoint(channel.options)
    return "apprise" if channel.name != "openclaw" and has_url else "openclaw"


def _from_environment(name: str, kind: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the options that the environment holds; the channel's own variables win."""
    owners = ["openclaw", name] if kind == "openclaw" else [name]
    found = {
        option: environ[variable(owner, option)]
        for owner in owners
        for option in (*OPTIONS.get(kind, ()), *_ALIASES.get(kind, ()))
        if variable(owner, option) in environ
    }
    if kind == "openclaw" and "OPENCLAW_GATEWAY_TOKEN" in environ:
        found.setdefault("token", environ["OPENCLAW_GATEWAY_TOKEN"])
    return found


def _value(
    name: str, value: str | Secret, environ: Mapping[str, str], missing: dict[str, str]
) -> str:
    """Return the value of an option; empty, and noted in *missing*, where its secret is not."""
    if not isinstance(value, Secret):
        return value
    if value.source == "environment":
        if not environ.get(value.name):
            missing[name] = f"the environment variable {value.name}, which is not set"
        return environ.get(value.name, "")
    try:
        return look_up(value, environ)
    except UsageError as error:
        missing[name] = f"the {value.name}, which {error}"
        return ""


def _whole_and_token(value: str) -> tuple[str, ...]:
    """Return *value*, and the last part of its path where it is an address: often a token."""
    return (value, urlsplit(value).path.rpartition("/")[2]) if "://" in value else (value,)


def _text(value: str | Secret) -> bool:
    return not isinstance(value, Secret)


def _completed(name: str, kind: str, options: Mapping[str, str]) -> dict[str, str]:
    """Return *options* with what follows from the channel's name and its target's form."""
    full = dict(options)
    target = full.get("target", "")
    if kind == "openclaw":
        service, separator, rest = target.partition(":")
        if separator and ":" in rest and "channel" not in full:
            full |= {"channel": service, "target": rest}  # discord:channel:123
        if name != "openclaw":
            full.setdefault("channel", name)
    bare = full.get("target", "")
    if (kind == "discord" or full.get("channel") == "discord") and bare.isdecimal():
        full["target"] = f"channel:{bare}"
    return full
