"""Commands that look at a definition: check and graph. No server is touched."""

from __future__ import annotations

import json as jsonlib
import os
import sys
from collections.abc import Iterator, Sequence

from buildorch import settings
from buildorch.cli.aside import prints_aside
from buildorch.cli.command import CONFIG, PARAM, PLACE, command
from buildorch.errors import DefinitionError, Problem, UsageError
from buildorch.loading import load_pipeline, parse_parameters
from buildorch.model import Config, Plan
from buildorch.secret_values import unusable_secrets

_FORMS = ("text", "mermaid", "dot", "svg")


@command(
    positional=["file"],
    iterable=["param"],
    help={
        "file": PLACE,
        "param": PARAM,
        "json": "write one JSON object",
        "config": CONFIG,
    },
)
def check(
    file: str,
    param: Sequence[str] = (),
    json: bool = False,
    config: str | None = None,
) -> int:
    """Find everything that is wrong with a pipeline, and say in words what it would do."""
    from buildorch.explaining import explain  # noqa: PLC0415 - only where a plan is explained

    try:
        known = settings.configuration(config)
        plan = _plan(file, known, param)
    except (DefinitionError, UsageError) as error:
        if not json:
            raise
        problems = getattr(error, "problems", None) or [Problem(str(error))]
        print(jsonlib.dumps({"valid": False, "problems": [_line(one) for one in problems]}))
        return 2
    if json:
        print(jsonlib.dumps({"valid": True, "problems": []}))
        return 0
    print(explain(plan, known))
    for problem in _channel_problems(plan, known):
        print(f"warning: {problem}", file=sys.stderr)
    for secret in unusable_secrets(plan.stages, os.environ):
        print(f"warning: {secret}", file=sys.stderr)
    return 0


def _channel_problems(plan: Plan, config: Config) -> Iterator[str]:
    """Say what is wrong with the channels that the pipeline names."""
    for name in dict.fromkeys((*plan.notify_failure, *plan.notify_success)):
        if (channel := config.channels.get(name)) is not None:
            from buildorch.notifiers import problems  # noqa: PLC0415 - only where one is named

            yield from problems(channel)


def _line(problem: Problem) -> dict[str, object]:
    return {
        "message": problem.message,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
    }


@command(
    positional=["file"],
    iterable=["param"],
    help={
        "file": PLACE,
        "param": PARAM,
        "form": "text, mermaid, dot or svg",
        "config": CONFIG,
    },
)
def graph(
    file: str,
    form: str = "text",
    param: Sequence[str] = (),
    config: str | None = None,
) -> int:
    """Draw a pipeline on stdout."""
    from buildorch.drawing import draw  # noqa: PLC0415 - only where a plan is drawn

    if form not in _FORMS:
        raise UsageError(f"--form takes {', '.join(_FORMS)}, not {form!r}")
    print(draw(_plan(file, settings.configuration(config), param), form))
    return 0


def _plan(file: str, config: Config, param: Sequence[str]) -> Plan:
    """Return the plan; what the file's own code prints goes to stderr."""
    with prints_aside():
        pipeline = load_pipeline(file)
        return settings.plan(pipeline, config=config, params=parse_parameters(pipeline, param))
