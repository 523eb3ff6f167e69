"""What config.yaml says."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from buildorch.model.build_type import BuildType
from buildorch.model.secret import Secret
from buildorch.model.server import Server
from buildorch.model.values import frozen_mapping


@attrs.frozen(kw_only=True)
class Defaults:
    """What a stage gets where neither it, its pipeline nor its server says otherwise.

    Attributes:
        timeout: Seconds an attempt may take; None is without limit.
        retry: Extra attempts.
        parallel_limit: Stages at once in a run.
        server: Name of the server for stages that name none; None is this machine.
        lost_after: Seconds without a connection until people are told.
        cleanup_timeout: Seconds that `always` stages may take after a cancel.
    """

    timeout: float | None = None
    retry: int = 0
    parallel_limit: int = 3
    server: str | None = None
    lost_after: float = 600.0
    cleanup_timeout: float = 600.0


@attrs.frozen(kw_only=True)
class Channel:
    """A way to tell people, as the configuration has it.

    Attributes:
        name: What pipelines call it: `discord`, `telegram`, `openclaw`, ...
        enabled: Whether it is told anything.
        options: Its further keys, as text, by name; tokens are `Secret`s.
        via: The kind of notifier that sends: `openclaw`, `discord`, `telegram`, `apprise`.
    """

    name: str
    enabled: bool = True
    options: Mapping[str, str | Secret] = attrs.field(factory=dict, converter=frozen_mapping)
    via: str | None = None


@attrs.frozen(kw_only=True)
class Config:
    """Everything that config.yaml says.

    Attributes:
        servers: Servers by name.
        channels: Channels by name.
        defaults: Defaults of all stages.
        language: Language of messages: `en` or `ko`.
        build_types: Build types of the user's own by name; one that is built in is replaced.
        file: Where it was read from; None for an empty configuration.
    """

    servers: Mapping[str, Server] = attrs.field(factory=dict, converter=frozen_mapping)
    channels: Mapping[str, Channel] = attrs.field(factory=dict, converter=frozen_mapping)
    defaults: Defaults = Defaults()
    language: str = "en"
    build_types: Mapping[str, BuildType] = attrs.field(factory=dict, converter=frozen_mapping)
    file: str | None = None
