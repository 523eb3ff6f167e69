"""Showing a run that another process drives."""

from __future__ import annotations

from buildorch.observers.board import Board
from buildorch.observers.jsonlines import JsonLines
from buildorch.observers.lines import Lines
from buildorch.watched import Watched


def watch(watched: Watched, shown: Board | Lines | JsonLines) -> bool:
    """Show a run until it is over or nobody drives it; Ctrl-C leaves only this view.

    Returns:
        Whether it was watched to the end.
    """
    try:
        for record in watched.records():
            shown.see(watched.view, record)
    except KeyboardInterrupt:
        if isinstance(shown, Board):
            shown.leave()
        return False
    shown.close()
    return True
