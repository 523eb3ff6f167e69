"""The transition table as a page: what `docs/states.md` holds, so that it cannot be wrong."""

from __future__ import annotations

from collections.abc import Iterator

from buildorch.scheduler.table import BY_EVENT, BY_STATE, MEANING, Phase

_HEAD = """\
# The states of a stage

Drawn from `buildorch/scheduler/table.py`; a test compares the two.
An arrow with a name of the form `step_finished` is a stored event, one in words follows from the
state of other stages. Whether the link to the server is up is a flag on a running stage, not a
state. `finished` carries the status: succeeded, failed, timed_out, cancelled, skipped,
unreachable, lost, no_space or up_to_date.

```mermaid
stateDiagram-v2
    [*] --> waiting
"""


def states_page() -> str:
    """Return the page, as Markdown."""
    meanings = (f"| `{phase}` | {MEANING[phase]} |\n" for phase in Phase)
    table = "".join(("| state | meaning |\n|---|---|\n", *meanings))
    return f"{_HEAD}{''.join(_arrows())}    finished --> [*]\n```\n\n{table}"


def _arrows() -> Iterator[str]:
    for phase in Phase:
        for condition, target in BY_STATE.get(phase, {}).items():
            yield f"    {phase} --> {target}: {condition}\n"
        for event, target in BY_EVENT[phase].items():
            if target is not phase:
                yield f"    {phase} --> {target}: {event.kind}\n"
