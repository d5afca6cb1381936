"""`health`: asks the services once whether they answer."""

import argparse
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from portconf.cli import say, tables, write
from portconf.cli.dispatch import Answer, project


HEAD = ("service", "port", "probe", "health", "seen")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    arguments(parser, timeout=2)


def arguments(parser: argparse.ArgumentParser, *, timeout: int) -> None:
    """Declare which services are asked, and for how long at the most."""
    parser.add_argument(
        "services",
        nargs="*",
        metavar="SERVICE",
        help="a service; none stands for all that are declared",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=float(timeout),
        metavar="SECONDS",
        help=f"for all of them together (default: {timeout})",
    )


def run(options: argparse.Namespace) -> Answer:
    """
    Show what `Project.health` returns.

    Raises:
        HealthError: If a service does not answer as it should.
    """
    with terminable():
        report = project(options).health(options.services, timeout=options.timeout)
    rows = [
        (
            each.service,
            str(each.port),
            each.probe,
            "healthy" if each.healthy else "not healthy",
            each.seen,
        )
        for each in report.services
    ]
    count = len(rows) - len(report.unhealthy)
    footer = f"{count} of {len(rows)} healthy"
    text = tables.table(report.root, HEAD, rows, footer=footer)
    notes = tuple(f"warning: {note}" for note in report.notes)
    if not report.healthy:  # the error is all that is told of what is not shown here
        for note in notes:
            say(f"portconf: {note}")
        as_json = getattr(options, "json", False)
        if not as_json:
            write(text)
        raise report.refusal(brief=not as_json)
    return Answer(data=report.to_dict(), text=text, notes=notes)


@contextmanager
def terminable() -> Iterator[None]:
    """
    Let SIGTERM end the block as Ctrl-C does, so that no command of a probe is left.

    Raises:
        SystemExit: If the signal comes; with 143, as shells show it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # where Python lets nobody say what a signal does
        return
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 1_000_000:  # noqa: PLR2004 - rules out NaN and overflow
        raise argparse.ArgumentTypeError(
            f"must be seconds above 0, at most 1000000, got {text!r}"
        )
    return seconds
