"""The command that writes the report of a run."""

from __future__ import annotations

import sys
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
        "config": CONFIG,
    },
)
def report(
    run: str = "last",
    out: str | None = None,
    form: str | None = None,
    open: bool = False,  # noqa: A002 - the option's name
    config: str | None = None,
) -> int:
    """Write a run as one HTML page with all its logs, as JUnit XML and as Markdown.

    Prints where they are.
    """
    if form is not None:
        _refuse(form, beside=out is not None or open)
    with settings.history(settings.Options(config=config)) as (places, store):
        found = store.find(run)
        known = read_report(store, found, alive=holder(places, found) is not None)
    if form is not None:
        sys.stdout.writelines(_FORMS[form](known))
        return 0
    written = write_report(known, Path(out) if out is not None else None)
    print(written.html, written.junit, written.markdown, sep="\n")
    if open:
        _show(written.html)
    return 0


def _refuse(form: str, *, beside: bool) -> None:
    """Raise where there is no such form, or where it is not what is wanted."""
    if form not in _FORMS:
        raise UsageError(f"--form: unknown form {form!r}{hint(form, _FORMS)}")
    if beside:
        raise UsageError("--form writes to stdout: leave out --out and --open, or --form")


def _show(path: Path) -> None:
    import webbrowser  # noqa: PLC0415 - only where one is wanted

    if not webbrowser.open(path.as_uri()):
        print(f"no browser was found here; open {path} yourself", file=sys.stderr)
