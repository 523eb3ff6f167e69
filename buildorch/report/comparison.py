"""What is different from the last good run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

import attrs

from buildorch.events import ArtifactStored
from buildorch.model import StageStatus
from buildorch.report.words import MINUS, size, value
from buildorch.view import RunView, StageView


@attrs.frozen(kw_only=True)
class StageChange:
    """A stage in this run and in the one before; None where it is not in it.

    Attributes:
        name: Its name.
        now: In this run.
        then: In the one before.
    """

    name: str
    now: StageView | None
    then: StageView | None

    @property
    def seconds(self) -> float | None:
        """How much longer it took; None where it did not run in both."""
        now = self.now.seconds if self.now is not None else None
        then = self.then.seconds if self.then is not None else None
        return now - then if now is not None and then is not None else None

    @property
    def notes(self) -> list[str]:
        """What is different beside its time, in words."""
        if self.now is None:
            return ["no longer in the pipeline"]
        if self.then is None:
            return ["new in the pipeline"]
        return [note for note in _notes(self.now, self.then) if note]


def _notes(now: StageView, then: StageView) -> Iterator[str]:
    if now.stage.command != then.stage.command or now.stage.function != then.stage.function:
        yield "other command"
    if now.server and then.server and now.server != then.server:
        yield f"on {now.server}, was on {then.server}"
    if now.history and len(now.history) != len(then.history):
        yield f"{len(now.history)} attempts, had {len(then.history)}"
    for what in ("errors", "warnings"):
        yield _more(what, getattr(now.result, what, 0), getattr(then.result, what, 0))


def _more(what: str, now: int, then: int) -> str:
    return f"{now} {what}, had {then}" if now != then else ""


def stage_changes(now: RunView, then: RunView) -> list[StageChange]:
    """Return every stage of both runs, those of *now* first."""
    names = dict.fromkeys((*now.stages, *then.stages))
    return [
        StageChange(name=name, now=now.stages.get(name), then=then.stages.get(name))
        for name in names
    ]


def parameter_changes(now: RunView, then: RunView) -> list[str]:
    """Return the parameters that differ, in words."""
    found = []
    for name in dict.fromkeys((*now.params, *then.params)):
        if name not in then.params:
            found.append(f"{name} = {value(now.params[name])}, was not given")
        elif name not in now.params:
            found.append(f"{name} was {value(then.params[name])}, is not given")
        elif now.params[name] != then.params[name]:
            found.append(f"{name} = {value(now.params[name])}, was {value(then.params[name])}")
    return found


def artifact_name(view: RunView, artifact: ArtifactStored) -> str:
    """Return the path of an artifact as its stage made it."""
    folder = PurePath(view.results, artifact.stage or "", "artifacts")
    path = PurePath(artifact.path)
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else artifact.path


def artifact_note(view: RunView, artifact: ArtifactStored, then: RunView) -> str:
    """Return how an artifact differs from that of the same stage and path before."""
    before = _artifacts(then, artifact.stage or "").get(artifact_name(view, artifact))
    if before is None:
        return "new"
    if before.sha256 == artifact.sha256:
        return "same"
    grown = artifact.size - before.size
    return f"changed, {'+' if grown > 0 else MINUS}{size(abs(grown))}" if grown else "changed"


def missing_artifacts(now: RunView, then: RunView) -> list[tuple[str, str]]:
    """Return stage and path of what was collected in *then* and is not in *now*.

    Only of stages that ran again and went well: the others are known to lack theirs.
    """
    found: list[tuple[str, str]] = []
    for name, stage in now.stages.items():
        if stage.status is StageStatus.SUCCEEDED and name in then.stages:
            kept = _artifacts(now, name)
            found += [(name, path) for path in _artifacts(then, name) if path not in kept]
    return found


def _artifacts(view: RunView, stage: str) -> dict[str, ArtifactStored]:
    known = view.stages[stage].artifacts if stage in view.stages else []
    return {artifact_name(view, one): one for one in known}
