"""How late an end is known, and how late what waits for it begins."""

from __future__ import annotations

from bench.peers import ansible, openssh
from bench.peers.libraries import BUILDORCH, CLUSTERSHELL, FABRIC, POLLING
from bench.row import Row
from bench.targets import all_of, at_most, none_lost

_LINKS = 40

ROW = Row(
    name="notice",
    title="From the end of a remote process until the next stage's command has begun",
    contenders=(
        BUILDORCH.contender("notice", _LINKS),
        openssh.contender(openssh.MASTER, "notice", _LINKS),
        FABRIC.contender("notice", _LINKS),
        CLUSTERSHELL.contender("notice", _LINKS),
        ansible.contender("async poll 1", 10),
        POLLING.contender("notice", 2, times=1),
    ),
    target=all_of(
        none_lost(),
        at_most("known_ms", 10, "ms until it is known"),
        at_most("begun_ms", 20, "ms until the next has begun"),
    ),
    columns={"known_ms": "known after, ms", "begun_ms": "next begun after, ms"},
    bar="begun_ms",
    note=(
        "Commands write down the clock themselves, `date` before and after, on hosts that share "
        "the clock of this machine; the figure is the median over the links of a chain. Known "
        "means stored in the history here. A poll every 30 s misses an end by anything up to "
        "30 s; these commands are short, so it misses nearly all of it."
    ),
)
