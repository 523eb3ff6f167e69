"""The command that writes the report of a run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from buildorch import settings
from buildorch.cli.command import CONFIG, RUN, command
from buildorch.errors import UsageError
from buildorch.names import hint
from buildorch.report import Report, junit, markdown, page, read_report, write_report
from buildorch.store.ownership import holder

_FORMS: Mapping[str, Callable[[Report], Iterable[str]]] = {
    "html": page,
    "junit": lambda report: [junit(report)],
    "markdown": lambda report: [markdown(report)],
}


@command(
    positional=["run"],
    help={
        "run": RUN,
        "out": "the page, the others stand beside it; else `report.html` in the results folder",
        "form": "write nothing but one of html, junit and markdown, to stdout",
        "open": "show the page in the browser of this machine",
        "live": "write the page anew every few seconds until the run has ended",
        "config": CONFIG,
    },
)
def report(
    run: str = "last",
    out: str | None = None,
    form: str | None = None,
    open: bool = False,  # noqa: A002 - the option's name
    live: bool = False,
    config: str | None = None,
) -> int:
    """Write a run as one HTML page with all its logs, as JUnit XML and as Markdown.

    Prints where they are. With --live a browser that shows the page follows the run.
    """
    if form is not None:
        _refuse(form, beside=out is not None or open or live)
        sys.stdout.writelines(_FORMS[form](_known(run, config)))
        return 0
    known, target = _known(run, config), Path(out) if out is not None else None
    written = write_report(known, target, again=_again(known, live=live))
    print(written.html, written.junit, written.markdown, sep="\n", flush=True)
    if open:
        _show(written.html)
    try:
        while _again(known, live=live) is not None:
            time.sleep(_EVERY)
            known = _known(known.view.run, config)
            write_report(known, target, again=_again(known, live=live))
    except KeyboardInterrupt:
        write_report(_known(known.view.run, config), target)
    return 0


#: Seconds between two states of a live page.
_EVERY = 3


def _known(run: str, config: str | None) -> Report:
    """Return what is known of a run now."""
    with settings.history(settings.Options(config=config)) as (places, store):
        found = store.find(run)
        return read_report(store, found, alive=holder(places, found) is not None)


def _again(report: Report, *, live: bool) -> int | None:
    """Return the seconds until there is more to show; None where there will be nothing."""
    return _EVERY if live and report.alive and report.view.status is None else None


def _refuse(form: str, *, beside: bool) -> None:
    """Raise where there is no such form, or where it is not what is wanted."""
    if form not in _FORMS:
        raise UsageError(f"--form: unknown form {form!r}{hint(form, _FORMS)}")
    if beside:
        raise UsageError("--form writes to stdout: leave out --out, --open and --live, or --form")


def _show(path: Path) -> None:
    import webbrowser  # noqa: PLC0415 - only where one is wanted

    if not webbrowser.open(path.as_uri()):
        print(f"no browser was found here; open {path} yourself", file=sys.stderr)
