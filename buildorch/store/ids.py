"""Names of runs: the long one that is stored, the short one that people type.

A run's id is `YYYYMMDD-HHMMSS-xxxxxx`: the local time of its creation, so that it means
something to whoever types it, and random digits, so that two laptops never share one. Lists
are sorted by the stored time of creation, never by id: local time can go back. Its short name
is `MMDD-n`, the n-th run of its day on this machine; it belongs to the newest run of that name.
"""

from __future__ import annotations

import difflib
import os
import re
import time
from collections.abc import Iterable, Mapping

from buildorch.errors import RunNotFound

#: The newest run.
LAST = "last"

_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")


def new_run_id(at: float) -> str:
    """Return an id for a run that is created now.

    Args:
        at: Unix time of its creation, in seconds.

    Returns:
        22 characters: digits, small letters and `-`.

    Example:
        >>> len(new_run_id(0.0))
        22
    """
    return f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(at))}-{os.urandom(3).hex()}"


def short_name(run: str, number: int) -> str:
    """Return the short name of the *number*-th run of its day.

    Example:
        >>> short_name("20260714-093012-4fa2c1", 2)
        '0714-2'
    """
    return f"{run[4:8]}-{number}" if _ID.fullmatch(run) else run


def resolve(text: str, known: Mapping[str, str]) -> str:
    """Return the id of the run that *text* names.

    Args:
        text: An id, a unique beginning of one, a short name, or `last`.
        known: Short name of each run by its id, the oldest first.

    Returns:
        The id.

    Raises:
        RunNotFound: No run is named so, or several ids begin so; says which come near.

    Example:
        >>> resolve("0714-1", {"20260714-093012-4fa2c1": "0714-1"})
        '20260714-093012-4fa2c1'
    """
    if text == LAST and known:
        return list(known)[-1]
    if text in known:
        return text
    matches = [run for run, short in known.items() if short == text] or [
        run for run in known if text and run.startswith(text)
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise RunNotFound(f"several runs begin with {text!r}: {_listed(matches, known)}; type more")
    raise RunNotFound(f"no run is called {text!r}; {_hint(text, known)}")


def _hint(text: str, known: Mapping[str, str]) -> str:
    if not known:
        return "this machine has no runs yet"
    runs = {name: run for run, short in known.items() for name in (run, short)}
    near = dict.fromkeys(runs[name] for name in difflib.get_close_matches(text, runs, n=3))
    if near:
        return f"did you mean {_listed(near, known)}?"
    return f"the newest are {_listed(list(known)[-3:], known)}; `buildorch history` lists all"


def _listed(runs: Iterable[str], known: Mapping[str, str]) -> str:
    return ", ".join(run if known[run] == run else f"{known[run]} ({run})" for run in runs)
