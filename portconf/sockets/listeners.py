"""All that listens on this machine, in one answer."""

import gc
import socket
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import compress
from typing import Any

from portconf.model import Protocol
from portconf.ownership import Listener
from portconf.sockets import netlink


_SPOKEN = {socket.IPPROTO_TCP: Protocol.TCP, socket.IPPROTO_UDP: Protocol.UDP}


def listening(ports: Collection[int] | None = None) -> tuple[Listener, ...]:
    """
    Return the sockets that take connections or, for UDP, packets.

    Only this network's: a container has its own. A socket that is opened or closed
    meanwhile may be there or not; with many of them and all ports asked for, the
    kernel answers in parts and can, very rarely, skip another one. Linux tells the
    user and the inode of each, other systems its process, and without privileges
    macOS shows those of the user's own processes only.

    Args:
        ports: Only those on one of these, which is also faster; None is all.

    Returns:
        In no order. UDP sockets with a peer are left out: no other can reach them.
    """
    if ports is not None and not ports:
        return ()
    try:
        return tuple(_by_netlink(ports))
    except OSError:  # another system, or a sandbox
        from portconf.sockets import elsewhere  # noqa: PLC0415 - psutil is slow to load

        return elsewhere.listening(ports)


def _by_netlink(ports: Collection[int] | None) -> list[Listener]:
    found: list[Listener] = []
    wanted = None if ports is None else frozenset(ports)
    with _no_collection(), netlink.sock_diag() as kernel:
        for number, state in netlink.LISTENING:
            for family in (socket.AF_INET, socket.AF_INET6):
                table = kernel.table(family, number, (state,), wanted)
                found += _listeners(table, _SPOKEN[number], wanted)
    return found


class _Draft:
    """A listener while it is filled in; one that exists cannot be changed."""

    __slots__ = Listener.__slots__


_NEW = object.__new__


def _listeners(
    table: netlink.Table, protocol: Protocol, wanted: frozenset[int] | None
) -> list[Listener]:
    rows: Iterable[tuple[int, str, int, int]]
    rows = zip(table.ports, table.addresses, table.uids, table.inodes, strict=True)
    if wanted is not None:  # the kernel's filter may be wider than the ports
        rows = compress(rows, [port in wanted for port in table.ports])
    made: list[Any] = []
    # By the constructor, 20,000 take twice as long as the kernel needs to list them.
    for port, address, uid, inode in rows:
        draft: Any = _NEW(_Draft)
        draft.port = port
        draft.protocol = protocol
        draft.address = address
        draft.uid = uid
        draft.inode = inode
        draft.pid = None
        draft.__class__ = Listener
        made.append(draft)
    return made


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python from searching 20,000 new objects for cycles: there are none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
