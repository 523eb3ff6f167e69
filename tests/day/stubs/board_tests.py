#!/usr/bin/env python3
"""Stands in for pytest on a rack with one board, which only one user can have at a time.

The board is taken by ~/rack/in-use, and is left powered on when the tests are killed. Knobs:
`step` (seconds a test), `fail` (name of a test), `mode`: `offline` or `empty`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from witness import ended, knobs, note, say, started

_RACK = Path(os.environ["HOME"], "rack")
_TESTS = 12
_HEAD = """\
============================= test session starts ==============================
platform linux -- Python 3.11.7, pytest-9.0.3, pluggy-1.6.0
rootdir: /workspace/integration-tests"""
_OFFLINE = """\
collected 12 items

ERROR test_container.py::test_start - ConnectionError: board ccu2-01 does not answer
=========================== 12 errors in 3.10s ==========================="""
_EMPTY = """\
collected 0 items

============================ no tests ran in 0.02s ============================="""
_FAILED = """\
=========================== short test summary info ============================
FAILED test_container.py::{name} - AssertionError: container 'cm' not running after 30 s
========================= 1 failed, 11 passed in 6.10s ========================="""


def _test(conf: dict[str, str]) -> int:
    """Run all tests; return the exit code."""
    say("collected 12 items\n")
    bad = conf.get("fail", "")
    for number in range(1, _TESTS + 1):
        time.sleep(float(conf.get("step", "0.5")))
        name = "test_restart" if number == 7 else f"test_case_{number:02d}"
        verdict = "FAILED" if name == bad else "PASSED"
        percent = 100 * number // _TESTS
        say(f"test_container.py::{name} {verdict}{' ' * 20}[{percent:3d}%]")
    Path("report.xml").write_text(
        f'<testsuite name="pytest" tests="12" failures="{bool(bad):d}" errors="0" time="6.0"/>',
        encoding="utf-8",
    )
    with Path("device.log").open("wb") as log:
        log.writelines(os.urandom(1 << 20) for _ in range(20))
    if bad:
        say(_FAILED.format(name=bad))
        return 1
    say("============================== 12 passed in 6.10s ==============================")
    return 0


def main() -> int:
    """Take the board and test on it."""
    started("pytest")
    conf = knobs()
    say(_HEAD)
    _RACK.mkdir(exist_ok=True)
    try:
        (_RACK / "in-use").mkdir()
    except FileExistsError:
        note("CLASH", "two users of one board")
        say("INTERNALERROR> board ccu2-01 is in use")
        return ended("pytest", 3)
    (_RACK / "power").write_text("on", encoding="utf-8")
    if conf.get("mode") in {"offline", "empty"}:
        offline = conf["mode"] == "offline"
        say(_OFFLINE if offline else _EMPTY)
        code = 1 if offline else 5
    else:
        code = _test(conf)
    (_RACK / "in-use").rmdir()
    return ended("pytest", code)


sys.exit(main())
