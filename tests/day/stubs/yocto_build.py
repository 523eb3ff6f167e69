#!/usr/bin/env python3
"""Stands in for mobis/build.py: runs bitbake in a process group of its own, as such scripts do.

Its own lines are not flushed, on purpose. INT and TERM go on as INT; a second one leaves at
once with 130, and bitbake runs on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import FrameType

from witness import ended, say, started

_BITBAKE = (
    "source ../poky/oe-init-build-env ../build >/dev/null && exec bitbake -k ccu-image linux-s32"
)


def main() -> int:
    """Build the image."""
    if sys.argv[1:] != ["-ncpb", "-j", "16", "-p", "16"]:
        sys.exit("usage: build.py -ncpb -j N -p N")
    say("[build.py] machine ccu2, image ccu-image", flush=False)
    started("yocto")
    bitbake = subprocess.Popen(["bash", "-c", _BITBAKE], process_group=0)
    signals: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        del frame
        signals.append(number)
        if len(signals) > 1:
            os._exit(130)
        bitbake.send_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, pass_on)
    signal.signal(signal.SIGTERM, pass_on)
    code = bitbake.wait()
    say(f"[build.py] bitbake returned {code}", flush=False)
    say("BUILD FAILED" if code else "BUILD SUCCESS", flush=False)
    return ended("yocto", code)


sys.exit(main())
