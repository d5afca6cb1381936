"""Which process a listener is, found by its socket among those that are open."""

import os
import sys
from collections.abc import Iterable, Iterator

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
        pid = each.pid or holders.get(each.inode)
        if pid is not None:
            found[each] = _process(pid, each.inode)
    return found


def _holders(wanted: set[int]) -> Iterator[tuple[int, int]]:
    """Yield each wanted socket with the first process that has it."""
    left = {f"socket:[{inode}]": inode for inode in wanted}
    # Newest first: the server that is asked for was mostly started lately, and the
    # walk ends where all are found.
    for pid in sorted(_pids(), reverse=True):
        if not left:
            return
        for link in _open_in(pid, left):
            inode = left.pop(link, None)
            if inode is not None:
                yield inode, _first(pid, link)


def _first(pid: int, link: str) -> int:
    """Climb from a process to its parent, as long as that has the socket too."""
    from portconf.sockets import processes  # noqa: PLC0415 - loaded when one is found

    while True:
        parent = processes.parent(pid)
        if not parent or next(_open_in(parent, (link,)), None) is None:
            return pid
        pid = parent


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_PROC) if name.isdecimal()]
    except OSError:  # a sandbox without processes
        return []


def _open_in(pid: int, links: "Iterable[str]") -> Iterator[str]:
    """Yield those of ``links`` that a process has open, as often as it has."""
    try:
        folder = os.open(f"{_PROC}/{pid}/fd", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # it has ended, or is another user's
        return
    try:
        for name in os.listdir(folder):
            try:
                link = os.readlink(name, dir_fd=folder)
            except OSError:  # closed meanwhile
                continue
            if link in links:
                yield link
    except OSError:  # it has ended meanwhile
        return
    finally:
        os.close(folder)


def _process(pid: int, inode: int) -> Process | None:
    if sys.platform != "linux":
        from portconf.sockets import elsewhere  # noqa: PLC0415 - psutil is slow to load

        return elsewhere.process(pid)
    from portconf.sockets import processes  # noqa: PLC0415 - loaded when one is found

    found = processes.process(pid)
    if inode and next(_open_in(pid, (f"socket:[{inode}]",)), None) is None:
        return None  # it ended, and what we read was of one with the same number
    return found
