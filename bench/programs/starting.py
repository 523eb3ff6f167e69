"""How much longer a program takes than the bare interpreter: `starting.py TIMES WORDS...`.

The words are what this interpreter is given: `-c CODE`, `-m MODULE`, or the path of a program.
Both are run in turn, so that what else the machine does hits both.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time


def taken(*words: str) -> tuple[float, float]:
    """Return the seconds and the seconds of processor time of one run."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words} ended with {process.returncode}")
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime


def main() -> None:
    """Print what the program takes more, as medians of pairs."""
    times, *words = sys.argv[1:]
    taken(*words)  # Python compiles what it imports for the first time
    pairs = [(taken("-c", "pass"), taken(*words)) for _ in range(int(times))]
    more = statistics.median(full[0] - bare[0] for bare, full in pairs)
    figures = {
        "seconds": more,
        "asked": 1,
        "done": 1,
        "more_ms": more * 1e3,
        "processor_ms": statistics.median(full[1] - bare[1] for bare, full in pairs) * 1e3,
        "bare_ms": statistics.median(bare[0] for bare, _ in pairs) * 1e3,
    }
    print(json.dumps(figures))


main()
