"""Discord, by a webhook or by a bot's token and the id of a channel."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from buildorch.notifiers.form import Body
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
    attaches = True

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
        self.amends = not self._bot  # a webhook can answer nothing

    def prepare(self, text: str) -> str:
        """Return *text* without mentions, and with markup escaped."""
        return _MARKUP.sub(lambda found: "\\" + found.group(), super().prepare(text))

    def deliver(self, part: str, *, key: str, answers: str | None = None) -> str | None:
        """Post one message."""
        payload: dict[str, Any] = {
            "content": part,
            "allowed_mentions": {"parse": []},
            "flags": _SUPPRESS_EMBEDS,
        }
        if self._bot:  # Discord itself then drops a second one; webhooks have no such thing
            nonce = hashlib.sha256(key.encode()).hexdigest()[:24]
            payload |= {"nonce": nonce, "enforce_nonce": True}
            if answers is not None:
                reference = {"message_id": answers, "fail_if_not_exists": False}
                payload["message_reference"] = reference
        return str(self._call("POST", self._url, payload).field("id"))

    def amend(self, receipt: str, text: str) -> None:
        """Change the text of a message; nobody is told of that."""
        payload = {"content": text, "allowed_mentions": {"parse": []}}
        self._call("PATCH", self._message(receipt), payload)

    def attach(self, receipt: str, name: str, text: str) -> None:
        """Add a file to a message."""
        about = json.dumps({"attachments": [{"id": 0, "filename": name}]})
        body = Body.form({"payload_json": about}, "files[0]", name, text.encode())
        self._call("PATCH", self._message(receipt), body)

    def _message(self, receipt: str) -> str:
        """Return the address of a message."""
        parts = urlsplit(self._url)
        between = "" if self._bot else "/messages"
        query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] != "wait"])
        path = f"{parts.path.rstrip('/')}{between}/{receipt}"
        return urlunsplit(parts._replace(path=path, query=query))

    def _call(self, method: str, url: str, payload: Mapping[str, Any] | Body) -> Reply:
        reply = post(
            url,
            payload,
            self._headers,
            connect=self.seconds / 3,
            answer=self.seconds / 2,
            method=method,
        )
        self._judge(reply)
        return reply

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
