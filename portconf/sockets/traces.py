"""What the tables of sockets show of ports that refuse a bind, and what it means."""

import socket
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from portconf.model import Protocol
from portconf.sockets import netlink


class Bindable(StrEnum):
    """Whether a program could be started on a port at this moment."""

    FREE = "free"
    LISTENING = "listening"
    HELD = "held"
    WAITING = "waiting"

    @property
    def usable(self) -> bool:
        """Whether nobody has the port."""
        return self in {Bindable.FREE, Bindable.WAITING}


class Trace(NamedTuple):
    """
    A socket on a port.

    Attributes:
        meaning: What it makes of the port, should nothing worse be there.
        number: Tells it from other sockets of the port.
        fleeting: Whether it may be a bind that is being tried, like our own.
    """

    meaning: Bindable
    number: int
    fleeting: bool = False


# Closed by their program; the kernel has yet to hear from the other side.
_CLOSING = frozenset({4, 5, 9, 11})  # FIN_WAIT1, FIN_WAIT2, LAST_ACK, CLOSING
# All but requests for connections, which a listener stands beside.
_STATES = {
    Protocol.TCP: {*range(1, 12), netlink.BOUND} - {netlink.SYN_RECV},
    Protocol.UDP: {netlink.ESTABLISHED, netlink.CLOSE},
}
_NUMBERS = {Protocol.TCP: socket.IPPROTO_TCP, Protocol.UDP: socket.IPPROTO_UDP}


def traces(ports: Mapping[int, Protocol]) -> dict[int, set[Trace]]:
    """
    Return the sockets that are on the ports, also on addresses that nobody probes.

    Linux before 6.8 does not show a socket that is bound and silent, and neither do
    the systems that psutil is asked on, but macOS.
    """
    found: dict[int, set[Trace]] = {port: set() for port in ports}
    try:
        with netlink.sock_diag() as kernel:
            for protocol in set(ports.values()):
                wanted = [port for port, each in ports.items() if each is protocol]
                _ask(kernel, protocol, wanted, found)
    except OSError:  # another system, or a sandbox
        found = {port: set() for port in ports}
        _ask_psutil(ports, found)
    return found


def _ask(
    kernel: netlink.SockDiag,
    protocol: Protocol,
    wanted: Iterable[int],
    found: Mapping[int, set[Trace]],
) -> None:
    chosen = frozenset(wanted)
    for family in (socket.AF_INET, socket.AF_INET6):
        table = kernel.table(family, _NUMBERS[protocol], _STATES[protocol], chosen)
        for port, state, inode in zip(
            table.ports, table.states, table.inodes, strict=True
        ):
            if port not in chosen:
                continue
            trace = _trace(protocol, state, inode)
            # Without a number it is being closed at this moment.
            if inode or not trace.fleeting:
                found[port].add(trace)


def _trace(protocol: Protocol, state: int, inode: int) -> Trace:
    if protocol is Protocol.UDP:
        if state == netlink.CLOSE:
            return Trace(Bindable.LISTENING, inode, fleeting=True)
        return Trace(Bindable.HELD, inode)
    if state == netlink.LISTEN:
        return Trace(Bindable.LISTENING, inode)
    # The kernel shows a silent socket as CLOSE, which no socket in a table has else.
    if state in {netlink.CLOSE, netlink.BOUND}:
        return Trace(Bindable.HELD, inode, fleeting=True)
    # A server that was stopped leaves the connections that its clients keep open.
    nobodys = state == netlink.TIME_WAIT or (state in _CLOSING and not inode)
    return Trace(Bindable.WAITING if nobodys else Bindable.HELD, inode)


def _ask_psutil(ports: Mapping[int, Protocol], found: Mapping[int, set[Trace]]) -> None:
    from portconf.sockets import elsewhere  # noqa: PLC0415 - psutil is slow to load

    for each, pid in elsewhere.connections():
        port = each.laddr.port if each.laddr else 0
        if ports.get(port) is not elsewhere.protocol_of(each):
            continue
        if elsewhere.listens(each):
            meaning = Bindable.LISTENING
        elif each.status in elsewhere.LEFT_OVER and pid is None:
            meaning = Bindable.WAITING
        else:
            meaning = Bindable.HELD
        found[port].add(Trace(meaning, hash((pid, each.fd, each.raddr))))
