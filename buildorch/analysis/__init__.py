"""What a build log says: errors, warnings, the first real error, progress.

Read in one pass over raw bytes while the build runs. It explains an outcome; the exit code
decides it.
"""

from __future__ import annotations

from buildorch.analysis.alerts import alert
from buildorch.analysis.analyzer import Analyzer, analyze_file
from buildorch.analysis.finding import Analysis, Finding
from buildorch.analysis.rule import Details, Kind, Rule
from buildorch.analysis.tail import LastLine, Legible, readable, tail

__all__ = (
    "Analysis",
    "Analyzer",
    "Details",
    "Finding",
    "Kind",
    "LastLine",
    "Legible",
    "Rule",
    "alert",
    "analyze_file",
    "readable",
    "tail",
)
