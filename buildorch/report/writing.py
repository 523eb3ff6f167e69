"""The files of a report: they appear under their names only when they are whole."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import attrs

from buildorch.errors import UsageError
from buildorch.report.facts import Report
from buildorch.report.junit import junit
from buildorch.report.markdown import markdown
from buildorch.report.page import page

#: Name of the page in the results folder.
NAME = "report.html"


@attrs.frozen
class Written:
    """Where a report is.

    Attributes:
        html: The page.
        junit: The JUnit XML.
        markdown: The Markdown.
    """

    html: Path
    junit: Path
    markdown: Path


def write_report(report: Report, out: Path | None = None, *, again: int | None = None) -> Written:
    """Write the page, and beside it the JUnit XML and the Markdown.

    Readable for this account alone, as the logs are.

    Args:
        report: What is told.
        out: The page; None is `report.html` in the results folder. The others have its name
            with `.xml` and `.md`.
        again: Seconds after which a browser reads the page again; None: never.

    Raises:
        UsageError: They cannot be written.
    """
    results = Path(report.view.results)
    target = (out if out is not None else results / NAME).absolute()
    home = results if target.parent == results else None
    written = Written(target, target.with_suffix(".xml"), target.with_suffix(".md"))
    try:
        _write(written.html, page(report, home, again=again))
        _write(written.junit, [junit(report)])
        _write(written.markdown, [markdown(report)])
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {target}: {error.strerror}; name another place "
            "with --out FILE"
        ) from error
    return written


def _write(path: Path, parts: Iterable[str]) -> None:
    with _replacing(path) as file:
        for part in parts:
            file.write(part)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    partial = path.with_name(f".{secrets.token_hex(8)}.partial")
    # Never through a link that somebody put there, and for nobody else to read.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(partial, flags, 0o600), "w", encoding="utf-8") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
