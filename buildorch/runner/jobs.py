"""From a planned stage to the job that is launched for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from buildorch.job import Job, Lock
from buildorch.model import Command, PlannedStage, Secret, Server
from buildorch.parameters import decode
from buildorch.runner.masking import hidden

#: Seconds for which locks are kept between two jobs of an attempt: a function may think meanwhile.
HOLD_SECONDS = 60.0


@attrs.frozen(kw_only=True)
class StepSpec:
    """What a stage function asks for with one `c.run`; None means: as the stage says.

    Attributes:
        command: Text for the shell, or arguments.
        name: A name for people.
        env: More environment.
        cwd: Folder to start in.
        timeout: Seconds.
        shell: Words that start the shell.
    """

    command: Command
    name: str | None = None
    env: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    cwd: str | None = None
    timeout: float | None = None
    shell: tuple[str, ...] | None = None

    def digest(self, secrets: Iterable[str] = ()) -> str:
        """Return 16 hex digits that tell this step from another at replay.

        They are stored: from what is no secret alone, or weak secrets could be guessed by them.
        """
        text = json.dumps([self.command, sorted(self.env.items()), self.cwd, self.shell])
        text = hidden(text, secrets)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@attrs.frozen
class Identity:
    """What every launch of this controller carries.

    Attributes:
        run_id: Id of the run.
        nonce: 128-bit hex of the run.
        epoch: Number of the controller.
        by: Who started the run.
    """

    run_id: str
    nonce: str
    epoch: int
    by: str = ""


def make_job(
    stage: PlannedStage,
    server: Server,
    spec: StepSpec,
    *,
    job_id: str,
    attempt: int,
    identity: Identity,
    secrets: Mapping[Secret, str],
    timeout: float | None,
) -> Job:
    """Return the job that runs *spec* for an attempt of *stage* on *server*.

    Args:
        stage: The stage.
        server: Where it runs, with the folder and setup that the stage has there.
        spec: The command and what differs from the stage.
        job_id: Id on the server.
        attempt: Number of the attempt.
        identity: What the launches of this controller carry.
        secrets: Values of all secrets.
        timeout: Seconds that are left of the attempt.
    """
    given = {**server.env, **stage.env, **spec.env}
    env: dict[str, str] = {
        name: secrets[value] if isinstance(value, Secret) else value
        for name, value in given.items()
    }
    return Job(
        id=job_id,
        nonce=identity.nonce,
        epoch=identity.epoch,
        by=identity.by,
        title=f"{stage.name}, attempt {attempt}" + (f", {spec.name}" if spec.name else ""),
        command=spec.command,
        shell=spec.shell or stage.shell,
        setup=server.setup,
        env={**_about(job_id, stage, attempt, secrets), **env},
        env_file=server.env_file,
        login=server.login,
        workdir=spec.cwd or server.workdir,
        timeout=timeout,
        idle_timeout=stage.idle_timeout,
        min_free=server.min_free,
        lease=stage.lease,
        locks=locks(stage, server, run=identity.run_id, attempt=attempt),
        hold=hold(stage),
    )


def hold(stage: PlannedStage) -> float:
    """Return the seconds for which a job of *stage* keeps its locks for one that may follow."""
    return HOLD_SECONDS if stage.function is not None or stage.artifacts else 0.0


def locks(stage: PlannedStage, server: Server, *, run: str, attempt: int) -> tuple[Lock, ...]:
    """Return what the jobs of an attempt have for themselves on *server*.

    The folder is the run's: its stages build there side by side where the pipeline says so, other
    runs wait. A device is the attempt's.

    Example:
        >>> rack = Server(name="test", host="test", workdir="/tests")
        >>> tests = PlannedStage(name="a", index=2, servers=(rack,), resources=("rack/1",))
        >>> [(one.owner, one.folder or one.name) for one in locks(tests, rack, run="r", attempt=1)]
        [('r', '/tests'), ('r.2.1', 'rack/1')]
    """
    found = [Lock(owner=f"{run}.{stage.index}.{attempt}", name=name) for name in stage.resources]
    if stage.lock is not None:
        return (Lock(owner=run, name=stage.lock), *found)
    if server.workdir is not None and not server.share_workdir:
        return (Lock(owner=run, folder=server.workdir), *found)
    return tuple(found)


def _about(
    job_id: str, stage: PlannedStage, attempt: int, secrets: Mapping[Secret, str]
) -> dict[str, str]:
    """Return the variables that every command finds: they carry parameters past any shell."""
    about = {
        "BUILDORCH_RUN": job_id.split(".", 1)[0],
        "BUILDORCH_STAGE": stage.name,
        "BUILDORCH_ATTEMPT": str(attempt),
    }
    for name, value in parameters(stage, secrets).items():
        about[f"BUILDORCH_PARAM_{name.upper()}"] = _text(value)
    return about


def _text(value: object) -> str:
    if isinstance(value, str | Path):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def parameters(stage: PlannedStage, secrets: Mapping[Secret, str]) -> dict[str, Any]:
    """Return the parameters of *stage* as its function takes them, secrets resolved."""
    return {name: decode(value, secrets.__getitem__) for name, value in stage.params.items()}


def secrets_of(stage: PlannedStage) -> set[Secret]:
    """Return all secrets that *stage* may use on any of its servers."""
    values = [*stage.env.values()]
    for server in stage.servers:
        values += server.env.values()
    found = {value for value in values if isinstance(value, Secret)}
    for value in stage.params.values():
        decode(value, found.add)
    return found
