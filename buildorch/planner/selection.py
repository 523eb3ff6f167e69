"""Which stages of a pipeline a run takes: `only`, `until` and `skip`."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from buildorch.names import hint, quoted, same_name, shown_name
from buildorch.planner.findings import Findings
from buildorch.planner.graphs import Graph, ancestors, bridged


def _names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return names as a tuple: one may stand alone, or between commas with others."""
    given = (value,) if isinstance(value, str) else tuple(value or ())
    return tuple(name.strip() for one in given for name in one.split(",") if name.strip())


@attrs.frozen
class Selection:
    """Names of stages, as a caller gave them.

    Attributes:
        only: Take these, and no others.
        until: Take these and all that comes before them.
        skip: Leave these out; what follows them follows what came before them.
    """

    only: tuple[str, ...] = attrs.field(default=(), converter=_names)
    until: tuple[str, ...] = attrs.field(default=(), converter=_names)
    skip: tuple[str, ...] = attrs.field(default=(), converter=_names)

    def apply(self, found: Graph, names: Sequence[str], findings: Findings) -> Graph:
        """Return the graph of the selected stages; unknown names are noted.

        Args:
            found: The graph of all stages by number; without cycles.
            names: Their names by number.
            findings: Takes what is wrong.
        """
        if not (self.only or self.until or self.skip):
            return found
        known = self.check(names, findings)
        kept = set(found)
        if self.until:
            kept &= ancestors(found, _numbers(self.until, names))
        if self.only:
            kept &= _numbers(self.only, names)
        kept -= _numbers(self.skip, names)
        if known and names and not kept:
            findings.add("no stage is left to run; choose others with only, until or skip")
        return bridged(found, kept)

    def check(self, names: Sequence[str], findings: Findings) -> bool:
        """Note the names that are no stage's, each with the nearest one; tell if there are none."""
        given = [(option, name) for option, some in attrs.asdict(self).items() for name in some]
        unknown = [(option, name) for option, name in given if not _numbers((name,), names)]
        for option, name in unknown:
            findings.add(f"{option}: unknown stage {quoted(name)}{hint(name, names)}")
        return not unknown


def _numbers(given: Sequence[str], names: Sequence[str]) -> set[int]:
    """Return the numbers of the stages that *given* names mean; `yocto_image` is `yocto-image`."""
    wanted = {same_name(name) for name in given} | {same_name(shown_name(name)) for name in given}
    return {number for number, name in enumerate(names) if same_name(name) in wanted}
