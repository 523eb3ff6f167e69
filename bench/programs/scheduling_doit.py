"""doit: tasks of a module are run, each a Python function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain
from scheduling_work import Work, before, clock, measure


def schedule(count: int, work: Work) -> float:
    """Have doit load the tasks and run them."""

    def do(number: int) -> None:
        work.do(number)

    def task_s() -> Iterator[dict[str, Any]]:
        for number in range(count):
            yield {
                "name": str(number),
                "actions": [(do, [number])],
                "task_dep": [f"s:{one}" for one in before(number)],
            }

    config = {"reporter": "zero", "backend": "json", "dep_file": "doit.json", "verbosity": 0}
    begun = clock()
    main = DoitMain(ModuleTaskLoader({"task_s": task_s, "DOIT_CONFIG": config}))
    code = main.run(["run"])
    seconds = clock() - begun
    if code:
        raise SystemExit(code)
    return seconds


measure(schedule)
