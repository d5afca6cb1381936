"""The option `--listen`: where a load balancer is to listen."""

import argparse

from portconf.errors import UsageError
from portconf.views import LISTEN


LAST = 65535


def option(parser: argparse.ArgumentParser) -> None:
    """Declare it."""
    parser.add_argument(
        "--listen",
        metavar="PORT",
        help="where a load balancer is to listen: a port, or a service"
        f" (default: {LISTEN})",
    )


def read(text: str | None) -> int | str:
    """Return the port, or the service, that it names."""
    if text is None:
        return LISTEN
    if not (text.isascii() and text.isdecimal()):
        return text
    if len(text) > len(str(LAST)) or not 1 <= int(text) <= LAST:
        raise UsageError(f"--listen must be a port from 1 to {LAST}, got {text[:20]}")
    return int(text)
