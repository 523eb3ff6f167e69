#!/usr/bin/env python3
"""Stands in for a build program: says how it was called, writes a log, ends as it is told.

Beside it lies `told.json`, what each call does, the last for all later ones: `lines` and
`seconds` of its log, lines that are `said` after them, its `code`, whether it leaves `children`
behind, whether it waits in mid-log until it is `held` no more (a file `go` is there), and
`show`, the variables whose values it writes to a file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_USUAL = {"lines": 20, "seconds": 0.2, "said": [], "code": 0, "children": False, "held": False}


def _trace() -> int:
    """Append a line to the trace, before anything else; return how many calls came before."""
    keys = ("BUILDORCH_RUN", "BUILDORCH_STAGE", "BUILDORCH_ATTEMPT")
    about = [os.environ.get(key, "-") for key in keys]
    with Path(os.environ["HOME"], "trace").open("a+", encoding="utf-8") as file:
        file.seek(0)
        before = len(file.readlines())
        file.write(" ".join([uuid.uuid4().hex, *about, str(os.getpid())]) + "\n")
    return before


def _leave_children() -> None:
    """Start children: an ordinary one, and one that hides: a session of its own, no parent."""
    subprocess.Popen(["sleep", "3601"])
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve("/bin/sleep", ["sleep", "3602"], {})  # noqa: S606 - no environment either
        os._exit(0)
    os.wait()


def _show(names: list[str]) -> None:
    values = {name: os.environ.get(name) for name in names}
    shown = {"values": values, "arguments": sys.argv[1:], "folder": str(Path.cwd())}
    (_HERE / "shown.json").write_text(json.dumps(shown), encoding="utf-8")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Do what is told for this call; return the exit code."""
    before = _trace()
    calls = json.loads((_HERE / "told.json").read_text(encoding="utf-8"))
    told = _USUAL | calls[min(before, len(calls) - 1)]
    if "show" in told:
        _show(told["show"])
    if told["children"]:
        _leave_children()
    for number in range(1, told["lines"] + 1):
        _say(f"[{100 * number // told['lines']:3d}%] line {number} of {sys.argv[0]}")
        time.sleep(told["seconds"] / told["lines"])
        while told["held"] and number == told["lines"] // 2 and not (_HERE / "go").exists():
            time.sleep(0.02)
    for line in told["said"]:
        _say(line)
    return int(told["code"])


sys.exit(main())
