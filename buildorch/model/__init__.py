"""The frozen values that the whole package speaks in: servers, stages, plans, configuration.

Owns no behaviour beyond what follows from a value's own fields; imports nothing of ours
but the exception tree. All names are imported from here.
"""

from __future__ import annotations

from buildorch.model.build_type import BuildType, Verb
from buildorch.model.config import Channel, Config, Defaults
from buildorch.model.plan import FunctionRef, Plan, PlannedStage
from buildorch.model.policies import Archive, Notify, Retry
from buildorch.model.secret import Secret
from buildorch.model.server import THIS_MACHINE, Server
from buildorch.model.values import GOOD_ENDS, JSON, Command, RunStatus, StageStatus, tuple_of

__all__ = [
    "GOOD_ENDS",
    "JSON",
    "THIS_MACHINE",
    "Archive",
    "BuildType",
    "Channel",
    "Command",
    "Config",
    "Defaults",
    "FunctionRef",
    "Notify",
    "Plan",
    "PlannedStage",
    "Retry",
    "RunStatus",
    "Secret",
    "Server",
    "StageStatus",
    "Verb",
    "tuple_of",
]
