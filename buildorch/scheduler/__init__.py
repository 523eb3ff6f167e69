"""The run's state and every decision about it: facts in, events and actions out.

No I/O, no clock, no thread, no randomness of its own: time and chance come in as arguments.
`state` holds what is known and how each event changes it, `decide` what follows, `machine`
puts the two together for the runner.
"""

from buildorch.scheduler.machine import Scheduler

__all__ = ["Scheduler"]
