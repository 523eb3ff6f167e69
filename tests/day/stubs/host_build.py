#!/usr/bin/env python3
"""Stands in for ccu-2.0/build.py: prints like CMake and make, and makes a file of 1 MiB.

Knobs: `steps`, `step` (seconds each), and `fail.MODULE`: `cmake`, `compile`, or `liar`, whose
log says FAILED while it exits with 0; with `once:` in front only the first time.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from pathlib import Path

from witness import ended, knobs, say, started

_MODULES = ("container-manager", "vam", "dpm")
_NO_PACKAGE = """\
CMake Error at modules/{module}/CMakeLists.txt:41 (find_package):
  Could not find a package configuration file provided by "SntCommon" with any
  of the following names:

    SntCommonConfig.cmake
    sntcommon-config.cmake

-- Configuring incomplete, errors occurred!
BUILD FAILED"""
_NO_COMPILE = """\
modules/{module}/src/part_{step:02d}.cpp:91:5: error: 'Snt' was not declared in this scope
make[2]: *** [modules/{module}/x.o] Error 1
make: *** [Makefile:136: all] Error 2
BUILD FAILED"""


def _failure(module: str, conf: dict[str, str]) -> str:
    """Return how this build fails; empty where it does not."""
    mode = conf.get(f"fail.{module}", "")
    if not mode.startswith("once:"):
        return mode
    mark = Path(f".once.{module}")
    if mark.exists():
        return ""
    mark.touch()
    return mode.removeprefix("once:")


def _build(module: str, conf: dict[str, str]) -> int:
    """Build one module; return the exit code."""
    say("-- The CXX compiler identification is GNU 12.2.0", flush=False)
    say("-- Detecting CXX compile features - done", flush=False)
    failure = _failure(module, conf)
    if failure == "cmake":
        say(_NO_PACKAGE.format(module=module))
        return 1
    steps = int(conf.get("steps", "40"))
    for step in range(1, steps + 1):
        part = f"modules/{module}/CMakeFiles/{module}.dir/src/part_{step:02d}.cpp.o"
        say(f"[{100 * step // steps:3d}%] Building CXX object {part}", flush=step % 8 == 0)
        time.sleep(float(conf.get("step", "0.15")))
        if step == steps // 2:
            say(f"modules/{module}/src/part_{step:02d}.cpp:88:17: warning: unused variable 'rc'")
            if failure in {"compile", "liar"}:
                say(_NO_COMPILE.format(module=module, step=step))
                return 0 if failure == "liar" else 2
    _make_product(module)
    say(f"[100%] Built target {module}\nBUILD SUCCESS")
    return 0


def _make_product(module: str) -> None:
    out = Path("out")
    out.mkdir(exist_ok=True)
    data = os.urandom(1 << 20)
    (out / f"{module}.bin").write_bytes(data)
    (out / f"{module}.sha256").write_text(hashlib.sha256(data).hexdigest(), encoding="utf-8")


def main() -> int:
    """Build the module that is asked for, unless somebody builds it here."""
    if len(sys.argv) != 3 or sys.argv[1] != "--module":
        sys.exit("usage: build.py --module NAME")
    module = sys.argv[2]
    if module not in _MODULES:
        say(f"error: unknown module '{module}' (known: {', '.join(_MODULES)})")
        return 2
    started(f"host:{module}")
    lock = Path("build", f"{module}.lock")
    lock.parent.mkdir(exist_ok=True)
    try:
        lock.mkdir()
    except FileExistsError:
        say(f"error: another build of {module} is running here")
        return ended(f"host:{module}", 3)
    try:
        return ended(f"host:{module}", _build(module, knobs()))
    finally:
        lock.rmdir()


sys.exit(main())
