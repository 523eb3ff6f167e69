"""Servers that cannot be reached, and links that are lost while a build runs."""

from __future__ import annotations

import time
from pathlib import Path

from hosts.bed import Bed
from hosts.commands import run, wait_for
from hosts.host import Host

from acceptance.laptop import Laptop
from acceptance.sink import Sink
from acceptance.team import Team

_STAGES = ("yocto-image", "host-build", "integration-test")

#: One server for each way in which connecting fails; `{h1}` and so on are addresses.
_SERVERS = """\
servers:
  refused: {{host: h1, port: 2222, ssh_config: {ssh_config}}}
  silent: {{host: h2, ssh_config: {ssh_config}}}
  nameless: {{host: no-such-host.invalid, ssh_config: {ssh_config}}}
  strange: {{host: strange, user: stranger, ssh_config: {ssh_config}}}
  changed: {{host: changed, user: build, ssh_config: {ssh_config}}}
notifications: {{discord: {{enabled: true}}}}
defaults: {{parallel_limit: 5, retry: 1}}
"""
_SSH_CONFIG = """\
Host strange
    HostName {h3}
    IdentityFile {folder}/stranger
Host changed
    HostName {h3}
    UserKnownHostsFile {folder}/old_known_hosts
Host *
    ConnectTimeout 1
    IdentitiesOnly yes
"""
_NAMES = ("refused", "silent", "nameless", "strange", "changed")
_PIPELINE = "pipeline:\n  name: five\n  stages:\n" + "".join(
    f"    - {{name: on-{name}, server: {name}, command: 'true'}}\n" for name in _NAMES
)


def _strange_laptop(laptop: Laptop, bed: Bed) -> None:
    """Give the laptop a key that nobody knows, and an old known_hosts."""
    folder = laptop.home
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "stranger")
    h1, _, h3 = bed.hosts
    (folder / "old_known_hosts").write_text(f"{h3.network.address} {h1.public_key}\n")
    config = _SSH_CONFIG.format(h3=h3.network.address, folder=folder)
    laptop.set_ssh_config(config, bed.client)
    laptop.config.write_text(_SERVERS.format(ssh_config=laptop.ssh_config), encoding="utf-8")


def test_each_way_of_not_connecting_is_told_apart(bed: Bed, laptop: Laptop, sink: Sink) -> None:
    """Four tries where trying helps, one where it cannot; then exit 3 with host, port and cause."""
    _strange_laptop(laptop, bed)
    bed.hosts[1].network.cut()
    done = laptop.run("run", laptop.file("five.yaml", _PIPELINE), "--json")
    assert done.code == 3, done
    assert dict.fromkeys([f"on-{name}" for name in _NAMES], "unreachable") == done.statuses
    h1, h2, h3 = (host.network.address for host in bed.hosts)
    expected = {
        "refused": (4, "refused", f"{h1}:2222", "nothing listens on port 2222"),
        "silent": (4, "timed out", f"{h2}:22", "no answer within 1 s"),
        "nameless": (4, "name not found", "no-such-host.invalid:22", "has no address"),
        "strange": (1, "login refused", f"{h3}:22", f"key {laptop.home}/stranger was refused"),
        "changed": (1, "host key changed", f"{h3}:22", "old_known_hosts"),
    }
    for name, (tries, reason, place, words) in expected.items():
        failed = [one for one in done.of("connect_failed") if one["server"] == name]
        assert [*range(1, tries + 1)] == [one["tries"] for one in failed], name
        assert {reason} == {one["reason"] for one in failed}
        told = done.end["stages"][f"on-{name}"]["reason"]
        assert place in told
        assert words in told
        (alert,) = sink.about(f"UNREACHABLE: on-{name}")
        assert place in alert
        delays = [one["retry_in"] for one in failed[:-1]]
        assert delays == sorted(delays), "each wait is longer than the one before"
    assert bed.hosts[1].network.dropped() > 0


def test_a_fallback_is_used_where_nothing_was_launched(
    bed: Bed, team: Team, laptop: Laptop
) -> None:
    """A server that cannot be reached is replaced by its fallback, and nothing runs on both."""
    bed.hosts[0].stop_sshd()
    text = "pipeline: {name: two, stages: [{name: a, command: ./build.py, fallback: ccu2-builder, "
    text += "server: yocto-builder, workdir: /workspace/ccu-2.0}]}"
    done = laptop.run("run", laptop.file("two.yaml", text), "--json", "--no-notify")
    assert done.code == 0, done
    assert "ccu2-builder" == done.end["stages"]["a"]["server"]
    assert 4 == len(done.of("connect_failed"))
    team.assert_once("a")


def test_twenty_seconds_without_network_cost_nothing(
    hosts: tuple[Host, ...], team: Team, laptop: Laptop
) -> None:
    """The build goes on behind the cut; its log is whole afterwards, and nothing ran twice."""
    team.ccu2.tell({"lines": 600, "seconds": 24})
    run = laptop.start("run", "pipeline.yaml", "--json")
    log = Path(run.until("run_created")["results"], "host-build", "attempt-1.log")
    wait_for(lambda: log.exists() and log.stat().st_size > 500, f"some of {log}", 20)
    hosts[1].network.cut()
    begun = time.monotonic()
    lost = run.until("link_lost", 20, stage="host-build")
    assert "ccu2-builder" == lost["server"]
    wait_for(lambda: time.monotonic() - begun >= 20, "20 s have passed", 30)
    assert hosts[1].network.dropped() > 0
    seen = log.stat().st_size
    assert seen < len(team.ccu2.log(_job(run.said.lines)))
    hosts[1].network.heal()
    done = run.wait(60)
    assert done.code == 0, done
    assert 1 == len(done.of("link_restored"))
    assert dict.fromkeys(_STAGES, "succeeded") == done.statuses
    team.assert_once(*_STAGES)
    team.assert_logs_equal(done.lines, done.end["results"])


def _job(lines: list[dict[str, str]]) -> str:
    """Return the id of the job of host-build."""
    (job,) = [
        line["job"]
        for line in lines
        if line["event"] == "step_launching" and line["stage"] == "host-build"
    ]
    return job


def test_a_reboot_is_told_as_lost_and_repeated(
    hosts: tuple[Host, ...], team: Team, laptop: Laptop
) -> None:
    """The server reboots in mid-build: the attempt is lost, not failed, and another one follows."""
    team.ccu2.tell({"lines": 200, "seconds": 600}, {})
    text = "pipeline: {name: one, stages: [{name: a, server: ccu2-builder, command: ./build.py, "
    text += "workdir: /workspace/ccu-2.0, retry: 0}]}"
    run = laptop.start("run", laptop.file("one.yaml", text), "--json", "--no-notify")
    run.until("step_started", stage="a")
    wait_for(lambda: team.ccu2.traces, "the build runs", 10)
    hosts[1].reboot()
    done = run.wait(60)
    assert done.code == 0, done
    first, second = done.of("attempt_finished")
    assert ("lost", "rebooted") == (first["status"], first["reason"])
    assert "succeeded" == second["status"]
    assert "infrastructure" == done.of("retry_scheduled")[0]["cause"]
    assert ["1", "2"] == [one.attempt for one in team.ccu2.traces]
