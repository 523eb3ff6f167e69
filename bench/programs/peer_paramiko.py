"""Paramiko: one transport for each host, without Nagle's delay; WIDTH threads use it."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import paramiko
from told import Told, tell

TOLD = Told()


def _connected(address: str) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(TOLD.known_hosts)
    link = socket.create_connection((address, 22))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.connect(
        address,
        username=TOLD.user,
        key_filename=TOLD.key,
        sock=link,
        allow_agent=False,
        look_for_keys=False,
    )
    return client


def _slot(client: paramiko.SSHClient, count: int) -> int:
    done = 0
    for _ in range(count):
        try:
            with client.get_transport().open_session() as channel:
                channel.exec_command(TOLD.command)
                done += channel.recv_exit_status() == 0
        except paramiko.SSHException:
            continue  # lost: it is not counted
    return done


def _all() -> int:
    with ThreadPoolExecutor(len(TOLD.hosts) * TOLD.width) as threads:
        clients = list(threads.map(_connected, TOLD.hosts))
        slots = [(client, share) for client in clients for share in TOLD.shares]
        done = sum(threads.map(_slot, *zip(*slots, strict=True)))
    for client in clients:
        client.close()
    return done


begun = time.perf_counter()
done = _all()
tell(time.perf_counter() - begun, TOLD.count, done)
