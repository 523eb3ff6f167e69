"""Paramiko: what a channel gives, written as it comes."""

from __future__ import annotations

import socket

import paramiko
from logs_told import HERE, ToldOfLog, measured

_PIECE = 1 << 18


def _work() -> None:
    told = ToldOfLog()
    client = paramiko.SSHClient()
    client.load_host_keys(told.world["known_hosts"])
    link = socket.create_connection((told.address, 22))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.connect(
        told.address,
        username=told.world["user"],
        key_filename=told.world["key"],
        sock=link,
        allow_agent=False,
        look_for_keys=False,
    )
    with client, client.get_transport().open_session() as channel, HERE.open("wb", 0) as file:
        channel.exec_command(told.command)
        while data := channel.recv(_PIECE):
            file.write(data)


measured(_work)
