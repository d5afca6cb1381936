"""Strangers: programs that know no tool, and take what the kernel gives them."""

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection

from children import hear, room, talk


HOST = "127.0.0.1"
# The most processes of one kind, and the files that each needs for itself.
_PROCESSES, _OWN_FILES = 16, 100
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Strangers:
    """
    How many there are.

    Attributes:
        connections: Outgoing ones, all to one server.
        listeners: Servers on the port that bind(0) gave them.
    """

    connections: int
    listeners: int

    def __str__(self) -> str:
        return (
            f"{self.connections:,} outgoing connections,"
            f" {self.listeners:,} bind(0) listeners"
        )

    def fitting(self) -> "Strangers":
        """Return as many as this user's limit of open files lets there be."""
        most = _PROCESSES * (room() - _OWN_FILES)
        return Strangers(
            connections=min(self.connections, most // 2),  # both ends are here
            listeners=min(self.listeners, most),
        )

    @contextmanager
    def around(self) -> Iterator[None]:
        """Let them act, and hold what they got until the block ends."""
        fit = room() - _OWN_FILES
        with ExitStack() as stack:
            server = stack.enter_context(
                socket.create_server((HOST, 0), backlog=_PROCESSES)
            )
            # Reset at the end, also what it accepts: none is left in TIME_WAIT.
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            works = [
                *(
                    partial(_connect, server, share)
                    for share in _shares(self.connections, fit // 2)
                ),
                *(partial(_listen, share) for share in _shares(self.listeners, fit)),
            ]
            for pipe in [stack.enter_context(talk(work)) for work in works]:
                hear(pipe)
            yield


def _shares(count: int, most: int) -> Iterator[int]:
    while count > 0:
        yield min(count, most)
        count -= most


def _connect(server: socket.socket, count: int, owner: Connection) -> None:
    with ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(server.getsockname()))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            accepted, _ = server.accept()
            stack.enter_context(accepted)
        _stay(owner)


def _listen(count: int, owner: Connection) -> None:
    with ExitStack() as stack:
        for _ in range(count):
            # With SO_REUSEADDR, as servers do: Linux then looks in the lower half
            # of the range first, where bind(0) with that option found its ports too.
            stack.enter_context(socket.create_server((HOST, 0)))
        _stay(owner)


def _stay(owner: Connection) -> None:
    owner.send(None)
    # Its other side is closed when the measuring is over, or has failed.
    owner.poll(None)


MANY = Strangers(connections=17_000, listeners=2_000)
# All that may be taken of a network that others use as well.
FEW = Strangers(connections=200, listeners=50)
