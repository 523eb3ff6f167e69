"""A request as a pipeline: servers, verbs and targets looked up, all problems at once."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from buildorch.definitions import Pipeline
from buildorch.errors import Problem, raise_problems
from buildorch.flow import Flow, Stage
from buildorch.model import BuildType, Config, Server
from buildorch.names import check_name, hint, quoted, same_name
from buildorch.origin import Origin
from buildorch.requests.built_in import BUILD_TYPES
from buildorch.requests.request import Item, Request
from buildorch.requests.templates import ONE, check_target, filled, takes
from buildorch.requests.text import read_request

#: Returns the server that a name stands for; a ValueError says why there is none.
Find: TypeAlias = Callable[[str], Server]

_MOST_PROBLEMS = 50
_MOST_STAGES = 1000
_LONGEST_NAME = 60
_NAME_BYTES = 150
_LONGEST_TITLE = 100


def requested(text: str, config: Config, find: Find, file: str | None = None) -> Pipeline:
    """Return the pipeline that *text* asks for.

    Args:
        text: The request, as for `parse_request`.
        config: Has the build types of the user's own.
        find: Returns the server that a name stands for.
        file: Where the text stands, for messages.

    Raises:
        DefinitionError: Every line that is wrong, whatever is wrong with it.
    """
    request, problems = read_request(text, file)
    return resolved(request, config, find, problems)


def resolved(
    request: Request, config: Config, find: Find, problems: Sequence[Problem] = ()
) -> Pipeline:
    """Return the pipeline that *request* asks for.

    Args:
        request: The request.
        config: Has the build types of the user's own.
        find: Returns the server that a name stands for.
        problems: What is wrong with the text that it was read from.

    Raises:
        DefinitionError: Every item that no server takes, with its line, and the *problems*.

    Example:
        >>> from buildorch.requests import parse_request
        >>> host = Server(name="host-1", host="h", build_type="build.py")
        >>> made = resolved(parse_request("host: build vam"), Config(), lambda name: host)
        >>> made.flow().stages[0].command
        './build.py --module vam'
    """
    types = {**BUILD_TYPES, **config.build_types}
    wrong = [*problems]
    stages = [_stages(item, types, config, find, wrong) for item in request.items]
    if sum(map(len, stages)) > _MOST_STAGES:
        wrong.append(Problem(f"more than {_MOST_STAGES} stages; ask for them in parts"))
    raise_problems(sorted(wrong, key=lambda one: one.line or 0)[:_MOST_PROBLEMS])
    flow = _flow(request, _distinct(stages))
    return Pipeline(_called(flow.stages), flow, title=_title(flow.stages))


def _stages(
    item: Item,
    types: Mapping[str, BuildType],
    config: Config,
    find: Find,
    problems: list[Problem],
) -> list[Stage]:
    """Return the stages of *item*; what is wrong with it is added to *problems*."""
    found: list[Stage] = []
    try:
        server = find(item.alias)
        kind = _build_type(server, types, config)
        verb = item.verb or kind.usual
        for command, targets in _commands(kind, verb, item.targets):
            found.append(_stage(item, server, kind, (verb, *targets), command))
    except ValueError as error:
        problems.append(item.problem(str(error)))
    return found


def _build_type(server: Server, types: Mapping[str, BuildType], config: Config) -> BuildType:
    place = config.file or "the configuration"
    if server.build_type is None:
        raise ValueError(
            f"server {quoted(server.name)} has no build type, so nobody knows what it can be asked "
            f"for; add `build_type: {next(iter(types))}` (or {', '.join([*types][1:])}) to it in "
            f"{place}"
        )
    kind = types.get(server.build_type)
    if kind is None:
        raise ValueError(
            f"server {quoted(server.name)} has the unknown build type "
            f"{quoted(server.build_type)}{hint(server.build_type, types)}; "
            f"`build_types:` in {place} can have more"
        )
    return kind


def _commands(
    kind: BuildType, verb: str, targets: Sequence[str]
) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the commands that do *verb*, each with the targets that it is for."""
    known = kind.verbs.get(verb)
    if known is None:
        near = hint(verb, kind.verbs)
        raise ValueError(f"the build type {kind.name} has no verb {quoted(verb)}{near}")
    place = takes(known.command)
    if all(target in kind.everything for target in targets):
        targets = () if known.alone or place is None else targets
    _check_targets(kind, targets)
    if not targets and (known.alone or place is None):
        yield filled(known.alone or known.command, ()), ()
    elif not targets:
        some = f"; it takes {', '.join(kind.targets)}" if kind.targets else ""
        raise ValueError(f"`{verb}` needs a target{some}")
    elif place is None:
        raise ValueError(f"`{verb}` takes no target, but {quoted(targets[0])} is given")
    else:
        each = [[one] for one in dict.fromkeys(targets)] if place == ONE else [targets]
        yield from ((filled(known.command, one), one) for one in each)


def _check_targets(kind: BuildType, targets: Sequence[str]) -> None:
    for target in targets:
        if kind.targets and target not in kind.targets:
            near = hint(target, kind.targets)
            raise ValueError(f"the build type {kind.name} has no target {quoted(target)}{near}")
        check_target(target)


def _stage(
    item: Item, server: Server, kind: BuildType, words: Sequence[str], command: str
) -> Stage:
    origin = Origin(item.file or "", item.line, item.column) if item.line else None
    return Stage(
        name=_name([item.alias, *words]),
        command=_stoppable(command, kind.stop),
        server=server.name,
        tool=kind.tool,
        progress=kind.progress,
        title=_cut(f"{item.alias}: {' '.join(words)}"),
        origin=origin,
    )


def _stoppable(command: str, stop: str | None) -> str:
    """Return *command* so that its shell runs *stop* when the supervisor asks it to end.

    A shell waits for what it has in front of it before it runs a trap, so the command is not.
    """
    if stop is None:
        return command
    trap = shlex.quote(f"trap - TERM; {stop}\nwait; exit 143")
    return f"trap {trap} TERM; {{\n{command}\n}} & wait $!"


def _flow(request: Request, stages: Sequence[Sequence[Stage]]) -> Flow:
    """Return the stages of all items, wired as the request says."""
    items = request.items
    places = {item.number: place for place, item in enumerate(items) if item.number is not None}
    before: list[list[int]] = [[places[one] for one in item.after] for item in items]
    if request.kind == "sequential":
        before = [[place - 1] if place else [] for place in range(len(items))]
    flat = [stage for group in stages for stage in group]
    ends = [sum(map(len, stages[: place + 1])) for place in range(len(items))]
    groups = [range(end - len(group), end) for end, group in zip(ends, stages, strict=True)]
    edges = [
        (first, then)
        for place, group in enumerate(groups)
        for other in before[place]
        for first in groups[other]
        for then in group
    ]
    befores, afters = {first for first, _ in edges}, {then for _, then in edges}
    numbers = range(len(flat))
    heads = tuple(number for number in numbers if number not in afters)
    tails = tuple(number for number in numbers if number not in befores)
    return Flow(tuple(flat), tuple(edges), heads, tails)


def _distinct(groups: Sequence[Sequence[Stage]]) -> list[list[Stage]]:
    """Return the stages with names that differ: whoever asks twice gets it twice."""
    taken: set[str] = set()
    found: list[list[Stage]] = []
    for group in groups:
        found.append([])
        for stage in group:
            name, number = stage.name, 1
            while same_name(name) in taken:
                number += 1
                name = f"{stage.name}-{number}"
            taken.add(same_name(name))
            found[-1].append(stage.named(name))
    return found


def _called(stages: Sequence[Stage]) -> str:
    """Return the pipeline's name: the same request has the same one, so it does not run twice."""
    more = f" and {len(stages) - 1} more" if len(stages) > 1 else ""
    return f"{stages[0].name}{more}"


def _title(stages: Sequence[Stage]) -> str:
    return _cut("; ".join(stage.title or stage.name for stage in stages))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"


def _name(words: Sequence[str]) -> str:
    """Return a stage's name made of *words*: what no name may have becomes `-`."""
    text = unicodedata.normalize("NFC", "-".join(words))
    allowed = "".join(char if _fits(char) else "-" for char in text)
    name = "-".join(part for part in allowed.split("-") if part).strip("-.")[:_LONGEST_NAME]
    while len(name.encode()) > _NAME_BYTES:
        name = name[:-1]
    return name or "stage"


def _fits(char: str) -> bool:
    try:
        check_name(f"x{char}")
    except ValueError:
        return False
    return True
