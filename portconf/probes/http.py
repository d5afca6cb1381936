"""HTTP: whether a GET is answered with a status that means yes."""

import socket
import ssl
import time
from http.client import HTTPException
from urllib.parse import quote

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.util.ssl_ import create_urllib3_context

from portconf.health import Reach, Seen, within
from portconf.probes.tcp import Line


_NAME = "localhost"
# What a path may hold as it stands; the rest is encoded, and no fragment is sent.
_SAFE = "/%:@!$&'()*+,;=?~[]"


class Http:
    """
    Asks with one GET, and takes a status from 200 to 399 for healthy.

    No proxy of the environment is asked, no redirect followed, no body read. The
    certificate of a server on this machine is not verified: it is most often its own,
    and no secret is sent.
    """

    def __init__(
        self, address: str, port: int, *, path: str, secure: bool = False
    ) -> None:
        self.address = address
        self._line = Line(address, port)
        self.secure = secure
        self._port, self._path = port, path

    def ask(self, *, timeout: float) -> Seen:
        """Ask once, over a connection of its own."""
        until = time.monotonic() + timeout
        connected = False
        try:
            with self._line.opened(timeout=timeout) as made:
                connected = True
                connection = HTTPConnection(
                    _NAME, self._port, timeout=_left(until), blocksize=4096
                )
                made.settimeout(_left(until))
                connection.sock = self._secured(made) if self.secure else made
                try:
                    return self._answer(connection)
                finally:
                    connection.close()
        except (OSError, HTTPException, HTTPError) as error:
            if not connected and isinstance(error, OSError):
                return self._line.unreachable(error, timeout=timeout)
            return self._wrong(error, timeout)

    def cut(self) -> None:
        """End the attempt, also one whose answer comes drop by drop."""
        self._line.cut()

    def _secured(self, made: socket.socket) -> ssl.SSLSocket:
        context = create_urllib3_context(cert_reqs=ssl.CERT_NONE)
        return context.wrap_socket(made, server_hostname=_NAME)

    def _answer(self, connection: HTTPConnection) -> Seen:
        target = quote(self._path.partition("#")[0], safe=_SAFE)
        headers = {"Host": f"{_NAME}:{self._port}", "Connection": "close"}
        headers |= {"User-Agent": "portconf", "Accept": "*/*"}
        connection.request("GET", target, headers=headers, preload_content=False)
        with connection.getresponse() as response:
            if self._line.was_cut:  # a head that breaks off passes for one
                raise TimeoutError
            fine = 200 <= response.status < 400  # noqa: PLR2004 - success, redirect
            return Seen(
                reach=Reach.HEALTHY if fine else Reach.WRONG,
                text=f"HTTP {response.status} from {self._path}",
            )

    def _wrong(self, error: Exception, timeout: float) -> Seen:
        if self._line.was_cut or isinstance(error, TimeoutError):
            text = f"no answer to GET {self._path} {within(timeout)}"
            return Seen(reach=Reach.SILENT, text=text)
        if isinstance(error, ssl.SSLError):
            text = f"no TLS ({error.reason or error})"
        elif isinstance(error, OSError):  # RemoteDisconnected among them
            text = f"no answer to GET {self._path}: the connection was closed"
        else:
            text = f"the answer to GET {self._path} is not HTTP"
        return Seen(reach=Reach.WRONG, text=text)


def _left(until: float) -> float:
    """Return the seconds that are left, above 0, which would mean not to wait."""
    return max(until - time.monotonic(), 0.001)
