"""`run`: runs a command with the variables."""

import argparse
import os
import signal
from typing import NoReturn

from portconf.cli import say
from portconf.cli.dispatch import Answer, project, warnings
from portconf.errors import PortconfError, UsageError
from portconf.variables import left_over


# As env(1) ends: it failed itself, the command cannot be run, there is no such command.
_OURS, _CANNOT, _MISSING = 125, 126, 127


class NotRunError(UsageError):
    """The command was not started."""

    code = "not_run"

    def __init__(
        self, message: str, *, exit_code: int, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code  # type: ignore[misc] # of this one, not of the class


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="-- CMD",
        help="the command and its arguments, after --",
    )


def run(options: argparse.Namespace) -> Answer:
    """Become the command, with this checkout's variables over the shell's."""
    words = options.command[options.command[:1] == ["--"] :]
    if not words:
        raise NotRunError(
            "run needs a command", exit_code=_OURS, hint="portconf run -- CMD ..."
        )
    try:
        asked = project(options)
        found = asked.variables()
        for note in warnings(asked):
            say(f"portconf: {note}")
    except PortconfError as error:
        raise NotRunError(error.message, exit_code=_OURS, hint=error.hint) from error
    for name in left_over(os.environ, found):
        del os.environ[name]
    os.environ.update(found)
    _become(words)


def _become(words: list[str]) -> NoReturn:
    for name in ("SIGPIPE", "SIGXFSZ"):  # which Python ignores, and exec hands down
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execvp(words[0], words)  # noqa: S606 - the command that was asked for
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        raise NotRunError(
            f"cannot run {words[0]!r}: {error.strerror}",
            exit_code=_MISSING if missing else _CANNOT,
        ) from error
