"""What a run was doing when a fault came, in one word: the table counts by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from buildorch.events import AttemptStarted, Recorded, RunFinished, StageFinished

#: What the newest event of a stage means.
PHASES: Mapping[str, str] = {
    "attempt_started": "connecting",
    "connect_failed": "connecting",
    "step_launching": "launching",
    "step_started": "streaming",
    "link_lost": "reconnecting",
    "link_restored": "streaming",
    "kill_requested": "killing",
    "value_recorded": "between steps",
    "step_finished": "ending",
    "attempt_finished": "fetching",
    "artifact_stored": "fetching",
    "artifacts_collected": "fetching",
    "retry_scheduled": "backoff",
}


def phase_of(records: Sequence[Recorded], host: str, *, driven: bool) -> str:
    """Return the phase of the stage on *host* that something happened to last.

    Args:
        records: The events so far.
        host: The host, or empty for any.
        driven: Whether a controller lives.
    """
    if not driven:
        return "away"
    if any(isinstance(record.event, RunFinished) for record in records):
        return "over"
    servers: dict[str, str] = {}
    phases: dict[str, str] = {}
    for record in records:
        event = record.event
        name = getattr(event, "stage", None)
        if isinstance(event, AttemptStarted):
            servers[event.stage] = event.server
        if name is None or (host and servers.get(name) != host):
            continue
        phases.pop(name, None)
        if not isinstance(event, StageFinished) and event.kind in PHASES:
            phases[name] = PHASES[event.kind]
    return list(phases.values())[-1] if phases else "idle"


def server_of(records: Sequence[Recorded], stage: str) -> str:
    """Return where the newest attempt of *stage* runs, empty before the first."""
    started = [
        record.event.server
        for record in records
        if isinstance(record.event, AttemptStarted) and record.event.stage == stage
    ]
    return started[-1] if started else ""


def active_servers(records: Sequence[Recorded]) -> list[str]:
    """Return where stages run that have not ended, the newest first."""
    found: dict[str, str] = {}
    for record in records:
        if isinstance(record.event, AttemptStarted):
            found[record.event.stage] = record.event.server
        elif isinstance(record.event, StageFinished):
            found.pop(record.event.stage, None)
    return list(found.values())[::-1]
