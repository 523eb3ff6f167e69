"""What people ask for in a line or a few: `yocto: build linux-s32`.

A request names servers, verbs and targets; with the build types of the servers it becomes a
pipeline as any other. Pure: which server a name stands for is asked of a function.
"""

from __future__ import annotations

from buildorch.requests.built_in import BUILD_TYPES
from buildorch.requests.request import Item, Request, written
from buildorch.requests.resolving import Find, requested, resolved
from buildorch.requests.text import parse_request

__all__ = [
    "BUILD_TYPES",
    "Find",
    "Item",
    "Request",
    "parse_request",
    "requested",
    "resolved",
    "written",
]
