"""A loop as many scripts have it: nohup over ssh, then a look for the exit file every 30 s."""

from __future__ import annotations

import subprocess
import time

from told import Told, noticed, tell

TOLD = Told()
EVERY = 30.0


def _ssh(command: str) -> str:
    words = ["ssh", "-F", TOLD.ssh_config, TOLD.names[0], command]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def _begin(number: int) -> None:
    own = f"/tmp/poll-{number}"
    _ssh(
        f"rm -f {own}.exit; nohup sh -c '({TOLD.command}) >{own}.log 2>&1; echo $? >{own}.exit' "
        ">/dev/null 2>&1 </dev/null &"
    )


def _output(number: int) -> tuple[str, float]:
    """Wait for the end of a command; return its log, and when the end was known."""
    time.sleep(EVERY)
    while _ssh(f"cat /tmp/poll-{number}.exit") != "0\n":
        time.sleep(EVERY)
    return _ssh(f"cat /tmp/poll-{number}.log"), time.time()


def _chain() -> dict[str, float]:
    stages = []
    for number in range(TOLD.count):
        _begin(number)
        stages.append(_output(number))
    return noticed(stages)


def _at_once() -> dict[str, float]:
    for number in range(TOLD.count):
        _begin(number)
    left = set(range(TOLD.count))
    while left:
        time.sleep(EVERY)
        left -= {n for n in left if _ssh(f"cat /tmp/poll-{n}.exit") == "0\n"}
    return {}


begun = time.perf_counter()
figures = _chain() if TOLD.kind == "notice" else _at_once()
tell(time.perf_counter() - begun, TOLD.count, TOLD.count, **figures)
