"""How much work something is: bytecode instructions, which are the same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def instructions(work: Callable[[], object]) -> int:
    """Return how many bytecode instructions *work* takes in this thread."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        del argument
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def growth(small: int, work: Callable[[int], Callable[[], object]]) -> float:
    """Return how much more work twice the size is: 2 where it is linear, 4 where it is quadratic.

    Args:
        small: The smaller size.
        work: Prepares the work of a size.
    """
    instructions(work(1))  # what is made at first use is no part of it
    return instructions(work(2 * small)) / instructions(work(small))
