"""luigi: tasks are built by its own scheduler in this process, with one worker."""

from __future__ import annotations

import luigi
from scheduling_work import WIDTH, Work, before, clock, measure


def schedule(count: int, work: Work) -> float:
    """Have luigi run the tasks."""
    done: set[int] = set()

    class Stage(luigi.Task):
        number = luigi.IntParameter()

        def requires(self) -> list[luigi.Task]:
            return [Stage(number=one) for one in before(self.number)]

        def complete(self) -> bool:
            return self.number in done

        def run(self) -> None:
            work.do(self.number)
            done.add(self.number)

    last = [Stage(number=number) for number in range(max(0, count - WIDTH), count)]
    begun = clock()
    luigi.build(last, local_scheduler=True, workers=1, log_level="CRITICAL")
    return clock() - begun


measure(schedule)
