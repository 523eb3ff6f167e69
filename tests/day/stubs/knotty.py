"""The part of bitbake's stand-in that prints: lines for pipes, a footer for terminals."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from witness import say


def error(text: str) -> None:
    """Print an error, on stderr as bitbake does."""
    sys.stderr.write(f"ERROR: {text}\n")
    sys.stderr.flush()


class Knotty:
    """Prints what the server tells of one build, and counts what went wrong.

    Args:
        folder: The build folder.
        conf: Knobs: `why`, the compiler's words in the log of a task that failed.
    """

    def __init__(self, folder: Path, conf: Mapping[str, str]) -> None:
        self._folder = folder
        self._conf = conf
        self.interrupts = 0
        self.code: int | None = None
        self._errors = 0
        self._warnings = 0
        self._terminal = sys.stdout.isatty()

    def take(self, event: dict[str, Any]) -> None:
        """Print one event."""
        handler = getattr(self, f"_{event['e']}", None)
        if handler is not None:
            handler(event)

    def _start(self, event: dict[str, Any]) -> None:
        number, total = event["n"], event["total"]
        task = f"/workspace/CCU_GEN2.0.manifest/meta-ccu/recipes/{event['recipe']}.bb"
        if self._terminal:
            percent = 100 * number // total
            sys.stdout.write(
                f"\r\x1b[KCurrently  4 running tasks ({number} of {total})  {percent}% |####"
            )
        else:
            say(f"NOTE: Running task {number} of {total} ({task}:do_{event['task']})")
        say(f"NOTE: {_task(event)}: Started")

    def _done(self, event: dict[str, Any]) -> None:
        say(f"NOTE: {_task(event)}: Succeeded")

    def _warn(self, event: dict[str, Any]) -> None:
        self._warnings += 1
        say(
            f"WARNING: {event['recipe']}-1.0-r0 do_{event['task']}: QA Issue: File '/usr/bin/x'"
            " was already stripped [already-stripped]"
        )

    def _disk(self, event: dict[str, Any]) -> None:
        del event
        self._errors += 2
        where = f"{self._folder}/tmp (/dev/sdb2)"
        say(f"WARNING: The free space of {where} is running low (0.090GB left)")
        error('No new tasks can be executed since the disk space monitor action is "STOPTASKS"!')
        error('Immediately halt since the disk space monitor action is "HALT"!')

    def _fail(self, event: dict[str, Any]) -> None:
        self._errors += 2
        recipe, task = event["recipe"], event["task"]
        log = f"{self._folder}/tmp/work/ccu2-linux/{recipe}/1.0/temp/log.do_{task}.{event['pid']}"
        why = self._conf.get(
            "why",
            "drivers/net/can/s32_llce.c:214:9: error: implicit declaration of function 'llce_rx'"
            " [-Werror=implicit-function-declaration]",
        )
        error(f"{recipe}-1.0-r0 do_{task}: oe_runmake failed")
        error(f"Logfile of failure stored in: {log}")
        say(f"Log data follows:\n| DEBUG: Executing shell function do_{task}\n| {why}")
        say("| make: *** [Makefile:17: x.o] Error 1\n| ERROR: oe_runmake failed")
        say(f"NOTE: {_task(event)}: Failed")
        error(f"Task ({event['task_file']}) failed with exit code '1'")

    def _end(self, event: dict[str, Any]) -> None:
        self.code = event["rc"]
        failed = event["failed"]
        if failed:
            many = "s" * (len(failed) > 1)
            say("\n".join([f"\nSummary: {len(failed)} task{many} failed:", *_indented(failed)]))
        if self._warnings:
            say(f"Summary: There were {self._warnings} WARNING messages.")
        if self._errors:
            text = f"Summary: There were {self._errors} ERROR messages"
            say(f"{text}, returning a non-zero exit code.")
        if self.interrupts:
            say("Execution was interrupted, returning a non-zero exit code.")
            self.code = self.code or 1


def _task(event: dict[str, Any]) -> str:
    return f"recipe {event['recipe']}-1.0-r0: task do_{event['task']}"


def _indented(lines: list[str]) -> Iterator[str]:
    yield from (f"  {line}" for line in lines)
