"""A process that holds every packet between this machine and a host for a while.

Packets are routed through two TUN devices, one on either side; the kernel's own netem is not
everywhere. Run as a program: `delay.py NAMESPACE DEVICE HOST_ADDRESS OUR_ADDRESS SECONDS READY`.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import os
import select
import struct
import subprocess
import sys
import time

_TUN_SET_IFF, _IFF_TUN_NO_PI = 0x400454CA, 0x0001 | 0x1000
_LARGEST_PACKET = 65536


def _open_tun(name: str) -> int:
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, _TUN_SET_IFF, struct.pack("16sH", name.encode(), _IFF_TUN_NO_PI))
    return tun


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, 0):
        raise OSError(ctypes.get_errno(), "setns")


def _route(prefix: list[str], device: str, to: str, source: str) -> None:
    for words in (
        ["link", "set", device, "up", "txqueuelen", "20000"],
        ["route", "add", f"{to}/32", "dev", device, "src", source],
    ):
        subprocess.run([*prefix, "ip", *words], check=True)


def _relay(pair: dict[int, int], seconds: float) -> None:
    held: list[tuple[float, int, int, bytes]] = []
    number = 0
    while True:
        timeout = max(0.0, held[0][0] - time.monotonic()) if held else None
        for tun in select.select(list(pair), [], [], timeout)[0]:
            number += 1
            packet = os.read(tun, _LARGEST_PACKET)
            heapq.heappush(held, (time.monotonic() + seconds, number, pair[tun], packet))
        while held and held[0][0] <= time.monotonic():
            _, _, tun, packet = heapq.heappop(held)
            os.write(tun, packet)


def main(arguments: list[str]) -> None:
    """Set up both devices, say so on the descriptor READY, and relay until killed."""
    namespace, device, theirs, ours, seconds, ready = arguments
    outer = _open_tun(device)
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    _enter(os.open(f"/run/netns/{namespace}", os.O_RDONLY))
    inner = _open_tun(device)
    _enter(here)
    _route([], device, theirs, ours)
    _route(["ip", "netns", "exec", namespace], device, ours, theirs)
    os.write(int(ready), b"up")
    os.close(int(ready))
    _relay({outer: inner, inner: outer}, float(seconds))


if __name__ == "__main__":
    main(sys.argv[1:])
