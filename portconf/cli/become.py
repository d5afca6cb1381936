"""The last step of `run`: this process becomes the command."""

import errno
import os
import signal

from portconf.environment import left_over


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn


def become(words: "list[str]", variables: "Mapping[str, str]") -> "NoReturn":
    """
    Run a command in place of this process, with variables over the shell's.

    What an outer shell or service manager has left, and is not for this command, is
    taken away.

    Args:
        words: The command, which is looked for on the PATH, and its arguments.
        variables: This checkout's, and those that tell of sockets.

    Raises:
        OSError: If the command cannot be run.
    """
    if not words[0]:  # which `execvp` refuses in other words
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    for name in _left_over(variables):
        del os.environ[name]
    os.environ.update(variables)
    for name in ("SIGPIPE", "SIGXFSZ"):  # which Python ignores, and exec hands down
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execvp(words[0], words)  # noqa: S606 - the command that was asked for


def _left_over(variables: "Mapping[str, str]") -> "tuple[str, ...]":
    """Return what is to go."""
    found = left_over(os.environ, variables)
    if any(name.startswith("LISTEN_") for name in os.environ):
        from portconf import handover  # noqa: PLC0415 - slow to load

        found += handover.left_over(os.environ, os.getpid())
    return found
