"""Notifiers: OpenClaw, Discord, Telegram, Apprise, and what users bring themselves.

`Delivery` sends what a run has to say, beside the build; `problems` says what keeps a channel
from working; `make_notifier` makes one for trying it out.
"""

from __future__ import annotations

from buildorch.notifiers.build import make_notifier
from buildorch.notifiers.callables import CallableNotifier
from buildorch.notifiers.check import problems
from buildorch.notifiers.delivery import Delivery

__all__ = ["CallableNotifier", "Delivery", "make_notifier", "problems"]
