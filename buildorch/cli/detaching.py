"""`--detach`: a controller that outlives the terminal, in a session of its own."""

from __future__ import annotations

import contextlib
import json as jsonlib
import os
import sys
import traceback
from pathlib import Path

from buildorch import api
from buildorch.cli.driving import Opened, signals_to
from buildorch.cli.program import MISTAKES
from buildorch.errors import BuildorchError, StoreError, UsageError
from buildorch.observers.diary import Diary
from buildorch.store.codec import line
from buildorch.store.places import Places
from buildorch.view import exit_code

_INTERNAL = 70


def detached(opened: Opened, options: api.Options, *, json: bool = False) -> int:
    """Start a controller that goes on by itself; returns once it owns the run.

    Args:
        opened: Returns the context in which the run is driven.
        options: Where the state folder is.
        json: Whether stdout gets a JSON object instead of the bare id.

    Returns:
        0 once the run is stored and owned; its id is on stdout.

    Raises:
        UsageError: The controller could not begin; says why.
        StoreError: Likewise, and the fault is the machine's.
    """
    ready, tell = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(ready)
        _become_controller(opened, options, tell)
    os.close(tell)
    with os.fdopen(ready, encoding="utf-8") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    begun = _begun(said)
    run = begun["run"]
    print(jsonlib.dumps(begun) if json else run)
    print(
        f"the run goes on by itself: `buildorch status {run}` shows it, `buildorch cancel {run}` "
        f"ends it; its controller keeps the diary {begun['log']}",
        file=sys.stderr,
    )
    return 0


def _begun(said: str) -> dict[str, str]:
    """Return what the controller answered, or raise what kept it from beginning."""
    answer: dict[str, str] = jsonlib.loads(said or '{"kind": "defect", "error": "it was killed"}')
    match answer.pop("kind", None):
        case None:
            return answer
        case "usage":
            raise UsageError(answer["error"])
        case "infrastructure":
            raise StoreError(answer["error"])
    raise RuntimeError(f"the controller ended before it owned the run: {answer['error']}")


def _become_controller(opened: Opened, options: api.Options, tell: int) -> None:
    """Leave the terminal and drive the run; never returns."""
    os.setsid()
    if os.fork():
        os._exit(0)
    code = _INTERNAL
    try:
        code = _control(opened, options, tell)
    except BuildorchError as error:
        mistake = isinstance(error, MISTAKES)
        _answer(tell, kind="usage" if mistake else "infrastructure", error=str(error))
        print(f"buildorch: {error}", file=sys.stderr)
    except BaseException as error:  # noqa: BLE001 - told to the waiting parent, then in the log
        _answer(tell, kind="defect", error=repr(error))
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _control(opened: Opened, options: api.Options, tell: int) -> int:
    with api.history(options) as (places, _):
        early = _redirect(places)
    diary = Diary(places.controller_log, line)
    try:
        with opened([diary]) as driver:
            view = driver.controller.view
            log = places.controller_log(view.run)
            _join(early, log)
            _answer(tell, run=view.run, results=view.results, log=str(log))
            with signals_to(driver.inbox, ci=False):
                return exit_code(driver.drive())
    finally:
        diary.close()
        early.unlink(missing_ok=True)


def _redirect(places: Places) -> Path:
    """Let stdin come from nowhere, and the rest go to a file until the run has an id."""
    early = places.controller_log(f"starting-{os.getpid()}")
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(early, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for target, source in ((0, nothing), (1, file), (2, file)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(file)
    return early


def _join(early: Path, log: Path) -> None:
    """Let what is printed go where the run's diary is: an earlier controller may have begun it."""
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, early.read_bytes())
    early.unlink()
    for target in (1, 2):
        os.dup2(file, target)
    os.close(file)


def _answer(tell: int, **said: str) -> None:
    """Write the answer to the waiting parent, once."""
    with contextlib.suppress(OSError):  # it was told already
        os.write(tell, jsonlib.dumps(said).encode())
        os.close(tell)
