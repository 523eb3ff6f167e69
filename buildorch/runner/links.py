"""The links to all servers of a run, and the jobs that are attended to over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from buildorch.job import KILL_GRACE
from buildorch.model import Secret, Server
from buildorch.ports import Backend
from buildorch.runner.artifacts import collecting_job, collecting_watch
from buildorch.runner.jobs import Identity, StepSpec, hold, make_job
from buildorch.runner.link import Link
from buildorch.runner.logs import Logs
from buildorch.runner.watch import Unheard, Watch
from buildorch.scheduler import actions, facts
from buildorch.scheduler.facts import Fact
from buildorch.scheduler.stage import StageState
from buildorch.scheduler.state import RunState


class Links:
    """Makes one link a server when it is first needed.

    Args:
        state: The run's state; only read.
        identity: The run's nonce and the controller's epoch.
        backends: By name, as `Server.backend` has it.
        logs: Where output goes.
        secrets: Values of all secrets.
        post: Takes the facts.
        chance: Returns a number from 0 to 1.
        kill_grace: Seconds that a tree has between TERM and KILL.
    """

    def __init__(
        self,
        state: RunState,
        *,
        identity: Identity,
        backends: Callable[[str], Backend],
        logs: Logs,
        secrets: Mapping[Secret, str],
        post: Callable[[Fact], None],
        chance: Callable[[], float],
        kill_grace: float = KILL_GRACE,
    ) -> None:
        self._kill_grace = kill_grace
        self._state = state
        self._identity = identity
        self._backends = backends
        self._logs = logs
        self._secrets = secrets
        self._post = post
        self._chance = chance
        self._links: dict[str, Link] = {}

    def connect(self, stage: str) -> None:
        """Try once to link the server of *stage*."""
        self._link(self._state.stages[stage].server).connect()

    def attend(self, stage: str, step: int, spec: StepSpec | None, timeout: float | None) -> None:
        """Launch or join the job of a step and follow it.

        Args:
            stage: Name of the stage.
            step: Number of the step in its current attempt, whose launch is stored.
            spec: What a stage function asked for; None runs the stage's own command.
            timeout: Seconds that are left of the attempt.
        """
        state = self._state.stages[stage]
        watch = self._watch(state, step)
        if watch is None:
            return
        if not watch.started:
            watch.job = make_job(
                state.stage,
                state.server,
                spec or StepSpec(command=state.stage.command or ""),
                job_id=watch.job_id,
                attempt=state.attempt,
                identity=self._identity,
                secrets=self._secrets,
                timeout=timeout,
            )
        self._link(state.server).attend(watch)

    def kill(self, action: actions.Kill) -> None:
        """Kill the tree of a job, as soon as its server is linked."""
        state = self._state.stages[action.stage]
        watch = self._watch(state, action.step)
        if watch is not None:
            self._link(state.server).kill(watch, action.reason, self._kill_grace)

    def fence(self, action: actions.Fence) -> None:
        """See to the end of an orphan; posts `OrphanEnded`."""
        stage = self._state.stages[action.stage]
        server = stage.stage.servers[stage.candidate_of(action.server)]
        watch = Watch(
            action.job,
            Unheard(),
            begun=lambda: None,
            waits=lambda _: None,
            ended=lambda *_: self._post(facts.OrphanEnded(job=action.job)),
        )
        kill = ("fenced", self._kill_grace) if action.kill else None
        self._link(server).fence(watch, kill=kill)

    def collect(self, stage: str) -> None:
        """Bring the artifacts of *stage* into its results folder; posts `Collected`."""
        state = self._state.stages[stage]
        job = collecting_job(state, self._identity)
        folder = self._logs.artifacts(stage)
        try:
            stream = self._logs.stream(stage, state.attempt)
        except OSError as error:
            self._post(facts.DiskTrouble(path=str(folder), error=str(error)))
            return
        watch = collecting_watch(job, state, stream, folder, self._post)
        self._link(state.server).attend(watch)

    def release(self, stage: str) -> None:
        """Let the attempt of *stage* keep no locks: it has ended, and nothing follows in it."""
        state = self._state.stages[stage]
        step = state.steps.get(state.step)
        if step is None or not hold(state.stage) or state.wants_artifacts:
            return
        if step.server in self._links:
            self._links[step.server].release(step.job)

    def leave(self) -> None:
        """End all links; jobs go on."""
        for link in self._links.values():
            link.leave()

    def _watch(self, state: StageState, number: int) -> Watch | None:
        """Return a watch of the step, or None where its log cannot be written here."""
        step = state.steps[number]
        try:
            log = self._logs.of(state.name, state.attempt).job(step.log_base)
        except OSError as error:
            path = str(self._logs.path(state.name))
            self._post(facts.DiskTrouble(path=path, error=str(error)))
            return None
        about: dict[str, Any] = {"stage": state.name, "attempt": state.attempt, "step": number}
        return Watch(
            step.job,
            log,
            begun=lambda: self._post(facts.JobStarted(**about)),
            waits=lambda wait: self._post(facts.JobWaiting(**about, wait=wait)),
            ended=lambda end, found: self._post(facts.JobEnded(**about, end=end, log=found)),
            started=step.started,
        )

    def _link(self, server: Server) -> Link:
        link = self._links.get(server.name)
        if link is None:
            link = Link(server, self._backends(server.backend), self._post, self._chance)
            self._links[server.name] = link
        return link
