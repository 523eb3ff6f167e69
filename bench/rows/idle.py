"""Three stages that run and print nothing: what it costs to wait for them."""

from __future__ import annotations

import threading
import time

from bench.bench import Bench
from bench.row import OURS, Contender, Row, Sample
from bench.scene import Scene
from bench.targets import all_of, at_most, none_lost

_HOSTS = 3

#: Seconds until all is connected and quiet, and for which it is watched then; see `told.COMMANDS`.
_SETTLED, _WATCHED = 15.0, 60.0

#: Clock ticks in a second, as /proc counts processor time.
_TICKS = 100


def _used(scene: Scene) -> dict[int, int]:
    """Return the processor time of each process on the hosts, in ticks."""
    used = {}
    for host in scene.hosts:
        for pid in host.pids():
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8") as file:  # noqa: PTH123 - of many, quickly
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            used[pid] = int(fields[11]) + int(fields[12])
    return used


def _run(bench: Bench) -> Sample:
    """Run them, and watch the hosts meanwhile; the program watches itself."""
    scene = bench.hosts(_HOSTS)
    counts: list[dict[int, int]] = []

    def watch() -> None:
        for seconds in (_SETTLED, _WATCHED):
            time.sleep(seconds)
            counts.append(_used(scene))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    sample = bench.program("ours_ssh", "idle", scene.told, _HOSTS, 1)
    watcher.join()
    before, after = counts
    ticks = sum(count - before.get(pid, 0) for pid, count in after.items())
    percent = ticks / _TICKS / _WATCHED / _HOSTS * 100
    return Sample(
        sample.seconds, sample.asked, sample.done, {**sample.figures, "host_percent": percent}
    )


ROW = Row(
    name="idle",
    title="Three stages on three hosts, nothing printed",
    contenders=(
        Contender(OURS, "python bench/programs/ours_ssh.py idle HOSTS.json 3 1", _run, times=2),
    ),
    target=all_of(
        none_lost(),
        at_most("here_percent", 0.3, "% of a core here"),
        at_most("host_percent", 0.1, "% on each host"),
    ),
    columns={"here_percent": "% of a core here", "host_percent": "% of a core on each host"},
    bar="here_percent",
    note=(
        "Processor time over a minute, once all is connected: signs of life every four seconds "
        "over each link, and on the hosts a look at each job every ten."
    ),
)
