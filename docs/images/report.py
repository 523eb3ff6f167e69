"""Makes report.png: runs a pipeline twice, and looks at its report in Chromium.

    .venv/bin/python docs/images/report.py

Nothing in the picture is drawn by hand. It takes the pipeline and the browser of the tests, with
the day's times divided by some hundred.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))

from report.browser import chromium  # noqa: E402
from report.example import Example  # noqa: E402

from buildorch.report import write_report  # noqa: E402


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, chromium(Path(folder, "chromium")) as browser:
        example = Example.made(Path(folder))
        page = write_report(example.report(example.bad)).html
        browser.look(width=1120, height=1180)
        browser.open(page)
        (HERE / "report.png").write_bytes(browser.picture())
        browser.look(dark=True, width=1120, height=1180)
        browser.open(page)
        (HERE / "report-dark.png").write_bytes(browser.picture())


if __name__ == "__main__":
    main()
