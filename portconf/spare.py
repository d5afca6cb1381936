"""Ports of nobody's, leased to this process and handed out one by one."""

import os
import threading
from collections import deque
from collections.abc import Callable

from portconf import sockets
from portconf.errors import BlocksExhaustedError
from portconf.model import Protocol
from portconf.registry.runs import STEP
from portconf.registry.values import Lease


PART = "spare"
"""What the leases are for, in the registry."""

_GROWTH, _LARGEST = 4, 16 * STEP
_pools: dict[tuple[int, str], "Pool"] = {}


class Pool:
    """
    The spare ports of one project in one process; any number of threads may share it.

    Each block that it leases is four times as long as the one before: who asks for
    hundreds does not go to the registry for every ten.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ports: deque[int] = deque()
        self._back: list[int] = []
        self._next = STEP

    def get(self, count: int, lease: Callable[[int], Lease]) -> tuple[int, ...]:
        """
        Return ports that no call has returned yet, or that were put back and are free.

        Args:
            count: How many.
            lease: Leases so many ports more.

        Raises:
            PortconfError: As ``lease`` does.
        """
        with self._lock:
            if len(self._ports) < count and self._back:
                # A server that its test has forgotten may still be there.
                held = sockets.unusable(dict.fromkeys(self._back, Protocol.TCP))
                self._ports.extend(port for port in self._back if port not in held)
                self._back = list(held)
            while len(self._ports) < count:
                lacking = count - len(self._ports)
                try:
                    more = lease(max(lacking, self._next))
                except BlocksExhaustedError:  # a shorter block may have its place
                    more = lease(-(-lacking // STEP) * STEP)  # its block is as long
                self._ports.extend(more.service_ports())
                self._next = min(_GROWTH * self._next, _LARGEST)
            return tuple(self._ports.popleft() for _ in range(count))

    def put_back(self, port: int) -> None:
        """Take a port back, which is handed out again when all others were."""
        with self._lock:
            self._back.append(port)


def pool(root: str) -> Pool:
    """Return this process's pool of the project in ``root``."""
    # Without a lock, which a child that is forked meanwhile would never get.
    return _pools.setdefault((os.getpid(), root), Pool())
