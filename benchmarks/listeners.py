"""Listeners: all of them and the owner of one, against what the kernel itself needs."""

import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import psutil
from children import child, room
from rounds import interleave, ratios
from table import Row

from portconf.model import Protocol
from portconf.ownership import Listener
from portconf.sockets import listening, owners


# Each process may hold some 20,000; connections have two ends.
_CHILDREN, _EACH, _FEW = 2, 10_000, 100
_TARGET = 2
_RAW = "raw"
_OURS = "portconf"
# Slow, and only for comparison.
_PEER_ROUNDS = 3


def rows(_place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure an idle machine, one full of listeners and one full of connections."""
    each = _FEW if quick else _EACH
    count = _CHILDREN * each
    loads: dict[str, list[Callable[[Connection], None]]] = {
        "idle": [],
        f"{count:,} listening": [partial(_listen, each)] * _CHILDREN,
        f"{count:,} connection ends": [partial(_connect, each)] * _CHILDREN,
    }
    for load, holds in loads.items():
        with ExitStack() as stack:
            crowd = [stack.enter_context(child(hold)) for hold in holds]
            # Its own process, and the newest: the walk to it is as short as can be.
            alone = stack.enter_context(child(partial(_listen, 1)))
            yield from _compare(load, alone, quick=quick, peers=True)
            if load.endswith("listening"):
                where = f"{load}, owner among them"
                yield from _compare(where, crowd[0], quick=quick, peers=False)


def _compare(
    load: str, at: tuple[str, int], *, quick: bool, peers: bool
) -> Iterator[Row]:
    host, port = at
    (one,) = (
        each
        for each in listening([port])
        if each.protocol is Protocol.TCP and each.address == host
    )
    actions: dict[str, Callable[[], object]] = {
        _RAW: partial(_raw, one.inode),
        _OURS: partial(_portconf, one),
    }
    times = interleave(actions, 2 if quick else 31)
    yield Row.of(
        f"listeners and an owner, {load}",
        ratios(times, _OURS, _RAW),
        unit="x dump and walk",
        at_most=_TARGET,
        bound=f"dump and walk {_ms(times[_RAW])}, with objects {_ms(times[_OURS])}",
    )
    if peers:
        others = _peers(at)
        times = interleave(
            {_RAW: actions[_RAW], **others}, 1 if quick else _PEER_ROUNDS, warm_up=1
        )
        for name in others:
            yield Row.of(
                f"the same by {name}, {load}",
                ratios(times, name, _RAW),
                unit="x dump and walk",
                bound=f"a peer, for comparison: {_ms(times[name])}",
            )


def _ms(seconds: list[float]) -> str:
    return f"{1e3 * median(seconds):.3g} ms"


def _portconf(one: Listener) -> None:
    everything = listening()
    (found,) = owners([one]).values()
    assert everything
    assert found is not None


def _raw(inode: int) -> None:
    """Let the kernel write the same tables, unread, and walk to the same process."""
    for protocol, state in ((socket.IPPROTO_TCP, 10), (socket.IPPROTO_UDP, 7)):
        for family in (socket.AF_INET, socket.AF_INET6):
            _dump(family, protocol, state)
    wanted = f"socket:[{inode}]"
    pids = sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())
    for pid in reversed(pids):
        folder = f"/proc/{pid}/fd"
        try:
            for name in os.listdir(folder):
                if os.readlink(f"{folder}/{name}") == wanted:
                    return
        except OSError:  # it has ended, or it has closed one meanwhile
            continue
    raise SystemExit(f"no process has the socket {inode}")


def _dump(family: int, protocol: int, state: int) -> None:
    body = struct.pack("=BBBxI48x", family, protocol, 0, 1 << state)
    header = struct.pack("=IHHII", 16 + len(body), 20, 0x301, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as kernel:
        kernel.send(header + body)
        while struct.unpack_from("=H", kernel.recv(65536), 4)[0] != 3:
            pass


def _peers(at: tuple[str, int]) -> dict[str, Callable[[], object]]:
    peers: dict[str, Callable[[], object]] = {"psutil": partial(_psutil, at)}
    for words in (
        ("ss", "-ltnp"),
        ("lsof", "-nP", "-iTCP", "-sTCP:LISTEN"),
    ):
        if program := shutil.which(words[0]):
            peers[" ".join(words)] = partial(
                subprocess.run,
                [program, *words[1:]],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
    return peers


def _psutil(at: tuple[str, int]) -> None:
    for each in psutil.net_connections("tcp"):
        if each.laddr == at and each.status == psutil.CONN_LISTEN:
            psutil.Process(each.pid).as_dict(["cmdline", "cwd", "create_time"])
            return
    raise SystemExit(f"psutil shows nobody on {at}")


def _listen(count: int, owner: Connection) -> None:
    room()
    with ExitStack() as stack:
        made = [stack.enter_context(_server()) for _ in range(count)]
        _stay(owner, made[-1])


def _connect(ends: int, owner: Connection) -> None:
    room()
    with ExitStack() as stack:
        server = stack.enter_context(_server())
        for _ in range(ends // 2):
            client = stack.enter_context(socket.create_connection(server.getsockname()))
            # Reset at the end: 10,000 in TIME_WAIT would slow down what comes next.
            linger = struct.pack("ii", 1, 0)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            accepted, _ = server.accept()
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            stack.enter_context(accepted)
        _stay(owner, server)


def _server() -> socket.socket:
    # An address of this process's own: a single one has 28,000 ports to give.
    host = f"127.{1 + os.getpid() % 200}.{os.getpid() // 200 % 250}.1"
    return socket.create_server((host, 0), backlog=16)


def _stay(owner: Connection, made: socket.socket) -> None:
    owner.send(made.getsockname())
    # Its other side is closed when the measuring is over, or has failed.
    owner.poll(None)
