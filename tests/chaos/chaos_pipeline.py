"""The pipeline of a story; stands beside `story.json` in the folder of the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from buildorch import Notify, Pipeline, Stage, StageContext, stage
from buildorch.flow import Flow

_STORY: dict[str, Any] = json.loads(Path(__file__).with_name("story.json").read_text())


def _words(told: dict[str, Any], number: int) -> list[str]:
    """Return the command of a step; only the last one makes the artifact."""
    step = told["steps"][number]
    last = number + 1 == len(told["steps"])
    return [
        *("sh", "/workspace/program.sh", str(step["batches"]), str(step["size"])),
        *(str(step["pause"]), ",".join(map(str, step["codes"])), step["end"], step["child"]),
        str(told["artifacts"] if last else 0),
    ]


def several(c: StageContext, number: int) -> None:
    """Take the steps of a stage; between them are things that a replay has to find again."""
    told = _STORY["stages"][number]
    for index in range(len(told["steps"])):
        c.once(f"before {index}", lambda: 1)
        c.run(_words(told, index), name=f"step {index}")
        c.outputs["steps"] = index


def _stage(number: int, told: dict[str, Any]) -> Stage:
    made = (
        stage(name=told["name"])(several)(number=number)
        if told["function"]
        else Stage(name=told["name"], command=" ".join(["exec", *_words(told, 0)]))
    )
    return made.with_(
        server=told["server"],
        fallback=told["fallback"] or None,
        retry=told["retry"],
        timeout=told["timeout"],
        always=told["always"],
        allow_failure=told["allow_failure"],
        artifacts=[f"out/{told['name']}/*"] if told["artifacts"] else [],
    )


def _flow() -> Flow:
    stages = tuple(_stage(number, told) for number, told in enumerate(_STORY["stages"]))
    edges = tuple(
        (before, number) for number, told in enumerate(_STORY["stages"]) for before in told["after"]
    )
    heads = tuple(n for n, told in enumerate(_STORY["stages"]) if not told["after"])
    return Flow(stages, edges, heads, tuple(range(len(stages))))


chaos = Pipeline(
    "chaos",
    _flow(),
    parallel_limit=_STORY["parallel"],
    on_failure=Notify("discord"),
    on_success=Notify("discord"),
)
