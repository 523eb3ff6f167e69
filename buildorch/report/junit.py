"""A run as JUnit XML: a test case for each stage, for whatever shows test results."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from buildorch.model import StageStatus
from buildorch.report.element import plain
from buildorch.report.facts import Report
from buildorch.report.words import (
    BAD,
    INFRASTRUCTURE,
    first_error,
    outcome,
    state_words,
    utc,
    value,
)
from buildorch.view import StageView

_NOT_RUN = frozenset({StageStatus.SKIPPED, StageStatus.CANCELLED})


def junit(report: Report) -> str:
    """Return a run as JUnit XML.

    A stage that failed or timed out is a failure, one whose server was the reason an error; one
    that was skipped, cancelled or allowed to fail is skipped.
    """
    view = report.view
    kinds = [_kind(stage) for stage in report.stages]
    counts = {
        "tests": str(len(kinds)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": f"{report.seconds:.3f}",
    }
    root = _child(None, "testsuites", name=view.plan.name, **counts)
    began = {"timestamp": utc(view.created_at), "id": view.run}
    suite = _child(root, "testsuite", name=view.title, **counts, **began)
    given = _child(suite, "properties")
    for name, one in {"run": view.run, "by": view.by, **view.params}.items():
        _child(given, "property", name=name, value=value(one))
    for stage, kind in zip(report.stages, kinds, strict=True):
        _case(suite, report, stage, kind)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _kind(stage: StageView) -> str:
    if stage.status in _NOT_RUN or stage.allowed or stage.status is None:
        return "skipped"
    if stage.status in INFRASTRUCTURE:
        return "error"
    return "failure" if stage.status in BAD else "passed"


def _case(suite: Element, report: Report, stage: StageView, kind: str) -> None:
    seconds = stage.seconds or 0.0
    pipeline = report.view.plan.name
    case = _child(suite, "testcase", name=stage.name, classname=pipeline, time=f"{seconds:.3f}")
    told = first_error(stage) or stage.reason or state_words(stage.state)
    if kind != "passed":
        message = f"{outcome(stage)}: {told}" if stage.allowed else told
        node = _child(case, kind, message=message.replace("\n", ", "), type=stage.state)
        node.text = plain(told)
    if stage.history:
        log = report.view.log_path(stage)
        ran = f"{outcome(stage)} on {stage.server}, attempt {stage.attempt}"
        _child(case, "system-out").text = plain(f"{ran}\n{log or ''}".rstrip())


def _child(parent: Element | None, tag: str, **attributes: str) -> Element:
    safe = {name: plain(text) for name, text in attributes.items()}
    return Element(tag, safe) if parent is None else SubElement(parent, tag, safe)
