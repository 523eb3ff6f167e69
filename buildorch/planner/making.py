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
from buildorch.planner.options import PIPELINE_SAYS_NOTHING, STAGE_SAYS_NOTHING, checked
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
    index = {place: number for number, place in enumerate(sorted(chosen))}
    stages = [
        maker.stage(node, index.get(place, 0), _before(place, chosen, nodes))
        for place, node in enumerate(nodes)
    ]
    raise_problems([*findings.problems])
    return maker.plan([stages[place] for place in order(chosen)], values)


def _bound(
    pipeline: Pipeline, params: Mapping[str, Any], findings: Findings
) -> tuple[Flow | None, dict[str, JSON]]:
    """Return the flow of *pipeline*, and its parameters with the defaults of those not given."""
    called = f"pipeline {quoted(str(pipeline.name))}"
    try:
        flow = pipeline.flow(**params)
    except DefinitionError as error:
        findings.problems.update(dict.fromkeys(error.problems))
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


def _before(place: int, chosen: Graph, nodes: Sequence[Node]) -> tuple[str, ...]:
    """Return the names of the stages that come directly before a chosen one."""
    if place not in chosen:
        return ()
    return tuple(nodes[before].name for before in sorted(chosen.predecessors(place)))


#: What a stage has from its pipeline where it says nothing.
_INHERITED = ("workdir", "setup", "shell", "timeout", "idle_timeout")


@attrs.frozen
class _Maker:
    """Resolves stages: what a stage says wins, then its pipeline, its server, the defaults.

    Attributes:
        pipeline: Whose stages they are.
        config: Servers and defaults.
        known_alias: Tells whether ssh_config knows a name.
        findings: Takes what is wrong.
        options: What the pipeline says.
        otherwise: What a stage has that says nothing, its servers and environment aside.
        policy: What follows the run's end.
        servers: Servers as stages that said the same have them.
    """

    pipeline: Pipeline
    config: Config
    known_alias: KnownAlias | None
    findings: Findings
    options: Mapping[str, Any]
    otherwise: Mapping[str, Any]
    policy: Policy
    servers: dict[tuple[Any, ...], tuple[Server, ...]] = attrs.field(factory=dict)

    @classmethod
    def of(
        cls,
        pipeline: Pipeline,
        config: Config,
        known_alias: KnownAlias | None,
        findings: Findings,
    ) -> _Maker:
        try:
            check_name(pipeline.name, spaces=True)
        except (TypeError, ValueError) as error:
            findings.add(f"pipeline name: {error}", pipeline.origin)
        options = {**PIPELINE_SAYS_NOTHING, **checked(pipeline, findings)}
        policy = policy_of(pipeline, config, findings)
        otherwise = {**STAGE_SAYS_NOTHING, **{name: options[name] for name in _INHERITED}}
        if otherwise["timeout"] is None:
            otherwise["timeout"] = config.defaults.timeout
        otherwise["retry"] = policy.retry or Retry(config.defaults.retry)
        return cls(pipeline, config, known_alias, findings, options, otherwise, policy)

    def stage(self, node: Node, index: int, after: tuple[str, ...]) -> PlannedStage:
        """Return *node* resolved, with its number and the names of its predecessors."""
        own = {**self.otherwise, **checked(node.stage, self.findings)}
        if node.function is not None and not node.function.importable:
            self.findings.warn(
                f"{node.called}: its function cannot be imported, so its run is resumable only by "
                "buildorch.resume(RUN, pipeline) here"
            )
        servers = self._servers(node, own)
        del own["server"], own["fallback"]
        own["workdir"], own["setup"] = servers[0].workdir, servers[0].setup
        own["env"] = {**self.options["env"], **own["env"], **node.param_env()}
        return PlannedStage(
            name=node.name,
            index=index,
            servers=servers,
            command=node.command,
            function=node.function,
            params=node.params,
            after=after,
            **own,
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

    def _servers(self, node: Node, own: Mapping[str, Any]) -> tuple[Server, ...]:
        """Return the server of a stage and its fallbacks; unknown ones are noted."""
        said = (own["server"], own["fallback"], own["workdir"], own["setup"])
        servers = self.servers.get(said)
        if servers is None:
            before = len(self.findings.problems)
            found = [self._settled(server, own) for server in self._found(node, own)]
            servers = tuple({server.name: server for server in found}.values())
            if before == len(self.findings.problems):
                self.servers[said] = servers
        return servers

    def _found(self, node: Node, own: Mapping[str, Any]) -> list[Server]:
        default = self.config.defaults.server or THIS_MACHINE.name
        first, *listed = own["server"] or self.options["server"] or (default,)
        found = self._find(first, node)
        fallbacks = [*listed, *(own["fallback"] or ())]
        if not fallbacks and own["fallback"] is None:
            of_all = self.options["fallback"]
            fallbacks = [*(found.fallback if of_all is None else of_all)]
        return [found, *(self._find(name, node) for name in fallbacks)]

    def _find(self, name: str, node: Node) -> Server:
        try:
            return planned(find_server(name, self.config, self.known_alias))
        except ValueError as error:
            self.findings.add(f"{node.called}: {error}", node.stage.origin)
            return THIS_MACHINE

    @staticmethod
    def _settled(server: Server, own: Mapping[str, Any]) -> Server:
        """Return *server* with the folder and setup that the stage has there."""
        return attrs.evolve(
            server,
            workdir=server.workdir if own["workdir"] is None else own["workdir"],
            setup=server.setup if own["setup"] is None else own["setup"],
        )
