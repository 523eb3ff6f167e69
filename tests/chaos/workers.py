"""Stories side by side: each process has hosts of its own, and removes them whatever happens."""

from __future__ import annotations

import multiprocessing
import queue
import signal
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue, SimpleQueue
from pathlib import Path

from hosts.bed import Bed

from chaos.checker import violations
from chaos.living import live
from chaos.story import make_story
from chaos.table import Result, result_of


def live_seed(seed: int, bed: Bed) -> Result:
    """Live the story of *seed* and judge it; a defect of ours is a violation as well."""
    story = make_story(seed)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        try:
            evidence = live(story, bed, Path(folder))
        except Exception:  # noqa: BLE001 - the other stories go on
            told = (f"it could not be lived: {traceback.format_exc()}",)
            return Result(seed=seed, violations=told, story=tuple(map(str, story.faults)))
    return result_of(evidence, violations(evidence))


def _work(seeds: SimpleQueue[int | None], results: Queue[Result]) -> None:
    """Live stories on hosts of this process's own until there are no more."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    bed = Bed()
    try:
        bed.make(3)
        while (seed := seeds.get()) is not None:
            results.put(live_seed(seed, bed))
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # removing is not to be hurried
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        bed.remove()


def lived(seeds: Sequence[int], jobs: int) -> Iterator[Result]:
    """Yield what becomes of each story, as it ends."""
    context = multiprocessing.get_context("spawn")
    todo: SimpleQueue[int | None] = context.SimpleQueue()
    done: Queue[Result] = context.Queue()
    for seed in [*seeds, *[None] * jobs]:
        todo.put(seed)
    workers = [context.Process(target=_work, args=(todo, done)) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    try:
        for _ in seeds:
            yield _next(done, workers)
    finally:
        _end(workers)


def _next(done: Queue[Result], workers: Sequence[BaseProcess]) -> Result:
    """Return the next result; raises where nobody is left who could make one."""
    while True:
        alive = any(worker.is_alive() for worker in workers)
        try:
            return done.get(timeout=1.0)
        except queue.Empty:
            if not alive:
                raise RuntimeError("all workers have ended before their stories") from None


def _end(workers: Sequence[BaseProcess]) -> None:
    for worker in workers:
        worker.join(0.5)
        if worker.is_alive():
            worker.terminate()
    for worker in workers:
        worker.join()
