"""TCP: whether a connection is accepted."""

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from portconf.health import Reach, Seen, within


_NO_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH)


class Line:
    """
    A connection to one endpoint, which another thread can cut.

    Attributes:
        was_cut: Whether that happened to the last one.
    """

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port
        self._lock = threading.Lock()
        self._open: socket.socket | None = None
        self.was_cut = False

    @contextmanager
    def opened(self, *, timeout: float) -> Iterator[socket.socket]:
        """
        Connect; the connection ends with the block.

        Args:
            timeout: Seconds, for the connection and for each call on it.

        Raises:
            OSError: If it cannot be made.
        """
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        self.was_cut = False
        # The twin still reaches the connection when TLS has taken the first over.
        with socket.socket(family, socket.SOCK_STREAM) as made, made.dup() as twin:
            self._keep(twin)
            try:
                made.settimeout(timeout)
                made.connect((self._address, self._port))
                if itself(made):
                    raise ConnectionRefusedError(errno.ECONNREFUSED, "nobody listens")
                yield made
            finally:
                self._keep(None)

    def cut(self) -> None:
        """End the connection, so that who waits for it goes on."""
        with self._lock:
            if self._open is not None:
                self.was_cut = True
                with suppress(OSError):  # it is not connected yet, or not any more
                    self._open.shutdown(socket.SHUT_RDWR)

    def _keep(self, twin: socket.socket | None) -> None:
        with self._lock:  # or a descriptor could be cut that is another's by now
            self._open = twin

    def unreachable(self, error: OSError, *, timeout: float) -> Seen:
        """Return what a connection that could not be made tells."""
        if self.was_cut or isinstance(error, TimeoutError):
            text = f"no connection {within(timeout)}"
            return Seen(reach=Reach.SILENT, text=text)
        if isinstance(error, ConnectionRefusedError):
            return Seen(reach=Reach.CLOSED, text="connection refused")
        if error.errno in _NO_ADDRESS:
            return Seen(reach=Reach.NOWHERE, text="no such address")
        text = f"connection failed ({error.strerror or error})"
        return Seen(reach=Reach.WRONG, text=text)


class Tcp:
    """Asks whether a connection is accepted, and says nothing on it."""

    def __init__(self, address: str, port: int) -> None:
        self.address = address
        self._line = Line(address, port)

    def ask(self, *, timeout: float) -> Seen:
        """Connect once."""
        try:
            with self._line.opened(timeout=timeout):
                return Seen(reach=Reach.HEALTHY, text="accepts connections")
        except OSError as error:
            return self._line.unreachable(error, timeout=timeout)

    def cut(self) -> None:
        """End the attempt."""
        self._line.cut()


def itself(made: socket.socket) -> bool:
    """
    Tell whether a connection leads back to its own socket.

    In the kernel's ephemeral range an attempt can be given the very port that it asks
    for as its own, and then "connects" although nobody listens.
    """
    return bool(made.getsockname() == made.getpeername())
