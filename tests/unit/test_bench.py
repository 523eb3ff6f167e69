"""The comparison with peers judges by medians, counts every loss, and keeps what people wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import page, record, registry
from bench.measure import Measured
from bench.plot import Bar, bars
from bench.row import OURS, Contender, Row, Sample, Taken, Target
from bench.targets import (
    all_of,
    at_least,
    at_most,
    faster,
    no_slower,
    no_worse_than_best,
    none_lost,
)


def taken(*seconds: float, lost: int = 0, errors: tuple[str, ...] = ()) -> Taken:
    """Return runs of ten pieces of work each, of which the last run lost some."""
    samples = [Sample(one, 10, 10, {"peak_mb": one * 10}) for one in seconds]
    if lost:
        samples[-1] = Sample(seconds[-1], 10, 10 - lost)
    return Taken(tuple(samples), errors)


MEDIANS = {OURS: taken(1.0, 2.0, 90.0), "ssh": taken(2.0), "lossy": taken(0.1, 0.1, lost=4)}


def test_one_slow_run_is_no_verdict() -> None:
    """A figure is the median of the runs; a loss is the worst of them."""
    assert MEDIANS[OURS].seconds == 2.0
    assert MEDIANS[OURS].figure("each_ms") == 200.0
    assert MEDIANS["lossy"].lost == 4
    assert taken().seconds == float("inf")


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (none_lost(), True),
        (none_lost("lossy"), False),
        (no_slower("ssh"), True),
        (no_slower("lossy"), False),
        (no_worse_than_best(), True),  # whoever loses work is no match
        (faster("ssh", 2), False),
        (at_most("seconds", 2, "s"), True),
        (at_most("absent_ms", 2, "ms"), False),
        (at_least("peak_mb", 20, "MB"), True),
        (at_least("absent_mb", 0.1, "MB"), False),
        (all_of(none_lost(), faster("ssh", 2)), False),
    ],
    ids=lambda value: getattr(value, "text", None),
)
def test_targets(target: Target, *, met: bool) -> None:
    """Each target judges ours by the medians; what was not measured meets none."""
    assert target.judge(MEDIANS).met is met


def test_a_run_that_failed_is_a_loss() -> None:
    """Who gives nothing in one of the runs has lost."""
    assert not none_lost().judge({OURS: taken(1.0, errors=("gave up",))}).met


def measured(medians: Mapping[str, Taken]) -> Measured:
    """Return a row that these took part in."""

    def never(_: object) -> Sample:
        raise AssertionError

    contenders = tuple(Contender(name, f"run {name}", never) for name in medians)
    row = Row("chain", "Chain of `true`", contenders, no_slower("ssh"))
    return Measured(row, medians, dict.fromkeys(medians, "1"))


def test_a_page_is_written_anew_around_its_prose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures are replaced; prose between the marks stays, and so do rows not measured now."""
    monkeypatch.setattr(page, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr(page, "PLOTS", tmp_path / "performance")
    page.write(record.of([measured(MEDIANS)]))
    before = page.PAGE.read_text()
    page.PAGE.write_text(before.replace("time goes\n\n<!--", "time goes\n\nWritten.\n\n<!--"))
    page.write(record.of([]))
    after = page.PAGE.read_text()
    assert "Written." in after
    assert after.replace("Written.\n\n", "") == before
    assert "4 of 10" in after
    assert (tmp_path / "performance/chain.svg").exists()


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    """What is read is what was written."""
    told = record.of([measured(MEDIANS)])
    record.write(told, tmp_path / "figures.json")
    assert record.read(tmp_path / "figures.json") == told


def test_a_plot_is_a_picture_of_every_bar() -> None:
    """Names are escaped, and far figures share one picture."""
    drawn = bars("a < b", "ms", [Bar("R&D", 1.0, ours=True), Bar("far", 30_000.0, lost=3)])
    texts = [node.text for node in ET.fromstring(drawn).iter() if node.tag.endswith("text")]  # noqa: S314 - our own
    assert texts[0] == "a < b"
    assert {"R&D", "far", "30,000, 3 lost"} <= set(texts)


def test_every_row_has_ours_and_a_plot() -> None:
    """A row compares ours, by a figure that it shows."""
    rows = registry.every_row()
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        assert row.contenders[0].name.startswith(OURS)
        assert row.bar in row.columns
