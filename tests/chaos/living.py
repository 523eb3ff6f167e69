"""Sets the scene of a story, lives it, and leaves all as it was."""

from __future__ import annotations

from pathlib import Path

from acceptance.laptop import Laptop
from hosts.bed import Bed

from chaos.chat import Chat, open_chat
from chaos.driver import Driver
from chaos.evidence import Evidence
from chaos.place import Place
from chaos.story import Story

_PIPELINE = Path(__file__).with_name("chaos_pipeline.py").read_text(encoding="utf-8")
_CONFIG = """\
servers:
{servers}
notifications:
  discord: {{token_env: CHAT_TOKEN, target: "channel:1", api: "{chat}"}}
"""
_SERVER = "  {name}: {{host: {name}, user: build, workdir: /workspace/work, ssh_config: {config}}}"


def live(story: Story, bed: Bed, folder: Path) -> Evidence:
    """Live *story* on the hosts of *bed*; everything is as before when it returns.

    Args:
        story: The story.
        bed: Three hosts.
        folder: An empty folder for this machine's side.
    """
    small = story.small_disk
    places = {
        host.name: Place(
            host,
            story.parts[host.name],
            small=host.name == small,
            latency=story.latency.get(host.name, 0),
        )
        for host in bed.hosts
    }
    try:
        for place in places.values():
            place.prepare()
        with open_chat() as chat:
            laptop = _laptop(story, bed, folder, chat)
            try:
                return Driver(story, laptop, places, chat).live()
            finally:
                laptop.close()
    finally:
        for place in places.values():
            place.clean()


def _laptop(story: Story, bed: Bed, folder: Path, chat: Chat) -> Laptop:
    laptop = Laptop(folder, bed.client)
    laptop.variables["CHAT_TOKEN"] = "a-token"  # noqa: S105 - of a chat of our own
    servers = "\n".join(
        _SERVER.format(name=host.name, config=laptop.ssh_config) for host in bed.hosts
    )
    laptop.config.write_text(_CONFIG.format(servers=servers, chat=chat.url), encoding="utf-8")
    laptop.file("chaos_pipeline.py", _PIPELINE)
    laptop.file("story.json", story.text)
    return laptop
