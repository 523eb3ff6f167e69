"""What was measured, on which machine, as a file: the page is written from it alone."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import cattrs

from bench.measure import Measured
from bench.row import Sample, Taken


@attrs.frozen
class Entry:
    """What one contender came to in a row.

    Attributes:
        name: Who.
        version: Its version.
        command: What was run.
        samples: What each run gave.
        errors: Why runs gave nothing.
    """

    name: str
    version: str
    command: str
    samples: tuple[Sample, ...]
    errors: tuple[str, ...]

    @property
    def taken(self) -> Taken:
        """Its runs, with their medians."""
        return Taken(self.samples, self.errors)


@attrs.frozen(kw_only=True)
class RowRecord:
    """A row that was measured.

    Attributes:
        name: Its name.
        day: When.
        title: What the work is.
        target: What we want of it, in words.
        met: Whether we have it.
        said: Why, in figures.
        columns: Headings of figures.
        bar: The figure of the plot.
        more_is_better: Whether it is better the larger it is.
        note: What a reader has to know.
        entries: Who took part.
    """

    name: str
    day: str
    title: str
    target: str
    met: bool
    said: str
    columns: Mapping[str, str]
    bar: str
    note: str
    entries: tuple[Entry, ...]
    more_is_better: bool = False


@attrs.frozen
class Record:
    """One run of the comparison.

    Attributes:
        machine: What it was run on, by what each fact is called.
        rows: What came of it.
    """

    machine: Mapping[str, str]
    rows: tuple[RowRecord, ...]


def of(rows: Sequence[Measured]) -> Record:
    """Return the record of rows that were measured just now."""
    return Record(machine(), tuple(_row(measured) for measured in rows))


def over(before: Record, now: Record) -> Record:
    """Return what was measured now, and of *before* the rows that were not."""
    measured = {row.name: row for row in now.rows}
    kept = [measured.pop(row.name, row) for row in before.rows]
    return attrs.evolve(now, rows=(*kept, *measured.values()))


def _row(measured: Measured) -> RowRecord:
    row, verdict = measured.row, measured.verdict
    entries = (
        Entry(
            one.name,
            measured.versions[one.name],
            one.command,
            measured.taken[one.name].samples,
            measured.taken[one.name].errors,
        )
        for one in row.contenders
    )
    return RowRecord(
        name=row.name,
        day=dt.datetime.now(dt.UTC).date().isoformat(),
        title=row.title,
        target=row.target.text,
        met=verdict.met,
        said=verdict.said,
        columns=row.columns,
        bar=row.bar,
        note=row.note,
        entries=tuple(entries),
        more_is_better=row.more_is_better,
    )


def machine() -> dict[str, str]:
    """Return what a reader has to know of this machine."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    memory = Path("/proc/meminfo").read_text().split()[1]
    ssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False).stderr
    return {
        "processor": f"{cpu[0].split(': ', 1)[1] if cpu else platform.machine()}",
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(memory) / 2**20:.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "OpenSSH": ssh.split(",")[0].strip(),
        "hosts": "network and PID namespaces of this machine, each with its own sshd",
    }


def write(record: Record, path: Path) -> None:
    """Write the record as JSON."""
    told = cattrs.unstructure(record)
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> Record:
    """Read a record that was written."""
    return cattrs.structure(json.loads(path.read_text(encoding="utf-8")), Record)
