"""The table counts what bit, says what it came to, and how to live a bad story again."""

from __future__ import annotations

from buildorch.model import RunStatus, StageStatus
from chaos import table
from chaos.samples import end, good, hit, told
from chaos.table import Result, result_of


def _result(**fields: object) -> Result:
    evidence = good()
    evidence.hits = [hit("cut"), hit("cut", host="h2"), hit("chat down", host="", phase="idle")]
    for name, value in fields.items():
        setattr(evidence, name, value)
    return result_of(evidence, [])


def test_a_fault_counts_with_its_phase_and_what_it_met() -> None:
    """Each fault that bit has a row; stages on other hosts are not what it met."""
    assert table.rows([_result(), _result()]) == [
        ("chat down", "2", "idle 2", "succeeded 2"),
        ("cut", "4", "streaming 4", "succeeded 2"),
    ]


def test_a_loss_is_told_as_such() -> None:
    """What a stage came to is told in the words of its status."""
    records = told(end(kind="lost", reason="rebooted"), StageStatus.LOST, RunStatus.FAILED)
    assert _result(records=records).bites[0].outcomes == ("lost",)
    failed = told(end(code=3), StageStatus.FAILED, RunStatus.FAILED)
    assert _result(records=failed).bites[0].outcomes == ("failed by it",)


def test_the_page_has_day_seeds_and_totals() -> None:
    """The Markdown can be put into a page as it is."""
    shown = table.markdown([_result()], "2026-07-14")
    assert shown.startswith("2026-07-14, seeds 0 to 0: 1 stories, 1 commands, 0 faults")
    assert "| cut | 2 | streaming 2 | succeeded 1 |" in shown


def test_a_bad_seed_tells_how_to_live_it_again() -> None:
    """With the violation, the faults and the timeline; the totals name the seed."""
    evidence = good()
    evidence.timeline = ["0.1 something"]
    result = result_of(evidence, ["once: s0 began 2 times"])
    assert "nox -s chaos -- --from 0 --seeds 1" in result.report
    assert "0.1 something" in result.report
    assert "1 violations in the seeds 0" in table.totals([result])


def test_a_long_run_in_which_a_fault_hardly_bit_proves_nothing() -> None:
    """Each fault has to have bitten three times in two hundred stories."""
    many = [Result(seed=seed) for seed in range(198)]
    assert table.missing([_result(), *many], ["cut", "reset"]) == []
    assert table.missing([_result(), _result(), *many], ["cut", "chat down", "reset"]) == [
        "chat down",
        "reset",
    ]
