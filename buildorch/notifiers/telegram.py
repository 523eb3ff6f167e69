"""Telegram, by a bot's token and the id of a chat; plain text, so that nothing is misread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from buildorch.notifiers.form import Body
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
    attaches = True

    def __init__(self, options: Mapping[str, str], seconds: float = 30.0) -> None:
        super().__init__(seconds)
        self._url = f"{options.get('api', API).rstrip('/')}/bot{options['token']}"
        self._chat: dict[str, Any] = {"chat_id": options["chat_id"]}
        if "thread" in options:
            self._chat["message_thread_id"] = options["thread"]

    def deliver(self, part: str, *, key: str, answers: str | None = None) -> str | None:  # noqa: ARG002 - Telegram has no such key
        """Post one message."""
        payload = {**self._chat, "text": part, "link_preview_options": {"is_disabled": True}}
        if answers is not None:
            payload["reply_parameters"] = _reply_to(answers)
        result = self._call("sendMessage", payload).field("result")
        number = result.get("message_id") if isinstance(result, dict) else None
        return None if number is None else str(number)

    def attach(self, receipt: str, name: str, text: str) -> None:
        """Post a file as an answer to a message."""
        fields = {key: str(value) for key, value in self._chat.items()}
        fields |= {"reply_parameters": json.dumps(_reply_to(receipt)), "disable_notification": "1"}
        self._call("sendDocument", Body.form(fields, "document", name, text.encode()))

    def _call(self, method: str, payload: Mapping[str, Any] | Body) -> Reply:
        url = f"{self._url}/{method}"
        reply = post(url, payload, {}, connect=self.seconds / 3, answer=self.seconds / 2)
        self._judge(reply)
        return reply

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


def _reply_to(receipt: str) -> dict[str, Any]:
    """Return how a message is answered; one that is gone by now is no reason to say nothing."""
    number: int | str = int(receipt) if receipt.isdecimal() else receipt
    return {"message_id": number, "allow_sending_without_reply": True}
