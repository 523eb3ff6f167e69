"""Shows a run: the live board, plain lines, JSON lines, and texts about its end and status."""

from __future__ import annotations
