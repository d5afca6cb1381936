"""Sockets in the hands of another program: systemd's protocol, and words with numbers."""

import re
from collections.abc import Iterable, Mapping, Sequence

from portconf.errors import UsageError
from portconf.kinds import did_you_mean


FIRST = 3
"""The descriptor of the first socket that is handed over."""

_PID, _COUNT, _NAMES = "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"
# With the last one systemd 258 names a process beyond doubt: with a wrong one, its
# library takes no sockets.
_ALL = (_PID, _COUNT, _NAMES, "LISTEN_PIDFDID")
# With a blank, as in the JavaScript `listen({fd: 3})`, braces are the command's own.
_BRACES = re.compile(r"\{(fd|port):([\w.-]*)\}")


def variables(services: Iterable[str], *, pid: int) -> dict[str, str]:
    """
    Return the variables that tell a process of its sockets.

    Args:
        services: Whose sockets they are, in the order of their descriptors.
        pid: The process; no other one takes them, not even a child of it.

    Examples:
        >>> variables(["web", "api"], pid=4711)
        {'LISTEN_PID': '4711', 'LISTEN_FDS': '2', 'LISTEN_FDNAMES': 'web:api'}
    """
    names = list(services)
    return {_PID: str(pid), _COUNT: str(len(names)), _NAMES: ":".join(names)}


def meant_for(environment: Mapping[str, str], pid: int) -> bool:
    """Tell whether an environment tells the process ``pid`` of sockets."""
    return environment.get(_PID) == str(pid) and environment.get(_COUNT, "0") != "0"


def left_over(environment: Mapping[str, str], pid: int) -> tuple[str, ...]:
    """
    Return the variables that tell another process of its sockets.

    An outer service manager has left them, and has closed the sockets, or keeps them
    for itself. What is meant for ``pid`` stays: the command is to be that process.
    """
    if meant_for(environment, pid):
        return ()
    return tuple(name for name in _ALL if name in environment)


def descriptor(environment: Mapping[str, str], service: str, *, pid: int) -> int | None:
    """
    Return the descriptor that was handed over for a service, or None.

    Args:
        environment: The process's variables.
        service: Its name, one of `LISTEN_FDNAMES`.
        pid: The process that asks.
    """
    count = environment.get(_COUNT, "")
    if not meant_for(environment, pid) or not count.isdecimal():
        return None
    names = environment.get(_NAMES, "").split(":")[: int(count)]
    return FIRST + names.index(service) if service in names else None


def names_one(words: Iterable[str]) -> bool:
    """Tell whether `filled` has something to fill in."""
    return any(_BRACES.search(word) for word in words)


def filled(
    words: Iterable[str], ports: Mapping[str, int], passed: Sequence[str]
) -> list[str]:
    """
    Return a command with the numbers in it, for `{port:NAME}` and `{fd:NAME}`.

    All other braces are the command's own.

    Args:
        words: The command and its arguments.
        ports: The effective port of each service.
        passed: The services whose sockets are handed over, in their order.

    Raises:
        UsageError: If there is no such service, or its socket is not handed over.

    Examples:
        >>> filled(["uvicorn", "--fd={fd:web}", "{}"], {"web": 4000}, ["web"])
        ['uvicorn', '--fd=3', '{}']
    """

    def number(found: re.Match[str]) -> str:
        kind, name = found.groups()
        if name not in ports and name.isdecimal():
            return found[0]  # the same JavaScript, made small
        if name not in ports:
            raise UsageError(
                f"{found[0]} names no service{did_you_mean(name, list(ports))}",
                hint="'portconf status' lists them",
            )
        if kind == "port":
            return str(ports[name])
        if name not in passed:
            raise UsageError(
                f"{found[0]} names a service whose socket is not handed over",
                hint=f"portconf run --pass-sockets {' '.join((*passed, name))} -- CMD",
            )
        return str(FIRST + passed.index(name))

    return [_BRACES.sub(number, word) for word in words]
