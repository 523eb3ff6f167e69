"""Far away: how many round trips a stage takes."""

from __future__ import annotations

import attrs

from bench.bench import Bench
from bench.peers import openssh
from bench.peers.libraries import BUILDORCH
from bench.row import Contender, Row, Sample
from bench.targets import all_of, no_slower, none_lost

_COUNT, _EACH_WAY = 20, 0.05


def _far(contender: Contender) -> Contender:
    """Return the contender with a host that is 50 ms away."""

    def run(bench: Bench) -> Sample:
        host = bench.hosts(1).hosts[0]
        host.network.delay(_EACH_WAY * 1000)
        before = host.network.traffic()
        try:
            sample = contender.run(bench)
            after = host.network.traffic()
        finally:
            host.network.delay(0)
        packets = after.sent_packets + after.received_packets
        packets -= before.sent_packets + before.received_packets
        return attrs.evolve(sample, figures=_figures(sample, packets))

    return attrs.evolve(contender, run=run)


def _figures(sample: Sample, packets: int) -> dict[str, float]:
    each = sample.seconds / sample.asked
    return {"trips": each / (2 * _EACH_WAY), "packets": packets / sample.asked}


ROW = Row(
    name="distance",
    title="Chain of 20 `true`, 50 ms away each way",
    contenders=(
        _far(BUILDORCH.contender("chain", _COUNT)),
        _far(openssh.contender(openssh.MASTER, "chain", _COUNT)),
    ),
    target=all_of(
        none_lost(),
        no_slower(openssh.MASTER, figure="trips", text="at most as many round trips as"),
    ),
    columns={"each_ms": "ms a stage", "trips": "round trips a stage", "packets": "packets a stage"},
    bar="trips",
    note="Connecting and the end of the run are included. Packets are counted at the link.",
)
