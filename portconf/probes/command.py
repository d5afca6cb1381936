"""Commands: whether a program of the user's ends with 0."""

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, cast

from portconf.health import Reach, Seen, within


_SLICE = 0.02  # seconds: so soon an end is seen that leaves the output open
_LAST = 4096  # bytes of the output that are kept; one line of it is shown
_SHOWN = 200


class Command:
    """
    Runs a command, in a process group of its own.

    Whatever of the group is left when the command ends, or may not run any longer, is
    killed: a question leaves nothing behind.
    """

    address = ""

    def __init__(
        self, words: Sequence[str], *, folder: str, environment: Mapping[str, str]
    ) -> None:
        self._words, self._folder, self._environment = words, folder, environment
        self._cut = threading.Event()

    def ask(self, *, timeout: float) -> Seen:
        """Run it once."""
        until = time.monotonic() + timeout
        name = self._words[0]
        self._cut.clear()
        try:
            process = subprocess.Popen(  # noqa: S603 - what the project declares
                self._words,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        except OSError as error:
            text = f"cannot run {name!r}: {error.strerror}"
            return Seen(reach=Reach.WRONG, text=text)
        with process:
            try:
                output = self._follow(process, until)
                code = process.poll()
            finally:
                _end(process)
        if code is None:
            text = f"{name} did not end {within(timeout)}"
            return Seen(reach=Reach.SILENT, text=text)
        return Seen(
            reach=Reach.WRONG if code else Reach.HEALTHY,
            text=f"{name} {_ending(code)}{_last_line(output) if code else ''}",
        )

    def cut(self) -> None:
        """End the command."""
        self._cut.set()

    def _follow(self, process: subprocess.Popen[bytes], until: float) -> bytes:
        """Return the end of the output, when the command has ended or must end."""
        last = b""
        descriptor = cast("IO[bytes]", process.stdout).fileno()
        os.set_blocking(descriptor, False)
        with selectors.DefaultSelector() as output:
            output.register(descriptor, selectors.EVENT_READ)
            # A child that it left may keep the output open: its own end counts.
            while process.poll() is None and not self._cut.is_set():
                left = until - time.monotonic()
                if left <= 0:
                    break
                if not output.get_map():
                    self._cut.wait(min(left, _SLICE / 10))
                elif output.select(min(left, _SLICE)):
                    part = os.read(descriptor, 65536)
                    last = (last + part)[-_LAST:]
                    if not part:
                        output.unregister(descriptor)
        with suppress(BlockingIOError):
            last += os.read(descriptor, 65536)
        return last[-_LAST:]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group, and wait for its first process."""
    # While a member lives the number is the group's; after that it is nobody's yet.
    with suppress(ProcessLookupError, PermissionError):  # macOS: of a dead one
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ending(code: int) -> str:
    if code >= 0:
        return f"exited with {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal has no name
        return f"was ended by signal {-code}"


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return f": {lines[-1].strip()[:_SHOWN]}" if lines else ""
