"""Telegram, by a bot's token and the id of a chat; plain text, so that nothing is misread."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from buildorch.notifiers.http import Reply, post
from buildorch.notifiers.service import Service, refused

API = "https://api.telegram.org"


class Telegram(Service):
    """A Telegram chat.

    Args:
        options: `token` and `chat_id`; `thread` for a topic of a group, `api` for another address
            of the API.
        seconds: How long one request may take in all.
    """

    limit = 4096

    def __init__(self, options: Mapping[str, str], seconds: float = 30.0) -> None:
        super().__init__(seconds)
        self._url = f"{options.get('api', API).rstrip('/')}/bot{options['token']}/sendMessage"
        self._chat: dict[str, Any] = {"chat_id": options["chat_id"]}
        if "thread" in options:
            self._chat["message_thread_id"] = options["thread"]

    def deliver(self, part: str, *, key: str) -> None:  # noqa: ARG002 - Telegram has no such key
        """Post one message."""
        payload = {**self._chat, "text": part, "link_preview_options": {"is_disabled": True}}
        reply = post(self._url, payload, {}, connect=self.seconds / 3, answer=self.seconds / 2)
        self._judge(reply)

    def _judge(self, reply: Reply) -> None:
        if reply.field("ok") is True:
            return
        words = reply.field("description")
        if reply.status == HTTPStatus.OK and not words:
            words = "an answer that is not Telegram's; is the address right?"
        parameters = reply.field("parameters")
        told = parameters.get("retry_after") if isinstance(parameters, dict) else None
        advice = "check the bot's token, and that the bot is in the chat"
        raise refused(reply, words, advice, told=told)
