from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from notifiers.chat_server import chat_server, fake_openclaw

from buildorch.errors import NotifyError
from buildorch.model import Channel, Secret
from buildorch.notifiers import make_notifier, problems
from buildorch.notifiers.settings import resolve

DISCORD = Channel(name="discord", options={"target": "build_channel"})
TELEGRAM = Channel(name="telegram", options={"chat_id": "100200300"})


@pytest.mark.parametrize(
    ("channel", "environ", "kind", "options"),
    [
        (DISCORD, {}, "openclaw", {"channel": "discord", "target": "build_channel"}),
        (TELEGRAM, {}, "openclaw", {"channel": "telegram", "target": "100200300"}),
        (
            DISCORD,
            {"BUILDORCH_DISCORD_WEBHOOK": "https://d/w"},
            "discord",
            {"target": "build_channel", "webhook": "https://d/w"},
        ),
        (
            TELEGRAM,
            {"BUILDORCH_TELEGRAM_TOKEN": "1:a"},
            "telegram",
            {"chat_id": "100200300", "token": "1:a"},
        ),
        (
            Channel(name="discord", options={"webhook_url": Secret("HOOK")}),
            {"HOOK": "https://d/w"},
            "discord",
            {"webhook": "https://d/w"},
        ),
        (
            Channel(name="discord", options={"token": Secret("T"), "channel_id": "42"}),
            {"T": "t"},
            "discord",
            {"token": "t", "target": "channel:42"},
        ),
        (
            Channel(name="discord", options={"target": "42", "url": "http://127.0.0.1:1"}),
            {"OPENCLAW_GATEWAY_TOKEN": "g", "BUILDORCH_OPENCLAW_ACCOUNT": "a"},
            "openclaw",
            {
                "channel": "discord",
                "target": "channel:42",
                "url": "http://127.0.0.1:1",
                "token": "g",
                "account": "a",
            },
        ),
        (
            Channel(name="openclaw", options={"target": "discord:channel:42"}),
            {},
            "openclaw",
            {"channel": "discord", "target": "channel:42"},
        ),
        (Channel(name="team", options={"url": "slack://x"}), {}, "apprise", {"url": "slack://x"}),
        (
            Channel(name="team", via="telegram", options={"chat_id": "1"}),
            {"BUILDORCH_TEAM_TOKEN": "t"},
            "telegram",
            {"chat_id": "1", "token": "t"},
        ),
    ],
)
def test_a_channel_sends_by_itself_where_it_has_access_else_through_openclaw(
    channel: Channel, environ: Mapping[str, str], kind: str, options: Mapping[str, str]
) -> None:
    """A token or webhook, in the configuration or the environment, makes it direct."""
    settings = resolve(channel, environ)
    assert (settings.kind, settings.options) == (kind, options)


@pytest.mark.parametrize(
    ("channel", "environ", "sentences"),
    [
        (
            DISCORD,
            {},
            [
                (
                    "discord: its `target` 'build_channel' is a name; OpenClaw finds "
                    "`channel:ID` and `user:ID` (in Discord: developer mode, then Copy Channel ID)"
                ),
                (
                    "discord: it is sent through OpenClaw, but OPENCLAW_GATEWAY_TOKEN is not set "
                    "and there is no command 'openclaw'"
                ),
            ],
        ),
        (TELEGRAM, {"OPENCLAW_GATEWAY_TOKEN": "x"}, []),
        (TELEGRAM, {"BUILDORCH_TELEGRAM_TOKEN": "1:a"}, []),
        (Channel(name="discord", enabled=False), {}, []),
        (
            Channel(name="discord", options={"webhook": Secret("HOOK")}),
            {},
            [
                "discord: its `webhook` comes from the environment variable HOOK, which is not set",
            ],
        ),
        (
            Channel(name="discord", options={"webhook": Secret("HOOK"), "tagret": "x"}),
            {"HOOK": "http://example.org/w"},
            [
                "discord: has an unknown option `tagret`; did you mean `target`?",
                (
                    "discord: its `webhook` is not https, so that the token in it can be read "
                    "on the way"
                ),
            ],
        ),
        (
            Channel(name="discord", options={"webhook": "nonsense"}),
            {},
            [
                (
                    "discord: its `webhook` stands in the configuration for everybody to read; set "
                    "BUILDORCH_DISCORD_WEBHOOK instead"
                ),
                "discord: its `webhook` is no address; it begins with https:// and a host",
            ],
        ),
        (
            Channel(name="discord", options={"token": Secret("T"), "target": "user:1"}),
            {"T": "t"},
            ["discord: its `target` is no channel; a bot writes to `channel:ID`"],
        ),
        (
            Channel(name="alerts", via="discord"),
            {},
            ["alerts: has no `webhook`; set BUILDORCH_ALERTS_WEBHOOK to the webhook's URL"],
        ),
        (
            Channel(name="openclaw", options={"target": "x"}),
            {"OPENCLAW_GATEWAY_TOKEN": "x"},
            [
                (
                    "openclaw: has no `channel`; write which of OpenClaw's channels sends, such as "
                    "`channel: discord`"
                )
            ],
        ),
        (
            Channel(name="team", via="apprise", options={"url": "slack"}),
            {},
            ["team: its `url` is no Apprise URL, such as slack://..."],
        ),
        (
            Channel(name="team", via="pigeon"),
            {},
            ["team: `via: pigeon` is none of discord, telegram, openclaw, apprise"],
        ),
    ],
)
def test_problems_say_what_is_wrong_and_what_to_write(
    channel: Channel, environ: Mapping[str, str], sentences: list[str]
) -> None:
    """Each problem is a sentence that begins with the channel's name."""
    assert sentences == problems(channel, environ)


def test_a_command_on_the_path_is_enough(tmp_path: Path) -> None:
    """Without a gateway's token the `openclaw` command can still send."""
    fake_openclaw(tmp_path, "exit 0")
    channel = Channel(name="discord", options={"target": "channel:1"})
    assert problems(channel, {"PATH": str(tmp_path)}) == []


def test_a_notifier_is_made_by_name() -> None:
    """`make_notifier` sends from this process; one that lacks something is refused."""
    with chat_server() as server:
        channel = Channel(name="discord", options={"webhook": Secret("HOOK")})
        notifier = make_notifier(channel, {"HOOK": f"{server.url}/api/webhooks/1/x"})
        notifier.send("hello", key="k")
    assert server.requests[0].json["content"] == "hello"
    with pytest.raises(NotifyError, match="HOOK, which is not set"):
        make_notifier(channel, {})
    with pytest.raises(NotifyError, match="`via: pigeon` is none of"):
        make_notifier(Channel(name="x", via="pigeon"), {})


def test_settings_show_no_secrets() -> None:
    """Options are left out of the text form of settings, which may end up in a log."""
    channel = Channel(name="discord", options={"webhook": Secret("HOOK")})
    assert "hunter2" not in repr(resolve(channel, {"HOOK": "https://x/hunter2"}))
