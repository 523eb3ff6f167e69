"""buildorch: what a build printed is analysed in pieces: `analysis_ours.py MEGABYTES`."""

from __future__ import annotations

import json
import sys
import time

from buildorch.analysis import Analyzer

PIECE = 1 << 18


def line(number: int) -> str:
    """Return a line as make and gcc print it; one in forty is a warning."""
    name = f"src/module{number % 97}/file{number}.c"
    if number % 40 == 0:
        return f"{name}:{number % 900}:{number % 80}: warning: unused variable 'x' [-Wunused]\n"
    return (
        f"gcc -DHAVE_CONFIG_H -I. -I../include -Wall -Werror=format -O2 -g -c {name} -o {name}.o\n"
    )


def main() -> None:
    """Analyse it on one core, and print how long it took; its warnings are what was asked for."""
    block = "".join(map(line, range(40_000))).encode()
    count = max(1, int(sys.argv[1]) * 1_000_000 // len(block))
    analyzer = Analyzer()
    begun = time.process_time()
    for _ in range(count):
        for start in range(0, len(block), PIECE):
            analyzer.feed(block[start : start + PIECE])
    found = analyzer.finish()
    seconds = time.process_time() - begun
    speed = count * len(block) / seconds / 1e6
    asked = count * 1000
    print(json.dumps({"seconds": seconds, "asked": asked, "done": found.warnings, "mb_s": speed}))


main()
