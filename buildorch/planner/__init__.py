"""Pipeline and configuration in, plan out: everything that can be found wrong is found here.

`making` puts it together; `nodes` makes commands and merges equal stages, `options`, `servers`
and `policy` check what was said, `graphs` (the only user of networkx) finds cycles and order,
`selection` takes a part.
"""

from __future__ import annotations

from buildorch.planner.graphs import graph
from buildorch.planner.making import make_plan
from buildorch.planner.selection import Selection
from buildorch.planner.servers import find_server

__all__ = ["Selection", "find_server", "graph", "make_plan"]
