from __future__ import annotations

import time

import pytest
from analysis.samples import SAMPLES, Sample, case_facts, case_log, case_names

from buildorch.analysis import Analysis, Analyzer, alert

#: Lines that look like errors to a search for words, by case, are in `not_an_error_lines`.
_CASES = case_names()


def analyse(log: bytes) -> Analysis:
    analyzer = Analyzer()
    analyzer.feed(log)
    return analyzer.finish()


def test_the_cases_are_here() -> None:
    """No case was lost on the way."""
    assert len(_CASES) == 16


@pytest.mark.parametrize("name", _CASES)
def test_counts(name: str) -> None:
    """Errors and warnings are counted by one set of rules for all tools."""
    facts = case_facts(name)
    found = analyse(case_log(name))
    assert (facts["errors"], facts["warnings"]) == (found.errors, found.warnings)


@pytest.mark.parametrize("name", _CASES)
def test_progress(name: str) -> None:
    """Progress is the last that the main build shows, and none where it shows none."""
    facts = case_facts(name)
    found = analyse(case_log(name)).progress
    if facts["progress"] is None:
        assert found is None
    else:
        assert found == pytest.approx(facts["progress"], abs=facts["progress_tolerance"])


@pytest.mark.parametrize("name", _CASES)
def test_first_error(name: str) -> None:
    """The first error is a line that says what went wrong, with its true number and place."""
    facts = case_facts(name)
    log = case_log(name)
    found = analyse(log).first_error
    if facts["first_error"] is None:
        assert found is None
        return
    assert found is not None
    good = [facts["first_error"], *facts["first_error_also_ok"]]
    assert any(one["line"] == found.line and one["contains"] in found.text for one in good)
    assert found.line not in facts["not_an_error_lines"] or found.line in {g["line"] for g in good}
    assert found.offset == sum(len(line) + 1 for line in log.split(b"\n")[: found.line - 1])


@pytest.mark.parametrize("name", _CASES)
def test_alert(name: str) -> None:
    """An alert is short and lets the reader see the cause."""
    facts = case_facts(name)
    text = alert(analyse(case_log(name)))
    assert bool(text) == (facts["first_error"] is not None)
    assert len(text) <= 700
    assert text.count("\n") <= 1
    wanted = facts.get("alert_should_contain_one_of", [""])
    assert any(part in text for part in wanted)


def test_a_megabyte_in_one_line_is_quick() -> None:
    """A line of more than a megabyte costs no more than any other megabyte."""
    log = case_log("A17-enospc-and-1mb-line")
    begin = time.process_time()
    found = analyse(log)
    assert time.process_time() - begin < 2
    assert len(log) > 1_000_000
    assert found.no_space


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_samples(sample: Sample) -> None:
    """What each tool's lines amount to, tool by tool."""
    found = analyse(sample.log.encode())
    told = (found.errors, found.warnings, found.progress, found.tool)
    assert (sample.errors, sample.warnings, sample.progress, sample.tool) == told
    text = found.first_error.text if found.first_error else None
    assert (sample.first is None) == (text is None)
    assert sample.first is None or sample.first in (text or "")


def test_json_form() -> None:
    """The JSON form has exactly these keys."""
    found = analyse(b"[1/2] a\nsrc/a.c:7:2: error: x\nninja: build stopped: subcommand failed.\n")
    assert {
        "errors": 1,
        "warnings": 0,
        "first_error": {
            "line": 2,
            "text": "src/a.c:7:2: error: x",
            "file": "src/a.c",
            "source_line": 7,
        },
        "progress": 50.0,
        "tool": "ninja",
        "summary": "ninja: build stopped: subcommand failed.",
    } == found.as_dict()
    assert analyse(b"").as_dict()["first_error"] is None
