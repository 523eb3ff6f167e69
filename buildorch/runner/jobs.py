"""From a planned stage to the job that is launched for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from buildorch.job import Job
from buildorch.model import Command, PlannedStage, Secret, Server
from buildorch.parameters import decode


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
    env: Mapping[str, str] = attrs.field(factory=dict)
    cwd: str | None = None
    timeout: float | None = None
    shell: tuple[str, ...] | None = None

    def digest(self) -> str:
        """Return 16 hex digits that tell this step from another at replay."""
        text = json.dumps([self.command, sorted(self.env.items()), self.cwd, self.shell])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_job(
    stage: PlannedStage,
    server: Server,
    spec: StepSpec,
    *,
    job_id: str,
    attempt: int,
    nonce: str,
    epoch: int,
    secrets: Mapping[str, str],
    timeout: float | None,
) -> Job:
    """Return the job that runs *spec* for an attempt of *stage* on *server*.

    Args:
        stage: The stage.
        server: Where it runs, with the folder and setup that the stage has there.
        spec: The command and what differs from the stage.
        job_id: Id on the server.
        attempt: Number of the attempt.
        nonce: The run's nonce.
        epoch: The controller's epoch.
        secrets: Values of all secrets by variable.
        timeout: Seconds that are left of the attempt.
    """
    given = {**server.env, **stage.env, **spec.env}
    env: dict[str, str] = {
        name: secrets[value.variable] if isinstance(value, Secret) else value
        for name, value in given.items()
    }
    return Job(
        id=job_id,
        nonce=nonce,
        epoch=epoch,
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
    )


def _about(
    job_id: str, stage: PlannedStage, attempt: int, secrets: Mapping[str, str]
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


def parameters(stage: PlannedStage, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters of *stage* as its function takes them, secrets resolved."""
    return {name: decode(value, secrets.__getitem__) for name, value in stage.params.items()}


def secret_names(stage: PlannedStage) -> set[str]:
    """Return the variables of all secrets that *stage* may use on any of its servers."""
    values = [*stage.env.values()]
    for server in stage.servers:
        values += server.env.values()
    names = {value.variable for value in values if isinstance(value, Secret)}
    for value in stage.params.values():
        decode(value, names.add)
    return names
