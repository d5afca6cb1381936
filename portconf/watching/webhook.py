"""Alerts as JSON, sent by HTTP POST."""

import json
import re
import socket
import threading
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING

from portconf.health import within
from portconf.watching.events import Notice


if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.connection import HTTPConnection


# Seconds before the second attempt, and before the third.
_PAUSES = (0.2, 1.0)
_BUSY = (502, 503, 504)


class Webhook:
    """
    Sends JSON by HTTP POST, and takes a status from 200 to 299 for received.

    What cannot be delivered is tried three times; what may have been received is not
    sent again. No proxy of the environment is used, no redirect followed, and the
    certificate of an `https` address must be right.
    """

    name = "webhook"

    def __init__(self, url: str) -> None:
        self._url = url
        # The rest of an address is often a secret.
        self._where = "/".join(re.split(r"[/?]", url, maxsplit=3)[:3])
        self._stopped = threading.Event()
        self._open: HTTPConnection | None = None
        self._late = False

    def give(self, notice: Notice, *, timeout: float) -> str | None:
        """Send it once."""
        body = json.dumps(notice.to_dict()).encode()
        wrong, again = self._post(body, timeout / 2)
        for pause in _PAUSES:
            if not again or self._stopped.wait(pause):
                break
            wrong, again = self._post(body, timeout / 2)
        return wrong

    def cut(self) -> None:
        """End the attempt, and the pauses between attempts."""
        self._stopped.set()
        self._shut()

    def _post(self, body: bytes, timeout: float) -> tuple[str | None, bool]:
        """Send once; return what went wrong, and whether nobody can have got it."""
        # Takes as long to load as three starts: for those who have a webhook only.
        from urllib3.exceptions import HTTPError, NewConnectionError  # noqa: PLC0415

        status, error = 0, None
        try:
            with self._connection(timeout) as (connection, target):
                headers = {"Content-Type": "application/json", "User-Agent": "portconf"}
                headers |= {"Connection": "close"}
                connection.request(
                    "POST", target, body=body, headers=headers, preload_content=False
                )
                with connection.getresponse() as response:
                    status = response.status
        except NewConnectionError as found:
            return f"{self._where} cannot be reached: {_reason(found)}", True
        except (OSError, HTTPException, HTTPError, ValueError) as found:
            error = found
        if self._late or isinstance(error, TimeoutError):
            # Also with a status: a head that breaks off passes for one.
            return f"{self._where} did not answer {within(timeout)}", False
        if error is not None:
            return f"{self._where} did not answer: {_reason(error)}", False
        if 200 <= status < 300:  # noqa: PLR2004 - success
            return None, False
        return f"{self._where} answered with HTTP {status}", status in _BUSY

    @contextmanager
    def _connection(self, timeout: float) -> "Iterator[tuple[HTTPConnection, str]]":
        """Yield a connection, and what is asked of it; shut when the time is over."""
        from urllib3.connection import (  # noqa: PLC0415 - as above
            HTTPConnection,
            HTTPSConnection,
        )
        from urllib3.util import parse_url  # noqa: PLC0415 - as above

        url = parse_url(self._url)
        kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
        connection = kind((url.host or "").strip("[]"), url.port, timeout=timeout)
        self._open, self._late = connection, False
        # Each call on a connection has a timeout; an answer that comes drop by drop
        # would keep to all of them, for hours.
        limit = threading.Timer(timeout, self._end)
        limit.name = "portconf-alert-limit"
        limit.start()
        try:
            yield connection, url.request_uri
        finally:
            limit.cancel()
            limit.join()
            self._open = None
            connection.close()

    def _end(self) -> None:
        self._late = True
        self._shut()

    def _shut(self) -> None:
        made = self._open and self._open.sock
        if made:
            with suppress(OSError):
                # Not the method of a TLS connection, which would take away from the
                # other thread what it is using.
                socket.socket.shutdown(made, socket.SHUT_RDWR)


def _reason(error: BaseException) -> str:
    """Return one line of what an error says; that of the system where it has one."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0][:200]
