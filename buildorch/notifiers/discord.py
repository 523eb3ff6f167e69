"""Discord, by a webhook or by a bot's token and the id of a channel."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from buildorch.notifiers.http import Reply, post
from buildorch.notifiers.service import Service, refused

API = "https://discord.com/api/v10"

#: Do not unfold links: a build's message is read on a phone.
_SUPPRESS_EMBEDS = 4

#: What Discord would take for markup: `__init__` came out underlined, without its underscores.
_MARKUP = re.compile(r"[\\*~`|]|(?<![^\W_])_|_(?![^\W_])|^(?:#{1,3} |>|-# )", re.MULTILINE)


class Discord(Service):
    """A Discord channel.

    Args:
        options: `webhook` (its URL), or `token` and `target` (`channel:ID`); `api` for another
            address of the API.
        seconds: How long one request may take in all.
    """

    limit = 2000

    def __init__(self, options: Mapping[str, str], seconds: float = 30.0) -> None:
        super().__init__(seconds)
        self._bot = "webhook" not in options
        if self._bot:
            channel = options["target"].removeprefix("channel:")
            self._url = f"{options.get('api', API).rstrip('/')}/channels/{channel}/messages"
            self._headers = {"Authorization": f"Bot {options['token']}"}
        else:
            self._url = _waiting(options["webhook"])
            self._headers = {}

    def prepare(self, text: str) -> str:
        """Return *text* without mentions, and with markup escaped."""
        return _MARKUP.sub(lambda found: "\\" + found.group(), super().prepare(text))

    def deliver(self, part: str, *, key: str) -> None:
        """Post one message."""
        payload: dict[str, Any] = {
            "content": part,
            "allowed_mentions": {"parse": []},
            "flags": _SUPPRESS_EMBEDS,
        }
        if self._bot:  # Discord itself then drops a second one; webhooks have no such thing
            nonce = hashlib.sha256(key.encode()).hexdigest()[:24]
            payload |= {"nonce": nonce, "enforce_nonce": True}
        reply = post(
            self._url, payload, self._headers, connect=self.seconds / 3, answer=self.seconds / 2
        )
        self._judge(reply)

    def _judge(self, reply: Reply) -> None:
        if reply.status in (200, 201) and reply.field("id"):
            return
        advice = (
            "check the bot's token and that it may write in the channel"
            if self._bot
            else "make a new webhook in the channel's settings and put its URL in"
        )
        words = reply.field("message")
        if reply.status in (200, 201, 204) and not words:
            words = "an answer that is not Discord's; is the address right?"
        raise refused(reply, words, advice, told=reply.field("retry_after"))


def _waiting(webhook: str) -> str:
    """Return the webhook's URL with `wait=true`: else a message that was lost gives no error."""
    parts = urlsplit(webhook)
    query = {**dict(parse_qsl(parts.query)), "wait": "true"}
    return urlunsplit(parts._replace(query=urlencode(query)))
