"""
Alerts on their way: a declared command that is run, a webhook that is called.

Each way has a thread and a short queue, so that one which hangs keeps neither the
watch nor the other waiting, and does not pile up.
"""

import json
import os
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Protocol

from portconf.alerts import fill
from portconf.health import Reach, within
from portconf.probes.command import Command
from portconf.watching.ringing import Notice


if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.connection import HTTPConnection


# Seconds that one alert may take, and that the end waits for a way which cannot be cut,
# as while a name server is asked.
PATIENCE = 10.0
_END = 1.0
# Alerts of one way that wait; what comes on top is told and dropped.
_MOST = 20
# Seconds before the second attempt, and before the third.
_PAUSES = (0.2, 1.0)
_BUSY = (502, 503, 504)


class Way(Protocol):
    """
    One way in which alerts go out; by one thread at a time.

    Attributes:
        name: For people, and for the name of its thread.
    """

    name: str

    def give(self, notice: Notice, *, timeout: float) -> str | None:
        """
        Give one alert.

        Args:
            notice: What it says.
            timeout: Seconds, above 0.

        Returns:
            What went wrong, or None.
        """

    def cut(self) -> None:
        """End what another thread is giving, at once where that can be."""


class Bell:
    """The thread of one way; whoever makes it calls `end`."""

    def __init__(
        self, way: Way, tell: Callable[[str], object], *, timeout: float = PATIENCE
    ) -> None:
        self._way, self._tell, self._timeout = way, tell, timeout
        self._waiting: deque[Notice] = deque()
        self._dropped = 0
        self._stopped = False
        self._changed = threading.Condition()
        # Daemonic for what cannot be cut: the program may end all the same.
        self._thread = threading.Thread(
            target=self._run, name=f"portconf-alert-{way.name}", daemon=True
        )
        self._thread.start()

    def ring(self, notice: Notice) -> None:
        """Let an alert go out, after those that wait."""
        with self._changed:
            full = len(self._waiting) >= _MOST
            if not full:
                self._dropped = 0
                self._waiting.append(notice)
                self._changed.notify()
            else:
                self._dropped += 1
        if full and self._dropped == 1:
            self._tell(
                f"{_MOST} alerts wait for the {self._way.name}: more are dropped"
            )

    def end(self) -> None:
        """End it; alerts that still wait are not given."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        slice_ = 0.02
        for _ in range(int(_END / slice_)):
            self._way.cut()  # it may have begun after the last cut
            self._thread.join(slice_)
            if not self._thread.is_alive():
                break

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopped)
                if self._stopped:
                    return
                notice = self._waiting.popleft()
            wrong = self._way.give(notice, timeout=self._timeout)
            if wrong and not self._stopped:
                self._tell(f"alert by {self._way.name}: {wrong}")


class Program:
    """Runs a command, without a shell; it is killed when its time is over."""

    name = "command"

    def __init__(
        self,
        words: tuple[str, ...],
        *,
        folder: str,
        variables: Callable[[], Mapping[str, str]],
    ) -> None:
        self._words, self._folder, self._variables = words, folder, variables
        self._running: Command | None = None

    def give(self, notice: Notice, *, timeout: float) -> str | None:
        """Run it once."""
        values = notice.values()
        said = {f"PORTCONF_{name.upper()}": text for name, text in values.items()}
        self._running = Command(
            [fill(word, values) for word in self._words],
            folder=self._folder,
            environment={**os.environ, **self._variables(), **said},
        )
        try:
            seen = self._running.ask(timeout=timeout)
        except ValueError as error:  # a NUL, which no word of a command can carry
            return str(error)
        return None if seen.reach is Reach.HEALTHY else seen.text

    def cut(self) -> None:
        """Kill it."""
        running = self._running
        if running:
            running.cut()


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
