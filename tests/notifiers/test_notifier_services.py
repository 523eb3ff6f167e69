from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest
from notifiers.chat_server import Answer, chat_server, closed_port

from buildorch.errors import NotifyError
from buildorch.notifiers.discord import Discord
from buildorch.notifiers.service import Service
from buildorch.notifiers.telegram import Telegram

TOKEN = "123456:secret-token-value"  # noqa: S105 - nobody's

Make: TypeAlias = Callable[..., Service]


def webhook(url: str, seconds: float = 30.0) -> Discord:
    return Discord({"webhook": f"{url}/api/webhooks/1/hook-secret?thread_id=7"}, seconds)


def bot(url: str, seconds: float = 30.0) -> Discord:
    return Discord({"token": TOKEN, "target": "channel:42", "api": url}, seconds)


def telegram(url: str, seconds: float = 30.0) -> Telegram:
    return Telegram({"token": TOKEN, "chat_id": "100200300", "api": url}, seconds)


def refusal(service: Service, text: str = "hello") -> NotifyError:
    with pytest.raises(NotifyError) as caught:
        service.send(text, key="k")
    return caught.value


def test_a_webhook_is_asked_to_wait_and_may_ping_nobody() -> None:
    """`wait=true` makes Discord report a lost message; no mention is parsed."""
    with chat_server() as server:
        webhook(server.url).send("done @everyone", key="k")
    request = server.requests[0]
    assert request.path == "/api/webhooks/1/hook-secret?thread_id=7&wait=true"
    assert request.json == {
        "content": "done @\u200beveryone",
        "allowed_mentions": {"parse": []},
        "flags": 4,
    }


def test_a_bot_writes_to_its_channel_with_a_nonce() -> None:
    """The same message has the same nonce, so that Discord drops the second; others differ."""
    with chat_server() as server:
        bot(server.url).send("one", key="a")
        bot(server.url).send("one", key="a")
        bot(server.url).send("one", key="b")
    first, again, other = server.requests
    assert first.path == "/channels/42/messages"
    assert first.headers["authorization"] == f"Bot {TOKEN}"
    assert first.json["enforce_nonce"] is True
    assert first.json["nonce"] == again.json["nonce"] != other.json["nonce"]
    assert len(first.json["nonce"]) <= 25


def test_telegram_gets_plain_text() -> None:
    """Without a parse mode an odd underscore cannot make Telegram refuse the message."""
    with chat_server() as server:
        telegram(server.url).send("a_b *c", key="k")
    request = server.requests[0]
    assert request.path == f"/bot{TOKEN}/sendMessage"
    assert request.json == {
        "chat_id": "100200300",
        "text": "a_b *c",
        "link_preview_options": {"is_disabled": True},
    }


@pytest.mark.parametrize(("make", "limit"), [(webhook, 2000), (telegram, 4096)])
def test_long_texts_come_in_order_and_within_the_limit(make: Make, limit: int) -> None:
    """A text over the service's limit arrives whole, in parts."""
    lines = [f"line {number} 한🚀" for number in range(1000)]
    with chat_server() as server:
        make(server.url).send("\n".join(lines), key="k")
    texts = [request.json.get("content") or request.json["text"] for request in server.requests]
    assert len(texts) > 2
    assert all(len(text.encode("utf-16-le")) // 2 <= limit for text in texts)
    assert "\n".join(texts).splitlines() == lines


@pytest.mark.parametrize(
    ("make", "answer", "retry_after"),
    [
        (webhook, Answer(429, {"retry_after": 0.7}, {"Retry-After": "9"}), 0.7),
        (webhook, Answer(429, {}, {"Retry-After": "3"}), 3.0),
        (webhook, Answer(429, b"slow down"), 1.0),
        (telegram, Answer(429, {"ok": False, "parameters": {"retry_after": 5}}), 5.0),
        (telegram, Answer(502, b"<html>"), 1.0),
        (bot, Answer(500, {"message": "oops"}), 1.0),
    ],
)
def test_an_answer_that_says_later_is_obeyed(
    make: Make, answer: Answer, retry_after: float
) -> None:
    """Too many requests and faults of the server are repeated after the time that it names."""
    with chat_server(answer) as server:
        error = refusal(make(server.url))
    assert error.retry_after == retry_after
    assert not error.gone


@pytest.mark.parametrize(
    ("make", "answer", "words"),
    [
        (webhook, Answer(404, {"message": "Unknown Webhook"}), "HTTP 404: Unknown Webhook"),
        (bot, Answer(401, {"message": "401: Unauthorized"}), "check the bot's token"),
        (telegram, Answer(403, {"description": "Forbidden: kicked"}), "Forbidden: kicked"),
    ],
)
def test_a_refusal_that_stays_closes_the_channel(make: Make, answer: Answer, words: str) -> None:
    """A wrong token and a webhook that is gone are never asked again, and say what to do."""
    with chat_server(answer) as server:
        error = refusal(make(server.url))
    assert error.gone
    assert error.retry_after is None
    assert words in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>log in to the hotel's network</html>"),
        Answer(200, {}),
        Answer(204, b""),
        Answer(400, {"message": "Invalid Form Body", "description": "Bad Request"}),
        Answer(302, b"", {"Location": "/elsewhere"}),
        Answer(cut=True),
    ],
)
@pytest.mark.parametrize("make", [webhook, bot, telegram])
def test_garbage_is_no_success_and_is_not_repeated(make: Make, answer: Answer) -> None:
    """Only the service's own answer counts; after another one the message may have arrived."""
    with chat_server(answer) as server:
        error = refusal(make(server.url))
    assert error.retry_after is None
    assert len(server.requests) == 1


@pytest.mark.parametrize("make", [webhook, bot, telegram])
def test_a_hanging_answer_is_not_waited_for(make: Make) -> None:
    """A message whose answer does not come may have arrived: it is not sent again."""
    with chat_server(Answer(hang=True)) as server:
        error = refusal(make(server.url, 0.4))
    assert str(error) == "no whole answer (timed out); not sent again, since it may have arrived"
    assert error.retry_after is None


@pytest.mark.parametrize("make", [webhook, bot, telegram])
def test_what_cannot_be_reached_is_tried_again(make: Make) -> None:
    """Without a connection nothing was delivered."""
    error = refusal(make(closed_port()))
    assert str(error) == "cannot be reached: Connection refused"
    assert error.retry_after is not None


@pytest.mark.parametrize("make", [webhook, bot, telegram])
@pytest.mark.parametrize("answer", [Answer(404, {}), Answer(200, b"?"), Answer(cut=True)])
def test_errors_hold_no_token(make: Make, answer: Answer) -> None:
    """Tokens and addresses are in no error, whatever went wrong."""
    with chat_server(answer) as server:
        error = refusal(make(server.url))
    assert "secret" not in str(error)
    assert server.url not in str(error)
