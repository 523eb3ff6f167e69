"""ClusterShell: a task on all hosts with its usual fan-out, or commands one after the other."""

from __future__ import annotations

import time

from ClusterShell.Task import task_self
from told import Told, noticed, tell

TOLD = Told()


def _all() -> tuple[int, dict[str, float]]:
    task = task_self()
    task.set_info("ssh_options", f"-F {TOLD.ssh_config}")
    done, stages = 0, []
    for _ in range(TOLD.count // len(TOLD.names)):
        task.run(TOLD.command, nodes=",".join(TOLD.names))
        known = time.time()
        done += sum(len(nodes) for code, nodes in task.iter_retcodes() if code == 0)
        stages += [(bytes(output).decode(), known) for output, _ in task.iter_buffers()]
    return done, noticed(stages) if TOLD.kind == "notice" else {}


begun = time.perf_counter()
done, figures = _all()
tell(time.perf_counter() - begun, TOLD.count, done, **figures)
