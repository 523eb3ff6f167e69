"""Ending a bitbake build: its client is asked twice, its own server goes, a foreign one stays."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from contract.talk import Nap, Talk, talk

from remote.machines import ShellBackend, environment, machine

_CLIENT = """\
#!/bin/sh
n=0
trap 'n=$((n + 1)); echo INT $n; [ $n -lt 2 ] || { echo tasks stopped; exit 1; }' INT
if [ -n "$SERVER" ]; then
    (env -i setsid sh -c "$SERVER" </dev/null >/dev/null 2>&1 &)
fi
echo building
while :; do sleep 0.05; done
"""


def _build(link: Talk, tmp_path: Path, server: Nap | None) -> bytes:
    """Cancel a build once it runs; return its log."""
    client = tmp_path / "bitbake"
    client.write_text(_CLIENT)
    client.chmod(client.stat().st_mode | stat.S_IXUSR)
    env = {"SERVER": server.text if server else ""}
    job = link.start(f"{client} core-image-minimal; echo not reached", env=env, kill_grace=3.0)
    link.heard.wait(lambda: b"building" in link.heard.logs.get(job.id, b""), "the build runs")
    if server:
        server.await_start()
    link.session.cancel(job.id, "cancelled", 3.0)
    end = link.heard.end_of(job)
    assert (end.kind, end.code, end.reason) == ("exit", 1, "cancelled")
    return bytes(link.heard.logs[job.id])


@pytest.mark.parametrize("part", ["python", "sh"])
def test_client_is_asked_twice(tmp_path: Path, part: str) -> None:
    """Two INTs, with time between: the first lets tasks finish, the second stops them."""
    with talk(machine(tmp_path, ShellBackend(environment(tmp_path), prefer=part))) as link:
        log = _build(link, tmp_path, None)
    assert log == b"building\nINT 1\nINT 2\ntasks stopped\n"


def test_own_server_goes_and_foreign_server_stays(tmp_path: Path) -> None:
    """A server that this build started is ended; one that was there before is not touched."""
    with talk(machine(tmp_path, ShellBackend(environment(tmp_path)))) as link:
        own, foreign = link.nap(), link.nap()
        link.place.machine.run(f"setsid sh -c '{foreign.text}' </dev/null >/dev/null 2>&1 &")
        foreign.await_start()
        _build(link, tmp_path, own)
        assert not own.running
        foreign.end()


def test_idle_server_is_left_after_a_normal_end(tmp_path: Path) -> None:
    """A server that stays for the next build is named, not ended, when the build succeeds."""
    with talk(machine(tmp_path, ShellBackend(environment(tmp_path)))) as link:
        server = link.nap()
        command = f"(env -i setsid sh -c '{server.text}' </dev/null >/dev/null 2>&1 &); sleep 0.3"
        end = link.end(command)
        assert end.ok
        assert any(server.command in text for text in end.leftovers)
        server.end()
