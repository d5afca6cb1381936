"""Sockets that keep ports for their services: bound and silent, or listening."""

import errno
import os
import socket
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from portconf.handover import FIRST
from portconf.model import Protocol
from portconf.ownership import Listener
from portconf.sockets import netlink
from portconf.sockets.binding import ABSENT, KINDS, unusable
from portconf.sockets.traces import Bindable


LOOPBACK = "127.0.0.1"
_EVERY = (
    (socket.AF_INET, "0.0.0.0"),  # noqa: S104 - bound, but nobody is listened to
    (socket.AF_INET6, "::"),
)
# Shell scripts use 3 to 9 as they like, and shells put their own from 10 on.
_APART = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """
    The sockets of some ports.

    Attributes:
        listening: By port, the socket to serve it with, on 127.0.0.1; one of UDP is
            bound only.
        silent: Those that keep everybody else from the ports, and serve nobody.
    """

    listening: Mapping[int, socket.socket] = field(default_factory=dict)
    silent: tuple[socket.socket, ...] = ()

    def close(self) -> None:
        """Let the ports go."""
        for each in (*self.listening.values(), *self.silent):
            each.close()


def can_hold() -> bool:
    """
    Tell whether a port can be held and served at once.

    Only Linux lets a server beside a silent socket, both with `SO_REUSEADDR`, and
    nobody beside a server.
    """
    return sys.platform == "linux"


def can_leave() -> bool:
    """Tell whether a command can take the place of this process, and its sockets."""
    return os.name == "posix"


def hold(
    ports: Mapping[int, Protocol], *, listen: Collection[int] = ()
) -> tuple[Held, dict[int, Bindable]]:
    """
    Bind ports on every address, all of them or none, and keep them bound.

    On a port that is held no other program can bind, but one that sets
    `SO_REUSEADDR`, as servers do; and the kernel gives it to nobody. On one of
    ``listen`` nobody can any more. The bind is the test: what somebody has, on
    whichever address and also in silence, is refused. Refused as well is what another
    portconf tries for longer than 50 ms.

    Args:
        ports: What is spoken on each. Of UDP, and where `can_hold` is false, only
            those of ``listen``.
        listen: Those that get a socket to serve them with. Where `can_hold` is false
            that one is all, and another program may be let beside it.

    Returns:
        The sockets, which the caller closes or leaves to a command; and the ports
        that were refused, with the reason. Where there are any, no socket is kept.

    Raises:
        OSError: If the process has no descriptor left.
    """
    made: dict[int, Held] = {}
    with ExitStack() as undo:
        # Elsewhere only `unusable` asks: SO_REUSEADDR would let us beside a server.
        for port, protocol in ports.items() if can_hold() else ():
            found = _one(port, protocol, listens=port in listen, reuse=False)
            if found:
                made[port] = undo.enter_context(closing(found))
        reasons = unusable({p: ports[p] for p in ports if p not in made})
        for port in ports.keys() - made.keys() - reasons.keys():
            # The remains of connections are in no server's way.
            found = _one(port, ports[port], listens=port in listen, reuse=True)
            if found:
                made[port] = undo.enter_context(closing(found))
            else:
                reasons[port] = Bindable.HELD
        if reasons:
            return Held(), reasons
        undo.pop_all()
    servers = (made[port].listening for port in ports)
    return Held(
        listening={port: each for found in servers for port, each in found.items()},
        silent=tuple(each for port in ports for each in made[port].silent),
    ), {}


def serve(port: int, protocol: Protocol = Protocol.TCP) -> socket.socket:
    """
    Return a socket that listens on a port of 127.0.0.1; one of UDP is bound only.

    Raises:
        OSError: If the port is refused.
    """
    made = _bound(socket.AF_INET, LOOPBACK, port, protocol, reuse=True)
    try:
        if protocol is Protocol.TCP:
            made.listen(socket.SOMAXCONN)
    except OSError:
        made.close()
        raise
    return made


def adopt(number: int) -> socket.socket:
    """
    Return a socket of its own for one that was handed over.

    Args:
        number: The descriptor, which stays open, for the next who asks.

    Raises:
        OSError: If it is closed, or no socket.
    """
    own = os.dup(number)
    try:
        return socket.socket(fileno=own)
    except OSError:
        os.close(own)
        raise


def leave(held: Held, served: Sequence[int]) -> None:
    """
    Put the sockets where the command that this process becomes will have them.

    Whatever else has the descriptors from 3 on, as many as are needed, is closed.

    Args:
        held: The sockets; here they are closed.
        served: The ports of those that are handed over, in the order of `variables`.

    Raises:
        OSError: If the process has no descriptor left.
    """
    import fcntl  # noqa: PLC0415 - Windows has none

    above = max(_APART, FIRST + len(served))
    for each in held.silent:
        fcntl.fcntl(each, fcntl.F_DUPFD, above)
    # Two steps, or one would be put over another that still waits for its place.
    moved = [fcntl.fcntl(held.listening[p], fcntl.F_DUPFD, above) for p in served]
    held.close()
    for number, waiting in enumerate(moved, FIRST):
        os.dup2(waiting, number)
        os.close(waiting)


def silent(ports: Collection[int]) -> tuple[Listener, ...]:
    """
    Return the sockets of TCP that are bound to one of the ports, and silent.

    Before Linux 6.8, and on other systems, nobody tells of them.
    """
    wanted, found = frozenset(ports), list[tuple[int, str, int, int]]()
    try:
        with netlink.sock_diag() as kernel:
            for family in (socket.AF_INET, socket.AF_INET6):
                states = (netlink.BOUND,)
                table = kernel.table(family, socket.IPPROTO_TCP, states, wanted)
                found += zip(
                    table.ports, table.addresses, table.uids, table.inodes, strict=True
                )
    except OSError:  # another system, or a sandbox
        return ()
    return tuple(
        Listener(port=p, protocol=Protocol.TCP, address=a, uid=uid, inode=inode)
        for p, a, uid, inode in found
        if p in wanted
    )


def _one(port: int, protocol: Protocol, *, listens: bool, reuse: bool) -> Held | None:
    """Return the sockets of one port, or None where it is refused."""
    with ExitStack() as undo:
        try:
            silent = tuple(
                undo.enter_context(each)
                for each in _silent(port, protocol, reuse=reuse, listens=listens)
            )
            servers = {}
            if listens:
                servers[port] = undo.enter_context(serve(port, protocol))
                # Now nobody gets beside it: not on ::1, which `localhost` may mean, nor
                # on 127.0.0.2.
                for each in silent:
                    _set_reuse(each, on=False)
                # Who came in between, on 127.0.0.2 say, listens by now or never can.
                if protocol is Protocol.TCP and _listeners(port) > 1:
                    return None
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return None
            raise
        undo.pop_all()
        return Held(listening=servers, silent=silent)


def _silent(
    port: int, protocol: Protocol, *, reuse: bool, listens: bool
) -> Iterator[socket.socket]:
    """Yield the sockets that keep others from a port, as far as the host has them."""
    for family, address in _EVERY if can_hold() else ():
        # A second socket of UDP on IPv4 would be in the way of the first.
        if protocol is Protocol.UDP and family == socket.AF_INET:
            continue
        try:
            made = _bound(family, address, port, protocol, reuse=reuse)
        except OSError as error:
            if error.errno in ABSENT:
                continue
            raise
        # After the bind, which was to find also those who have set it themselves. Our
        # server is on IPv4: no moment on ::1 for who is as quick as we.
        _set_reuse(made, on=family == socket.AF_INET or not listens)
        yield made


def _bound(
    family: socket.AddressFamily,
    address: str,
    port: int,
    protocol: Protocol,
    *,
    reuse: bool,
) -> socket.socket:
    made = socket.socket(family, KINDS[protocol])
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Of UDP it would let others in; on Windows, of TCP too.
        if reuse and protocol is Protocol.TCP and sys.platform != "win32":
            _set_reuse(made, on=True)
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    return made


def _listeners(port: int) -> int:
    """Return how many sockets of IPv4 listen on a port; 0 where nobody tells."""
    try:
        with netlink.sock_diag() as kernel:
            states = (netlink.LISTEN,)
            table = kernel.table(
                socket.AF_INET, socket.IPPROTO_TCP, states, frozenset({port})
            )
            return [*table.ports].count(port)
    except OSError:  # a sandbox
        return 0


def _set_reuse(which: socket.socket, *, on: bool) -> None:
    which.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(on))
