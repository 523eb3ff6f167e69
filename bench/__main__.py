"""`nox -s bench -- --rows chain,wide`: measures, prints a table, writes JSON and the page."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from hosts.bed import why_not

from bench import page, record, registry
from bench.measure import measure
from bench.scene import Scenes


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("--rows", default="", help="names of rows, with commas; all")
    parser.add_argument("--times", type=int, default=5, help="runs of each contender")
    parser.add_argument("--only", default="", help="names of contenders, with commas; all")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    parser.add_argument("--page", action="store_true", help="write docs/performance.md")
    parser.add_argument("--read", type=Path, help="take figures from a file, and measure nothing")
    return parser.parse_args(words)


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _measured(given: argparse.Namespace) -> record.Record:
    """Measure the rows; the figures are written after each, so that none is lost."""
    only = [name for name in given.only.split(",") if name]
    rows = registry.chosen([name for name in given.rows.split(",") if name])
    done = []
    with Scenes() as scenes:
        for row in rows:
            done.append(measure(row.of(only), given.times, scenes, _show))
            if given.json:
                record.write(record.of(done), given.json)
    return record.of(done)


def main(words: Sequence[str]) -> int:
    """Measure, and return 1 where a target was missed."""
    given = _arguments(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # hosts are removed
    reason = why_not()
    if reason and not given.read:
        sys.stderr.write(f"{reason}\n")
        return 2
    try:
        told = record.read(given.read) if given.read else _measured(given)
    except registry.NoSuchRowError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; all hosts are removed\n")
        return 130
    _show(page.printed(told))
    if given.page:
        page.write(told)
    return 0 if all(row.met for row in told.rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
