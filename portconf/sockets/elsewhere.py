"""What psutil says, for systems and sandboxes that do not answer sock_diag."""

import socket
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import psutil

from portconf.model import Protocol
from portconf.ownership import Listener, Process
from portconf.sockets import words


if TYPE_CHECKING:
    from psutil._ntuples import pconn, sconn


# Closed by their program; the kernel has yet to hear from the other side.
LEFT_OVER = frozenset(
    {
        psutil.CONN_TIME_WAIT,
        psutil.CONN_FIN_WAIT1,
        psutil.CONN_FIN_WAIT2,
        psutil.CONN_LAST_ACK,
        psutil.CONN_CLOSING,
    }
)


def connections() -> "Iterator[tuple[sconn | pconn, int | None]]":
    """
    Yield every socket that may be seen, with its process where that is known.

    A socket that several processes share comes once for each of them.
    """
    try:
        for each in psutil.net_connections("inet"):
            yield each, each.pid
    except psutil.AccessDenied:  # macOS shows all to root only
        yield from _of_own_processes()


def _of_own_processes() -> "Iterator[tuple[pconn, int]]":
    for process in psutil.process_iter():
        try:
            found = process.net_connections("inet")
        except psutil.Error:
            continue
        for each in found:
            yield each, process.pid


def moment(pid: int) -> str | None:
    """Return when a process started, None where it has ended or cannot be seen."""
    try:
        process = psutil.Process(pid)
        dead = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return None if dead else repr(process.create_time())
    except psutil.Error:
        return None


def listening(ports: Collection[int] | None = None) -> tuple[Listener, ...]:
    """Return the listeners on ``ports``, or on all; each with its process."""
    found: dict[Listener, None] = {}
    for each, pid in connections():
        protocol = protocol_of(each)
        if each.laddr and listens(each) and (ports is None or each.laddr.port in ports):
            listener = Listener(
                port=each.laddr.port, protocol=protocol, address=each.laddr.ip, pid=pid
            )
            found[listener] = None
    return tuple(found)


def protocol_of(each: "sconn | pconn") -> Protocol:
    """Return what is spoken on a socket."""
    return Protocol.UDP if each.type == socket.SOCK_DGRAM else Protocol.TCP


def listens(each: "sconn | pconn") -> bool:
    """Say whether a socket takes connections or, for UDP, anybody's packets."""
    if protocol_of(each) is Protocol.UDP:
        return not each.raddr
    return bool(each.status == psutil.CONN_LISTEN)


def process(pid: int) -> Process | None:
    """Return what is known of a process, or None where it is gone or hidden."""
    try:
        seen = psutil.Process(pid)
        with seen.oneshot():
            user = seen.username()
            mine = user == psutil.Process().username()
            known = seen.as_dict(["cmdline", "cwd", "create_time"], ad_value=None)
            return Process(
                pid=pid,
                user=user,
                mine=mine,
                command=words.command(known["cmdline"] or (), seen.name()),
                folder=known["cwd"] or None,
                started=known["create_time"],
                marked=_mark(seen) if mine else None,
            )
    except psutil.Error:
        return None


def _mark(seen: psutil.Process) -> str | None:
    try:
        return seen.environ().get(words.MARK)
    except psutil.Error:
        return None
