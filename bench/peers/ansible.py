"""Ansible with what its manual advises for speed: pipelining, ControlPersist, forks, no facts."""

from __future__ import annotations

import json
import re
import statistics
from typing import Any

from bench.bench import Bench
from bench.peers.installed import Peer
from bench.row import Contender, Sample
from bench.scene import Scene
from bench.watch import GaveUp

PEER = Peer("ansible-core", "2.19.14")

_CONFIG = """\
[defaults]
forks = 50
host_key_checking = true
interpreter_python = /usr/bin/python3
gathering = explicit
retry_files_enabled = false
[ssh_connection]
pipelining = true
ssh_args = -C -o ControlMaster=auto -o ControlPersist=60s -F {ssh_config}
control_path_dir = {folder}/cp
"""

#: The tasks of a playbook, by module; `loop` makes them COUNT stages on each host.
TASKS: dict[str, list[dict[str, Any]]] = {
    "raw": [{"raw": "true"}],
    "command": [{"command": "true"}],
    "async sleep": [
        {"command": "sleep 5", "async": 120, "poll": 0},
        {
            "async_status": {"jid": "{{ item.ansible_job_id }}"},
            "loop": "{{ begun.results }}",
            "until": "done is finished",
            "retries": 600,
            "delay": 1,
        },
    ],
    "async poll 1": [
        {
            "shell": "date +%s.%N; sleep 0.1; exec date +%s.%N",
            "async": 60,
            "poll": 1,
        }
    ],
}


def contender(how: str, count: int, *, hosts: int = 1, times: int | None = None) -> Contender:
    """Return Ansible as a contender.

    Args:
        how: A key of TASKS.
        count: How many stages, over all hosts.
        hosts: On how many hosts.
        times: It is run at most that often.
    """

    def run(bench: Bench) -> Sample:
        return _run(bench, bench.hosts(hosts), how, count)

    shown = f"ansible-playbook -i HOSTS play.yml  # {json.dumps(TASKS[how][0])}, in a loop"
    return Contender(f"Ansible {how}", shown, run, PEER.version, times)


def _play(how: str, each: int) -> list[object]:
    first, *more = TASKS[how]
    begun = {**first, "loop": f"{{{{ range({each}) | list }}}}", "register": "begun"}
    ended = [{**task, "register": "done"} for task in more]
    results = "done" if more else "begun"
    said = f"DONE {{{{ {results}.results | rejectattr('failed', 'true') | list | length }}}}"
    tasks = [begun, *ended, {"debug": {"msg": said}}]
    if how == "async poll 1":
        tasks.append({"debug": {"msg": "STAMPS {{ begun.results | map(attribute='stdout') }}"}})
    return [{"hosts": "all", "gather_facts": False, "strategy": "free", "tasks": tasks}]


def _run(bench: Bench, scene: Scene, how: str, count: int) -> Sample:
    folder = bench.folder
    (folder / "ansible.cfg").write_text(_CONFIG.format(ssh_config=scene.ssh_config, folder=folder))
    (folder / "inventory").write_text("\n".join(scene.names) + "\n")
    (folder / "play.yml").write_text(json.dumps(_play(how, count // len(scene.names))))
    world = {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_HOME": str(folder / "home")}
    world["PATH"] = f"{PEER.python.parent}:/usr/bin:/bin"
    playbook = PEER.program("ansible-playbook")
    ended = bench.run(playbook, "-i", "inventory", "play.yml", environment=world)
    done = sum(map(int, re.findall(r"DONE (\d+)", ended.output)))
    if not done:
        raise GaveUp(f"ansible-playbook: {ended.output[-1500:]} {ended.complaints[-500:]}")
    return Sample(ended.seconds, count, done, {**ended.figures, **_gaps(ended.output)})


def _gaps(output: str) -> dict[str, float]:
    """Return how late the next command began, where the commands printed the time."""
    found = re.search(r"STAMPS (.*)", output)
    if not found:
        return {}
    stamps = [float(text) for text in re.findall(r"\d+\.\d+", found[1])]
    begins, ends = stamps[::2], stamps[1::2]
    gaps = [later - end for end, later in zip(ends, begins[1:], strict=False)]
    return {"begun_ms": statistics.median(gaps) * 1e3}
