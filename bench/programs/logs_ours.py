"""Our own log: `logs_ours.py HOSTS.json LOG analysed|plain`."""

from __future__ import annotations

from logs_told import ToldOfLog, measured

from buildorch import Config, Pipeline, Stage, run
from buildorch.api import Options
from buildorch.model import Server

told = ToldOfLog()
world = told.world
server = Server(name="h1", host="h1", user=world["user"], ssh_config=world["ssh_config"])
stage = Stage(name="s", command=told.command, server="h1", analyze=told.how == ["analysed"])
options = Options(config=Config(servers={"h1": server}), observers=[])
measured(lambda: run(Pipeline("log", stage), options).check())
