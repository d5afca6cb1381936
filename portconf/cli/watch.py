"""`watch`: keeps the files current, and tells what happens to the services."""

import argparse
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from portconf.cli import plain, say, write
from portconf.cli.dispatch import Answer, project
from portconf.errors import UsageError


# Seconds; the first, so that it stays far under a hundredth of a core.
_LEAST, _MOST = 0.1, 3600.0


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
    if options.all_checkouts and not wanted:
        raise UsageError(
            "--all-checkouts is of a format", hint="name one with --export FORMAT=DIR"
        )
    found = project(options)
    from portconf.watching.loop import Watch  # noqa: PLC0415 - as above
    from portconf.watching.renewal import Renewal  # noqa: PLC0415 - rarely wanted
    from portconf.watching.ringing import Notice  # noqa: PLC0415 - as above

    as_json = getattr(options, "json", False)

    def tell(notice: Notice) -> None:
        text = json.dumps(notice.to_dict()) if as_json else plain(notice.event.line)
        write(f"{text}\n")

    renewal = Renewal(
        root=found.root,
        exports=wanted,
        all_checkouts=options.all_checkouts,
        lock_timeout=found.lock_timeout,
    )
    with _stoppable() as stop:
        Watch(renewal, tell=tell, say=_say, interval=options.interval).run(stop)
    raise SystemExit(0)


class _Stop:
    """A flag that a signal's handler can set: unlike an event it has no lock."""

    def __init__(self) -> None:
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def set(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_set:  # the second time somebody means it
            raise KeyboardInterrupt
        self._is_set = True


@contextmanager
def _stoppable() -> Iterator[_Stop]:
    """Yield what a signal sets that asks a program to end."""
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # where Python lets nobody say what a signal does
        return
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    asked = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # `nohup`, and a shell that starts it in the background, have some ignored.
    heard = [each for each in asked if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, stop.set) for each in heard}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    first, *rest = text.split("\n")
    say("\n".join((f"portconf: {first}", *rest)))


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
