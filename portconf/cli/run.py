"""`run`: runs a command with the variables, and with its ports held or handed over."""

import argparse
import os

from portconf import handover
from portconf.cli import say
from portconf.cli.become import become
from portconf.cli.dispatch import Answer, project, warnings
from portconf.errors import PortconfError, UsageError


TYPE_CHECKING = False
if TYPE_CHECKING:
    from portconf.inspection import Inspection
    from portconf.launch import Trial
    from portconf.project import Project

# As env(1) ends: it failed itself, the command cannot be run, there is no such command.
_OURS, _CANNOT, _MISSING = 125, 126, 127


class NotRunError(UsageError, code="not_run"):
    """The command was not started."""

    def __init__(
        self, message: str, *, exit_code: int, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code  # type: ignore[misc] # of this one, not of the class


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--isolated",
        action="store_true",
        help="run CMD on a block of ports of its own, which ends with it",
    )
    parser.add_argument(
        "--hold",
        action="store_true",
        help="keep the services' ports from everybody but servers that set"
        " SO_REUSEADDR, while CMD runs (Linux)",
    )
    parser.add_argument(
        "--pass-sockets",
        nargs="+",
        action="extend",
        default=[],
        metavar="SERVICE",
        help="hand sockets that listen over to CMD, from descriptor 3 on, and set"
        " LISTEN_FDS",
    )
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="-- CMD",
        help="the command and its arguments, after --; {port:SERVICE} and {fd:SERVICE}"
        " in them become numbers",
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
        passed = tuple(dict.fromkeys(options.pass_sockets))
        trial = _trial(asked, hold=options.hold, passed=passed)
        if options.isolated:
            (asked,) = asked.isolated(probe=trial)
        found = asked.variables()
        for note in warnings(asked):
            say(f"portconf: {note}")
        if trial or handover.names_one(words):
            running = asked.inspection(asked.held(asked.plan()).lease)
            words = handover.filled(words, running.ports(), passed)
            if trial:
                _bind(trial, running)
        if passed:
            found |= handover.variables(passed, pid=os.getpid())
    except PortconfError as error:
        raise NotRunError(error.message, exit_code=_OURS, hint=error.hint) from error
    except OSError as error:
        raise NotRunError(
            f"the ports cannot be held or handed over: {error.strerror}",
            exit_code=_OURS,
            hint="let the process have more open files: 'ulimit -n' tells how many",
        ) from error
    try:
        become(words, found)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        raise NotRunError(
            f"cannot run {words[0]!r}: {error.strerror}",
            exit_code=_MISSING if missing else _CANNOT,
        ) from error


def _trial(asked: "Project", *, hold: bool, passed: tuple[str, ...]) -> "Trial | None":
    """Return what binds the ports that the command gets; None where it gets none."""
    if not (hold or passed):
        return None
    from portconf import launch  # noqa: PLC0415 - for these options only

    if passed and handover.meant_for(os.environ, os.getpid()):
        raise UsageError(
            "sockets were handed over to this command already, and those of"
            " --pass-sockets would take their places",
            hint="hand all of them over at once",
        )
    return launch.Trial(
        lambda lease: launch.wanted(asked.inspection(lease), hold=hold, passed=passed)
    )


def _bind(trial: "Trial", running: "Inspection") -> None:
    """Bind what the command gets, and put it where the command will find it."""
    from portconf import launch, sockets  # noqa: PLC0415 - for these options only

    held, served, notes = launch.bind(trial, running)
    for note in notes:
        say(f"portconf: {note}")
    sockets.leave(held, served)
