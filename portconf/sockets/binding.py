"""Whether a program could be started on a port, found by binding it."""

import errno
import socket
import sys
import time
from collections.abc import Mapping

from portconf.model import Protocol
from portconf.sockets.traces import Bindable, Trace, traces


_ADDRESSES = (
    (socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET, "0.0.0.0"),  # noqa: S104 - bound, but nobody is listened to
    (socket.AF_INET6, "::1"),
    (socket.AF_INET6, "::"),
)
KINDS = {Protocol.TCP: socket.SOCK_STREAM, Protocol.UDP: socket.SOCK_DGRAM}
# The host has no such address, or no IPv6 at all.
ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}
# Another portconf, or its like, holds the port while it tries it: for microseconds, or
# as long as a busy machine leaves it no turn. What is there for longer holds the port.
_LASTING = 0.05
_PATIENCE = 5 * _LASTING
_PAUSE = 0.001


def bindable(port: int, protocol: Protocol = Protocol.TCP) -> Bindable:
    """
    Say whether a program could be started on a port at this moment.

    The port is bound, without `SO_REUSEADDR`, on 127.0.0.1, 0.0.0.0, ::1 and ::, as
    far as the host has them, and let go at once: another program may take it before
    the caller does, and one that is started in those microseconds is refused.

    Args:
        port: 1 to 65535.
        protocol: TCP or UDP.

    Returns:
        `FREE` if each bind succeeds. `LISTENING` if somebody listens, on whichever
        address. `HELD` if a socket is bound and silent, or the port is the local end
        of a connection that a program has, or the system refuses it to us: a port
        below 1024 to ordinary users, an excluded range of Windows. `WAITING` if
        nobody has it and the kernel is only waiting for the ends of connections;
        a server that sets `SO_REUSEADDR` can start, if those connections did too.
        Before Linux 6.8, a silent socket beside such remains is not seen: `WAITING`.

    Raises:
        OSError: If the process has no descriptor left.
    """
    return _probed({port: protocol})[port]


def unusable(ports: Mapping[int, Protocol]) -> dict[int, Bindable]:
    """
    Return those of the ports on which no program could be started, and why.

    Several cost little more than the binds: the kernel is asked once for all of those
    that are refused.

    Args:
        ports: What is to be spoken on each.

    Returns:
        In the order of ``ports``; none of them is usable. See `bindable`.

    Raises:
        OSError: If the process has no descriptor left.
    """
    found = _probed(ports)
    return {port: found[port] for port in ports if not found[port].usable}


def _probed(ports: Mapping[int, Protocol]) -> dict[int, Bindable]:
    found: dict[int, Bindable] = {}
    hosts = list(_ADDRESSES)
    left, known = dict(ports), dict[int, dict[Trace, float]]()
    until, pause = time.monotonic() + _PATIENCE, _PAUSE
    while left:
        refused = {port: _refusal(port, left[port], hosts) for port in left}
        found |= {port: Bindable.FREE for port in left if refused[port] is None}
        left = {port: left[port] for port in left if refused[port] is not None}
        now = time.monotonic()
        for port, seen in (traces(left) if left else {}).items():
            before = known.get(port, {})
            known[port] = {each: before.get(each, now) for each in seen}
            verdict = _verdict(known[port], now - _LASTING)
            if verdict is None and refused[port] == errno.EACCES:
                verdict = Bindable.HELD  # waiting changes no rule of the system
            if verdict is None and now > until:
                verdict = _unexplained(port, left[port], hosts)
            if verdict is not None:
                found[port] = verdict
                del left[port]
        if left:
            time.sleep(pause)
            pause = min(2 * pause, _LASTING / 2)
    return found


def _verdict(seen: Mapping[Trace, float], since: float) -> Bindable | None:
    """
    Return what the sockets on a refused port mean, or None to look again.

    Args:
        seen: Each with the time when it was first seen.
        since: What may be a bind that is tried counts if it has been there since.
    """
    certain = {
        each.meaning for each in seen if not each.fleeting or seen[each] <= since
    }
    for meaning in (Bindable.LISTENING, Bindable.HELD):
        if meaning in certain:
            return meaning
    waiting = bool(seen) and all(each.meaning is Bindable.WAITING for each in seen)
    return Bindable.WAITING if waiting else None


def _unexplained(
    port: int, protocol: Protocol, hosts: list[tuple[socket.AddressFamily, str]]
) -> Bindable:
    """
    Judge a port that is refused although no socket is seen on it.

    On the BSDs, macOS among them, the remains of connections have no process and are
    not shown. There `SO_REUSEADDR` is refused where a socket has the same address,
    and nowhere else; on Linux and Windows it would say nothing.
    """
    bsd = sys.platform not in {"linux", "win32"} and protocol is Protocol.TCP
    if bsd and _refusal(port, protocol, hosts, reuse=True) is None:
        return Bindable.WAITING
    return Bindable.HELD


def _refusal(
    port: int,
    protocol: Protocol,
    hosts: list[tuple[socket.AddressFamily, str]],
    *,
    reuse: bool = False,
) -> int | None:
    """Return why a bind is refused, None if all succeed; drop the hosts there are not."""
    for host in tuple(hosts):
        family, address = host
        try:
            with socket.socket(family, KINDS[protocol]) as probe:
                _prepare(probe, reuse=reuse)
                probe.bind((address, port))
        except PermissionError:
            return errno.EACCES
        except OSError as error:
            if error.errno in ABSENT:
                hosts.remove(host)
            elif error.errno == errno.EADDRINUSE:
                return errno.EADDRINUSE
            else:
                raise
    return None


def _prepare(probe: socket.socket, *, reuse: bool) -> None:
    if probe.family == socket.AF_INET6:
        # Else :: is refused for an IPv4 socket, and IPv4 has its own turn.
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if reuse:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "win32":
        # Without it Windows lets a second server in beside one with SO_REUSEADDR.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
