"""From a pipeline and a configuration to a plan: everything resolved, all problems at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from buildorch.definitions import Pipeline
from buildorch.errors import DefinitionError, raise_problems
from buildorch.flow import Flow
from buildorch.model import JSON, THIS_MACHINE, Config, Plan, PlannedStage, Retry, Server
from buildorch.names import check_name, quoted
from buildorch.parameters import encode
from buildorch.planner.findings import Findings
from buildorch.planner.graphs import Graph, cycles, indexed, order
from buildorch.planner.nodes import Node, nodes_of
from buildorch.planner.options import checked
from buildorch.planner.policy import Policy, policy_of
from buildorch.planner.selection import Selection
from buildorch.planner.servers import KnownAlias, find_server, planned
from buildorch.signatures import with_defaults


def make_plan(
    pipeline: Pipeline,
    config: Config,
    *,
    params: Mapping[str, Any] | None = None,
    only: str | Sequence[str] = (),
    until: str | Sequence[str] = (),
    skip: str | Sequence[str] = (),
    known_alias: KnownAlias | None = None,
) -> Plan:
    """Return *pipeline* bound and resolved, with nothing left that could be found wrong here.

    Command functions are called, once each; no server is touched.

    Args:
        pipeline: The pipeline.
        config: Servers, channels and defaults.
        params: Parameters of the pipeline, besides those that are bound.
        only: Names of the only stages to take.
        until: Names of stages to take with all that comes before them.
        skip: Names of stages to leave out.
        known_alias: Tells whether ssh_config knows a name that the configuration does not.

    Raises:
        DefinitionError: Everything that is wrong.

    Example:
        >>> from buildorch import Pipeline, Stage
        >>> build, test = Stage(name="build", command="make"), Stage(name="test", command="pytest")
        >>> plan = make_plan(Pipeline("nightly", build >> test), Config())
        >>> [(stage.name, stage.after) for stage in plan.stages]
        [('build', ()), ('test', ('build',))]
    """
    findings = Findings()
    flow, values = _bound(pipeline, dict(params or {}), findings)
    maker = _Maker.of(pipeline, config, known_alias, findings)
    nodes, edges = nodes_of(flow, findings) if flow is not None else ([], [])
    chosen = _chosen(nodes, edges, Selection(only, until, skip), findings)
    stages = [maker.stage(node) for node in nodes]
    raise_problems(findings.problems)
    return maker.plan(_ordered(stages, chosen), values)


def _bound(
    pipeline: Pipeline, params: Mapping[str, Any], findings: Findings
) -> tuple[Flow | None, dict[str, JSON]]:
    """Return the flow of *pipeline*, and its parameters with the defaults of those not given."""
    called = f"pipeline {quoted(str(pipeline.name))}"
    try:
        flow = pipeline.flow(**params)
    except DefinitionError as error:
        findings.problems.extend(error.problems)
        return None, {}
    except TypeError as error:
        findings.add(str(error), pipeline.origin)
        return None, {}
    if not flow.stages:
        findings.add(f"{called} has no stages; give it at least one", pipeline.origin)
    given = {**pipeline.params, **params}
    if pipeline.function is not None:
        given = with_defaults(pipeline.function, given, called)
    return flow, _encoded(given, called, pipeline, findings)


def _encoded(
    given: Mapping[str, Any], called: str, pipeline: Pipeline, findings: Findings
) -> dict[str, JSON]:
    values: dict[str, JSON] = {}
    for name, value in given.items():
        try:
            values[name] = encode(value)
        except ValueError as error:
            findings.add(f"{called}: the parameter {name!r} is {error}", pipeline.origin)
    return values


def _chosen(
    nodes: Sequence[Node],
    edges: Sequence[tuple[int, int]],
    selection: Selection,
    findings: Findings,
) -> Graph:
    """Return the graph of the stages to run; cycles and unknown names are noted."""
    names = [node.name for node in nodes]
    found = indexed(len(nodes), edges)
    rings = cycles(found)
    for ring in rings:
        path = " -> ".join(names[number] for number in [*ring, ring[0]])
        origin = nodes[ring[0]].stage.origin
        findings.add(f"cycle: {path}; remove one of these dependencies", origin)
    if rings:
        selection.check(names, findings)
        return found
    return selection.apply(found, names, findings)


def _ordered(stages: Sequence[PlannedStage], chosen: Graph) -> list[PlannedStage]:
    """Return the chosen stages in order, numbered anew and joined to each other."""
    numbers = {place: number for number, place in enumerate(sorted(chosen))}
    return [
        attrs.evolve(
            stages[place],
            index=numbers[place],
            after=tuple(stages[before].name for before in sorted(chosen.predecessors(place))),
        )
        for place in order(chosen)
    ]


@attrs.frozen
class _Maker:
    """Resolves stages: what a stage says wins, then its pipeline, its server, the defaults."""

    pipeline: Pipeline
    config: Config
    known_alias: KnownAlias | None
    findings: Findings
    options: Mapping[str, Any]
    policy: Policy

    @classmethod
    def of(
        cls,
        pipeline: Pipeline,
        config: Config,
        known_alias: KnownAlias | None,
        findings: Findings,
    ) -> _Maker:
        called = f"pipeline {quoted(str(pipeline.name))}"
        try:
            check_name(pipeline.name, spaces=True)
        except (TypeError, ValueError) as error:
            findings.add(f"pipeline name: {error}", pipeline.origin)
        options = checked(pipeline, called, pipeline.origin, findings)
        policy = policy_of(pipeline, config, findings)
        return cls(pipeline, config, known_alias, findings, options, policy)

    def stage(self, node: Node) -> PlannedStage:
        """Return *node* resolved, but for its number and predecessors."""
        own = checked(node.stage, node.called, node.stage.origin, self.findings)
        servers = self._servers(node, own)
        if node.function is not None and not node.function.importable:
            self.findings.warn(
                f"{node.called}: its function cannot be imported, so its run is resumable only by "
                "buildorch.resume(RUN, pipeline) here"
            )
        return PlannedStage(
            name=node.name,
            index=0,
            servers=[self._settled(server, own) for server in servers],
            command=node.command,
            function=node.function,
            params=node.params,
            workdir=self._nearest("workdir", own, servers[0].workdir),
            env={**self.options["env"], **own["env"], **node.param_env()},
            setup=self._nearest("setup", own, servers[0].setup),
            shell=self._nearest("shell", own),
            timeout=self._nearest("timeout", own, self.config.defaults.timeout),
            idle_timeout=self._nearest("idle_timeout", own),
            lease=own["lease"],
            retry=own["retry"] or self.policy.retry or Retry(self.config.defaults.retry),
            allow_failure=own["allow_failure"],
            always=own["always"],
            success_if=own["success_if"],
            fail_if=own["fail_if"],
            artifacts=own["artifacts"],
            resources=own["resources"],
            lock=own["lock"],
            title=own["title"],
        )

    def plan(self, stages: Sequence[PlannedStage], params: Mapping[str, JSON]) -> Plan:
        """Return the plan of *stages*."""
        pipeline, policy = self.pipeline, self.policy
        limit = self.options["parallel_limit"] or self.config.defaults.parallel_limit
        return Plan(
            name=check_name(pipeline.name, spaces=True),
            stages=stages,
            params=params,
            parallel_limit=limit,
            fail_fast=self.options["fail_fast"],
            archive=policy.archive,
            notify_failure=policy.notify_failure,
            notify_success=policy.notify_success,
            title=pipeline.title,
            description=pipeline.description,
            source=pipeline.origin.file if pipeline.origin is not None else None,
            warnings=self.findings.warnings,
        )

    def _nearest(self, name: str, own: Mapping[str, Any], otherwise: Any = None) -> Any:  # noqa: ANN401 - as the option is
        """Return the option *name* of the stage, else of the pipeline, else *otherwise*."""
        for level in (own[name], self.options[name]):
            if level is not None:
                return level
        return otherwise

    def _servers(self, node: Node, own: Mapping[str, Any]) -> list[Server]:
        """Return the server of a stage and its fallbacks; unknown ones are noted."""
        default = self.config.defaults.server or THIS_MACHINE.name
        first, *listed = own["server"] or self.options["server"] or (default,)
        found = self._find(first, node)
        fallbacks = [*listed, *(own["fallback"] or ())]
        if not fallbacks and own["fallback"] is None:
            fallbacks = [*self._nearest("fallback", own, found.fallback)]
        servers = [found, *(self._find(name, node) for name in fallbacks)]
        return list({server.name: server for server in servers}.values())

    def _find(self, name: str, node: Node) -> Server:
        try:
            return planned(find_server(name, self.config, self.known_alias))
        except ValueError as error:
            self.findings.add(f"{node.called}: {error}", node.stage.origin)
            return THIS_MACHINE

    def _settled(self, server: Server, own: Mapping[str, Any]) -> Server:
        """Return *server* with the folder and setup that the stage has there."""
        return attrs.evolve(
            server,
            workdir=self._nearest("workdir", own, server.workdir),
            setup=self._nearest("setup", own, server.setup),
        )
