"""A place where stages run."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from buildorch.model.secret import Secret
from buildorch.model.values import frozen_mapping, tuple_of


@attrs.frozen(kw_only=True)
class Server:
    """A place where stages run.

    Attributes:
        name: Its name in the configuration.
        host: Host name, address or ssh_config alias; empty for this machine.
        user: Login name; None leaves it to ssh_config.
        port: TCP port; None leaves it to ssh_config.
        workdir: Default folder of its stages.
        alias: A short name for the command line.
        purpose: What it is for, in words.
        build_type: `bitbake`, `build.py`, `pytest`, ...
        labels: Words that a stage can ask for.
        slots: Stages at once, over all runs of this user; None means the run's parallel limit.
        fallback: Names of servers to use when this one cannot be reached.
        setup: Shell text sourced before each command.
        env: Environment of its stages.
        env_file: A file on the server that is sourced with export before `setup`.
        login: Whether commands run in a login shell.
        min_free: Bytes that must be free in the workdir before a launch.
        state_dir: Folder for job folders on the server; None is the account's state folder.
        share_workdir: Whether several runs may build in one workdir at once.
        ssh_config: An ssh_config file to use instead of the user's.
        backend: Name of the backend: `ssh`, `local` or `fake`.
    """

    name: str
    host: str = ""
    user: str | None = None
    port: int | None = None
    workdir: str | None = None
    alias: str | None = None
    purpose: str | None = None
    build_type: str | None = None
    labels: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    slots: int | None = None
    fallback: tuple[str, ...] = attrs.field(default=(), converter=tuple_of)
    setup: str | None = None
    env: Mapping[str, str | Secret] = attrs.field(factory=dict, converter=frozen_mapping)
    env_file: str | None = None
    login: bool = False
    min_free: int | None = None
    state_dir: str | None = None
    share_workdir: bool = False
    ssh_config: str | None = None
    backend: str = "ssh"


#: Where stages without a server run, unless the configuration names another default.
THIS_MACHINE = Server(name="local", backend="local")
