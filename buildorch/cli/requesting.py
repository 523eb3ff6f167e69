"""Commands that are asked for builds in a few words: build and request."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import attrs

from buildorch import api
from buildorch.cli.command import command
from buildorch.cli.running import (
    ABANDON,
    DRIVING,
    PARALLEL,
    begun,
    driving_options,
    run,
)
from buildorch.definitions import Pipeline
from buildorch.errors import UsageError
from buildorch.model import Config, Plan
from buildorch.names import nearest
from buildorch.requests import Find, Item, Request, requested, resolved

_STDIN = "-"
_CANCELLED = 130
_PIPELINES = (".yaml", ".yml", ".py")
#: Requests of one word.
_OTHERS = ("status",)
_EXAMPLE = "buildorch request 'yocto: build linux-s32'"

_HELP = {
    "dry_run": "say what would run, and run nothing",
    "results": "folder for results folders",
    "allow_parallel": PARALLEL,
    "yes": "ask nothing",
    "abandon_after": ABANDON,
    **DRIVING,
}


@attrs.frozen(kw_only=True)
class _How:
    """How what was asked for is run: options that both commands have."""

    dry_run: bool
    detach: bool
    json: bool
    quiet: bool
    verbose: bool
    results: str
    no_notify: bool
    allow_parallel: bool
    ci: bool
    yes: bool
    abandon_after: str | None


@command(
    positional=["alias", "target"],
    iterable=["target"],
    help={
        "alias": "the server: its name, its alias, or the beginning of one",
        "target": "what is built there; which targets there are is up to its build type",
        "verb": "what is done with it; else `build`, or what its build type does first",
        **_HELP,
    },
)
def build(
    alias: str,
    target: Sequence[str] = (),
    verb: str | None = None,
    dry_run: bool = False,
    detach: bool = False,
    json: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    results: str = "results",
    no_notify: bool = False,
    allow_parallel: bool = False,
    ci: bool = False,
    yes: bool = False,
    abandon_after: str | None = None,
    config: str | None = None,
) -> int:
    """Build targets on a server, as its build type does it.

    What would run is shown before; on a terminal it is asked whether that is meant.
    """
    how = _How(
        dry_run=dry_run,
        detach=detach,
        json=json,
        quiet=quiet,
        verbose=verbose,
        results=results,
        no_notify=no_notify,
        allow_parallel=allow_parallel,
        ci=ci,
        yes=yes,
        abandon_after=abandon_after,
    )
    item = Item(alias=alias, verb=verb, targets=target)
    settings = api.configuration(config)
    asked = Request(kind="parallel", items=[item])
    return _run(resolved(asked, settings, _find(settings)), settings, how)


@command(
    positional=["words"],
    iterable=["words"],
    help={"words": "a file, `-` for stdin, or the text of the request itself", **_HELP},
)
def request(
    words: Sequence[str] = (),
    dry_run: bool = False,
    detach: bool = False,
    json: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    results: str = "results",
    no_notify: bool = False,
    allow_parallel: bool = False,
    ci: bool = False,
    yes: bool = False,
    abandon_after: str | None = None,
    config: str | None = None,
) -> int:
    """Run what a text asks for: a line for each build, on any number of servers.

    Its first line is `pipeline:`, `parallel:` or `sequential:`. What would run is shown before;
    on a terminal it is asked whether that is meant. `run FILE` and `status` are taken as well,
    and do what these commands do.
    """
    how = _How(
        dry_run=dry_run,
        detach=detach,
        json=json,
        quiet=quiet,
        verbose=verbose,
        results=results,
        no_notify=no_notify,
        allow_parallel=allow_parallel,
        ci=ci,
        yes=yes,
        abandon_after=abandon_after,
    )
    text, place = _text(words)
    match text.split():
        case ["run", file]:
            return _run_file(file, how, config)
        case ["status", *rest] if len(rest) <= 1:
            from buildorch.cli.looking import status  # noqa: PLC0415 - only where it is asked for

            return int(status.body(*rest, config=config))
    settings = api.configuration(config)
    return _run(requested(text, settings, _find(settings), place), settings, how)


def _text(words: Sequence[str]) -> tuple[str, str | None]:
    """Return the text of a request, and the file that it stands in."""
    if list(words) == [_STDIN] or (not words and not sys.stdin.isatty()):
        return _decoded(sys.stdin.buffer.read(), "stdin"), "stdin"
    if not words:
        raise UsageError(f"nothing is asked for: give FILE, - or a text, as in `{_EXAMPLE}`")
    if len(words) > 1 or any(char.isspace() for char in words[0]):
        return " ".join(words), None
    path = Path(words[0])
    if words[0] in _OTHERS and not path.exists():
        return words[0], None
    if path.suffix.lower() in _PIPELINES:
        raise UsageError(f"{path} is no request but a pipeline: `buildorch run {path}`")
    try:
        return _decoded(path.read_bytes(), words[0]), words[0]
    except FileNotFoundError:
        near = nearest(path.name, [one.name for one in path.parent.glob("*")])
        hint = f"did you mean {path.with_name(near)}? " if near else ""
        example = f"a request has a space at least, as in `{_EXAMPLE}`"
        raise UsageError(f"there is no file {words[0]}; {hint}{example}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{words[0]} cannot be read: {error}") from error


def _decoded(data: bytes, called: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{called}:{line}: a byte that is no UTF-8; save it as UTF-8") from error


def _find(config: Config) -> Find:
    """Return what finds servers: those of *config*, then of ssh_config."""
    from buildorch.backends.ssh_config import is_ssh_alias  # noqa: PLC0415 - only where servers are named
    from buildorch.planner import find_server  # noqa: PLC0415 - loads networkx

    return lambda name: find_server(name, config, is_ssh_alias)


def _run(pipeline: Pipeline, config: Config, how: _How) -> int:
    """Show what *pipeline* would do, ask whether that is meant, and run it."""
    options = driving_options(
        config, no_notify=how.no_notify, ci=how.ci, abandon_after=how.abandon_after
    )
    options = attrs.evolve(options, results=how.results)
    plan = api.plan(pipeline, config=config)
    if not _meant(plan, config, how):
        return 0 if how.dry_run else _CANCELLED
    return begun(
        plan,
        pipeline,
        options,
        allow_parallel=how.allow_parallel,
        detach=how.detach,
        json=how.json,
        quiet=how.quiet,
        verbose=how.verbose,
        ci=how.ci,
    )


def _meant(plan: Plan, config: Config, how: _How) -> bool:
    """Show *plan*, and tell whether it shall run: without a terminal, or with --yes, it shall."""
    from buildorch.explaining import explain  # noqa: PLC0415 - only where a plan is explained

    asking = not how.yes and not how.ci and sys.stdin.isatty() and sys.stderr.isatty()
    if how.dry_run:
        print(explain(plan, config))
        return False
    if asking or not how.quiet:
        print(f"{explain(plan, config)}\n", file=sys.stderr, flush=True)
    if not asking:
        return True
    print("Run it? [Y/n] ", end="", file=sys.stderr, flush=True)
    said = sys.stdin.readline()
    if said.strip().lower() in ("y", "yes") or said == "\n":
        return True
    print("nothing was run", file=sys.stderr)
    return False


def _run_file(file: str, how: _How, config: str | None) -> int:
    """Do what `buildorch run FILE` does."""
    return int(run.body(file, config=config, **attrs.asdict(how)))
