"""`watch`: keeps the files current, and tells what happens to the services."""

import argparse
import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

from portconf.cli import listening, plain
from portconf.cli.dispatch import Answer, project
from portconf.errors import UsageError


# Seconds; the first, so that it stays far under a hundredth of a core.
_LEAST, _MOST = 0.1, 3600.0
# Seconds: a second signal sooner than that is the first one's echo; and what is still to
# be written has so long at the end.
_PATIENCE, _LAST = 1.0, 0.3
# Lines of a stream that wait for its reader.
_WAITING = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--export",
        action="append",
        default=[],
        metavar="FORMAT=DIR",
        help="keep the files of this format in a folder current too; can be repeated",
    )
    parser.add_argument(
        "--all-checkouts",
        action="store_true",
        help="those with the other checkouts of the repository on this machine",
    )
    listening.option(parser)
    parser.add_argument(
        "--interval",
        type=_seconds,
        default=2.0,
        metavar="SECONDS",
        help="look so often who listens (default: 2)",
    )


def run(options: argparse.Namespace) -> Answer:
    """
    Watch until a signal ends it, or the checkout is gone.

    Raises:
        SystemExit: At the end, with 0: all has been told by then.
    """
    wanted = tuple(map(_export, options.export))
    for name, told in (
        ("--all-checkouts", options.all_checkouts),
        ("--listen", options.listen is not None),
    ):
        if told and not wanted:
            raise UsageError(
                f"{name} is of a format", hint="name one with --export FORMAT=DIR"
            )
    listen = listening.read(options.listen)
    found = project(options)
    from portconf.watching.looks import Looks  # noqa: PLC0415 - rarely wanted
    from portconf.watching.loop import Watch  # noqa: PLC0415 - as above
    from portconf.watching.renewal import Renewal  # noqa: PLC0415 - as above

    as_json, stop = getattr(options, "json", False), threading.Event()
    renewal = Renewal(
        root=found.root,
        exports=wanted,
        all_checkouts=options.all_checkouts,
        listen=listen,
        lock_timeout=found.lock_timeout,
    )
    with _stopped_by_signals(stop), _printed(stop) as (write, say):
        watch = Watch(
            renewal,
            tell=lambda notice: write(
                json.dumps(notice.to_dict()) if as_json else plain(notice.event.line)
            ),
            say=lambda text: say(f"portconf: {text}"),
            looks=Looks(interval=options.interval),
        )
        watch.run(stop)
    raise SystemExit(0)


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let the signals that ask a program to end set ``stop``."""
    if threading.current_thread() is not threading.main_thread():
        yield  # where Python lets nobody say what a signal does
        return
    asked = math.inf

    def heard(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        # A closed terminal sends two at once; who sends one a second later means it.
        if time.monotonic() > asked + _PATIENCE:
            raise KeyboardInterrupt
        if asked == math.inf:  # set once: a second time would wait for the first
            asked = time.monotonic()
            stop.set()

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    known = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # `nohup`, and a shell that starts it in the background, have some ignored.
    ours = [each for each in known if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, heard) for each in ours}
    try:
        yield
    except BaseException:
        for number, handler in before.items():
            signal.signal(number, handler)
        raise
    for number in ours:  # all is done: a late one does not make a failure of it
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _printed(
    stop: threading.Event,
) -> Iterator[tuple[Callable[[str], None], Callable[[str], None]]]:
    """
    Yield what writes lines to standard output, and to standard error.

    Each has a lane: a reader that hangs, and a full disk, cost lines and no more. A
    reader of the output that has left ends all.

    Raises:
        BrokenPipeError: At the end, if the reader has left.
    """
    from portconf.watching.lanes import Lane  # noqa: PLC0415 - as above

    left = False

    def told(text: str) -> None:
        nonlocal left
        try:
            out.write(text)
        except BrokenPipeError:
            left = True
            stop.set()

    def lost(count: int) -> None:
        said.put(f"portconf: lines that could not be written: {count}")

    out = _Stream(sys.stdout, errors="surrogateescape")
    err = _Stream(sys.stderr, errors="backslashreplace")
    said = Lane("stderr", err.write, lost=lost, most=_WAITING)
    events = Lane("stdout", told, lost=lost, most=_WAITING)
    try:
        yield (
            events.put,
            lambda text: said.put("\n".join(map(plain, text.split("\n")))),
        )
    finally:
        events.end(within=_LAST)
        said.end(within=_LAST)
    if left:
        raise BrokenPipeError


class _Stream:
    """
    Lines of one stream, past its buffer.

    A buffer that a thread holds, as it hangs, is a fatal error when Python ends.
    """

    def __init__(self, stream: TextIO | None, *, errors: str) -> None:
        self._stream, self._errors = stream, errors
        self._torn = False

    def write(self, text: str) -> None:
        """
        Write one line.

        Raises:
            OSError: If it cannot be written, or not whole.
        """
        if self._stream is None:  # closed by the caller
            return
        shown = self._stream.isatty()
        encoding = self._stream.encoding if shown else "utf-8"
        errors = "backslashreplace" if shown else self._errors
        left = ("\n" * self._torn + f"{text}\n").encode(encoding, errors)
        while left:
            left = left[os.write(self._stream.fileno(), left) :]
            self._torn = bool(left)


def _export(text: str) -> tuple[str, str]:
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise UsageError(
            f"--export must be FORMAT=DIR, got {text!r}",
            hint="like --export prometheus=monitoring",
        )
    return name, os.path.abspath(folder)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not _LEAST <= seconds <= _MOST:
        raise argparse.ArgumentTypeError(
            f"must be seconds from {_LEAST:g} to {_MOST:g}, got {text!r}"
        )
    return seconds
