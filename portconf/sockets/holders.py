"""Which process a listener is, found by its socket among those that are open."""

import os
import sys
from collections.abc import Container, Iterable, Iterator

from portconf.ownership import Listener, Process


_PROC = "/proc"


def owners(listeners: Iterable[Listener]) -> dict[Listener, Process | None]:
    """
    Return the process of each listener.

    A socket that several processes share, as a server and its workers do, is that of
    the first of them: of the parent, as long as the parent has it too. To stop that
    one stops the others, and a worker comes and goes.

    Args:
        listeners: As `listening` returned them.

    Returns:
        None for one whose process has ended, or is hidden from us, as other users'
        are: `user_name` of the listener's user tells whose it is.
    """
    found: dict[Listener, Process | None] = dict.fromkeys(listeners)
    wanted = {each.inode for each in found if each.inode and each.pid is None}
    holders = dict(_holders(wanted)) if wanted else {}
    for each in found:
        if each.pid is not None:
            found[each] = _process(each.pid)
        elif each.inode in holders:
            pid, path = holders[each.inode]
            known = _process(pid)
            # It may have ended, and what was read be of one with the same number.
            found[each] = known if _link(path) == _name(each.inode) else None
    return found


def _holders(wanted: set[int]) -> Iterator[tuple[int, tuple[int, str]]]:
    """Yield each wanted socket with the first process that has it, and where."""
    left = {_name(inode): inode for inode in wanted}
    # Newest first: the server that is asked for was mostly started lately, and the
    # walk ends where all are found.
    for pid in sorted(_pids(), reverse=True):
        for link, path in _open_in(pid, left):
            if link in left:  # a process may have it open twice
                yield left.pop(link), _first(pid, path, link)
            if not left:
                return


def _first(pid: int, path: str, link: str) -> tuple[int, str]:
    """Climb from a process to its parent, as long as that has the socket too."""
    from portconf.sockets import processes  # noqa: PLC0415 - loaded when one is found

    while parent := processes.parent(pid):
        _, above = next(_open_in(parent, (link,)), (link, None))
        if above is None:
            break
        pid, path = parent, above
    return pid, path


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_PROC) if name.isdecimal()]
    except OSError:  # a sandbox without processes
        return []


def _open_in(pid: int, links: Container[str]) -> Iterator[tuple[str, str]]:
    """Yield those of ``links`` that a process has open, with the path of each."""
    folder = f"{_PROC}/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:  # it has ended, or is another user's
        return
    for name in names:
        path = f"{folder}/{name}"
        link = _link(path)
        if link in links:
            yield link, path


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:  # closed meanwhile
        return ""


def _name(inode: int) -> str:
    return f"socket:[{inode}]"


def _process(pid: int) -> Process | None:
    if sys.platform != "linux":
        from portconf.sockets import elsewhere  # noqa: PLC0415 - psutil is slow to load

        return elsewhere.process(pid)
    from portconf.sockets import processes  # noqa: PLC0415 - as in _first

    return processes.process(pid)
