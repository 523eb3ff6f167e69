"""What a kind of build is: its commands by verb, and what its log and its end are like."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from buildorch.model.values import frozen_mapping, tuple_of


@attrs.frozen
class Verb:
    """One thing that a build type can do.

    Attributes:
        command: Text for the shell. `{target}` stands for one target, and each target becomes a
            stage of its own; `{targets}` stands for all of them. A command with neither takes none.
        alone: The command where no target is given; None: at least one is needed.
    """

    command: str
    alone: str | None = None


def _verb(value: Verb | str) -> Verb:
    return value if isinstance(value, Verb) else Verb(value)


def _verbs(value: Mapping[str, Verb | str]) -> Mapping[str, Verb]:
    return frozen_mapping({name: _verb(one) for name, one in value.items()})


@attrs.frozen(kw_only=True)
class BuildType:
    """What servers of a kind can be asked for, in requests and by `buildorch build`.

    Attributes:
        name: What servers call it in `build_type`.
        verbs: What it can do, by name; text stands for a verb without more. `build`, else the
            first, is what is meant where none is said.
        targets: The only targets that it takes; empty: any.
        everything: Words that mean no target in particular, such as `all`.
        tool: The tool that the analysis of logs shall name; None: found out from the log.
        progress: Pattern at the beginning of a line of progress, with the groups `done` and
            `total`, or `percent`.
        stop: Shell text that is run on the server when a build is stopped before its end.

    Example:
        >>> west = BuildType(name="west", verbs={"build": "west build {target}"})
        >>> west.verbs["build"]
        Verb(command='west build {target}', alone=None)
    """

    name: str
    verbs: Mapping[str, Verb] = attrs.field(converter=_verbs)
    targets: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    everything: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    tool: str | None = None
    progress: str | None = None
    stop: str | None = None

    @property
    def usual(self) -> str:
        """The verb that is meant where none is said."""
        return "build" if "build" in self.verbs else next(iter(self.verbs), "build")
