"""Removing what is left of jobs that ended long ago; living jobs are never touched."""

import os
import time

from buildorch.remote.agent import account


def clean(state: account.State, age: float) -> "tuple[int, int]":
    """Remove the folders of jobs that ended more than *age* seconds ago.

    Returns:
        How many jobs were removed, and the bytes of their files.
    """
    limit = time.time() - age
    jobs = freed = 0
    for name in os.listdir(state.jobs):
        place = state.folder(name)
        if _changed(place.path) < limit and not place.held():
            freed += sum(_size(place.at(file)) for file in os.listdir(place.path))
            jobs += not name.startswith(".")
            place.forget()
    kept = os.listdir(state.jobs)
    for memory in os.listdir(state.ends):
        if memory not in kept:
            _remove_old(os.path.join(state.ends, memory), limit)
    runs = {name.split(".", 1)[0] for name in kept}
    for run in os.listdir(state.runs):
        if run not in runs:
            _remove_old(os.path.join(state.runs, run), limit)
    return jobs, freed


def _remove_old(path: str, limit: float) -> None:
    try:
        if _changed(path) < limit:
            os.unlink(path)
    except OSError:
        return


def _changed(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return time.time()


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
