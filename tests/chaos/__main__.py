"""Lives many stories side by side: `python -m chaos --seeds 200`."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from hosts.bed import why_not

from chaos import table
from chaos.faults import KINDS
from chaos.table import Result
from chaos.workers import lived


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s chaos --", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many stories")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    parser.add_argument("--markdown", type=Path, help="a file for the dated table")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Live stories, print the table, and return 1 where a promise was broken."""
    given = _arguments(words)
    reason = why_not()
    if reason:
        sys.stderr.write(f"{reason}\n")
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seeds = range(given.first, given.first + given.seeds)
    results: list[Result] = []
    try:
        for result in lived(seeds, min(given.jobs, given.seeds)):
            results.append(result)
            _show(result, len(results), given.seeds)
    except KeyboardInterrupt:
        sys.stdout.write("interrupted; all hosts are removed\n")
    sys.stdout.write(f"{table.text(results)}\n")
    seldom = table.missing(results, KINDS)
    if seldom:
        sys.stdout.write(f"bit less than {table.LEAST} times: {', '.join(seldom)}\n")
    if given.markdown:
        day = dt.datetime.now(dt.UTC).date().isoformat()
        given.markdown.write_text(table.markdown(results, day), encoding="utf-8")
    good = len(results) == given.seeds and not any(result.violations for result in results)
    return 0 if good and not seldom else 1


def _show(result: Result, count: int, total: int) -> None:
    faults = ", ".join(f"{bite.kind} ({bite.phase})" for bite in result.bites) or "nothing bit"
    verdict = "VIOLATED" if result.violations else "good"
    sys.stdout.write(
        f"{count}/{total} seed {result.seed}: {verdict}, {result.seconds:.1f} s, {faults}\n"
    )
    if result.violations:
        sys.stdout.write(f"{result.report}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
