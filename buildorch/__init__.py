"""Durable builds across SSH servers, as a plain Python library.

Importing it opens nothing and loads nothing heavy: each name is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from buildorch.api import resume, retry, run, start, status
    from buildorch.context import StageContext, StepResult
    from buildorch.dsl import Pipeline, pipeline, stage
    from buildorch.errors import BuildorchError, DefinitionError, RunFailed, StepFailed
    from buildorch.flow import Flow, Stage, parallel, sequence
    from buildorch.model import Archive, Config, Notify, Plan, Retry, Secret, Server
    from buildorch.result import RunResult

__all__ = [
    "Archive",
    "BuildorchError",
    "Config",
    "DefinitionError",
    "Flow",
    "Notify",
    "Pipeline",
    "Plan",
    "Retry",
    "RunFailed",
    "RunResult",
    "Secret",
    "Server",
    "Stage",
    "StageContext",
    "StepFailed",
    "StepResult",
    "parallel",
    "pipeline",
    "resume",
    "retry",
    "run",
    "sequence",
    "stage",
    "start",
    "status",
]

_HOMES = {
    "api": ["resume", "retry", "run", "start", "status"],
    "context": ["StageContext", "StepResult"],
    "dsl": ["Pipeline", "pipeline", "stage"],
    "errors": ["BuildorchError", "DefinitionError", "RunFailed", "StepFailed"],
    "flow": ["Flow", "Stage", "parallel", "sequence"],
    "model": ["Archive", "Config", "Notify", "Plan", "Retry", "Secret", "Server"],
    "result": ["RunResult"],
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"buildorch.{module}"), name)
    if name == "__version__":
        return importlib.import_module("buildorch.version").version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
