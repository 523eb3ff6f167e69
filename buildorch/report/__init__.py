"""The report of a run: one HTML page with everything, JUnit XML, and a summary in Markdown.

Reads what the store holds of a run, and its logs; knows nothing of who drives it.
"""

from __future__ import annotations

from buildorch.report.facts import Report, read_report
from buildorch.report.junit import junit
from buildorch.report.markdown import markdown
from buildorch.report.page import page
from buildorch.report.writing import Written, write_report

__all__ = ["Report", "Written", "junit", "markdown", "page", "read_report", "write_report"]
