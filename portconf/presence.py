"""
Whether a checkout is confirmed gone, or only cannot be seen.

A drive that is not mounted leaves either an empty folder in its place, which is
another folder than the drive's, or none at all. So the folders above a path, as far
as they lie on the path's own drive, are remembered with its number and their inodes:
the uppermost folders of two drives often have the same inode. The path is gone if one
of them is still the same, and nothing is mounted between it and the path.
"""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from portconf import sockets
from portconf.registry.protocol import Registry
from portconf.registry.values import Anchors, Holder, Lease


if TYPE_CHECKING:
    from portconf.registry.protocol import Table


def anchors(holder: Holder) -> Anchors:
    """Return what has to be remembered of where a checkout lies."""
    return {path: _above(path) for path in {holder.root, holder.checkout}}


def gone(leases: Iterable[Lease]) -> frozenset[int]:
    """Return the numbers of those leases whose checkouts are confirmed gone."""
    return frozenset(each.number for each, why in judged(leases) if why is None)


def sweep(registry: Registry) -> None:
    """
    Drop the process leases whose processes have ended.

    Raises:
        RegistryError: If the registry is refused or cannot be written.
    """
    over = ended(registry.read(lambda table: table.runs()))

    def rule(table: "Table") -> None:
        for lease in table.runs():
            if lease in over:  # and not another process's by now
                table.drop(lease.number)

    if over:
        registry.change(rule)


def judged(leases: Iterable[Lease]) -> tuple[tuple[Lease, str | None], ...]:
    """Return each lease, with why it is kept or None: see `why_kept`."""
    known = tuple(leases)
    used = {port for each in known for port in each.service_ports()}
    listening = {each.port for each in sockets.listening(used)} if used else ()
    space = sockets.namespace()
    return tuple(
        (each, why_kept(each, namespace=space, listening=listening)) for each in known
    )


def ended(leases: Iterable[Lease]) -> tuple[Lease, ...]:
    """Return the process leases whose processes are confirmed to have ended."""
    known: dict[tuple[int, str], bool] = {}  # a controller has dozens
    over = []
    for lease in leases:
        if lease.run is None:
            continue
        process = lease.run.pid, lease.run.started
        if process not in known:
            known[process] = sockets.ended(*process)
        if known[process]:
            over.append(lease)
    return tuple(over)


def why_kept(lease: Lease, *, namespace: str, listening: Collection[int]) -> str | None:
    """
    Return why a lease is not to be freed; None where its checkout is confirmed gone.

    A worktree is gone when its folder is, and git no longer lists it; a run, when its
    process has ended. What nobody can tell is kept: better a port too few than one given
    twice.

    Args:
        lease: The lease.
        namespace: The network namespace that we see.
        listening: The ports on which anybody listens there.
    """
    holder = lease.holder
    if lease.run:
        return None if ended([lease]) else f"{lease.run} runs"
    if holder.namespace != namespace:
        return "it is of another network namespace, such as a container's"
    if (
        holder.linked
        and os.path.lexists(holder.checkout)
        and not os.path.lexists(holder.root)
    ):
        return "git still lists the worktree: run 'git worktree prune' there"
    for path in (holder.root, holder.checkout):
        reason = _still_there(path, lease.anchors.get(path, {}))
        if reason:
            return reason
    busy = [
        f"{port} ({name})"
        for port, name in lease.service_ports().items()
        if port in listening
    ]
    return f"somebody still listens on {', '.join(busy)}" if busy else None


def _above(path: str) -> dict[str, list[int]]:
    """Return the folders above a path on its drive, with drive and inode."""
    found: dict[str, list[int]] = {}
    with suppress(OSError):
        device, drive = os.lstat(path).st_dev, _drive(path)
        above = os.path.dirname(path)
        while above not in found:
            status = os.lstat(above)
            if status.st_dev != device:
                break
            found[above] = [drive, status.st_ino]
            above = os.path.dirname(above)
    return found


def _drive(path: str) -> int:
    """Return the number of a path's file system; 0 where there is none."""
    # Not its device, which may be another after each start of the machine.
    return os.statvfs(path).f_fsid if hasattr(os, "statvfs") else 0


def _still_there(path: str, known: Mapping[str, Sequence[int]]) -> str | None:
    """Return why a path cannot be said to be gone, or None."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    else:
        return f"{path} is there"
    above = os.path.dirname(path)
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    left = os.lstat(above)
    nearest, device, drive = above, left.st_dev, _drive(above)
    while left.st_dev == device:
        if [drive, left.st_ino] == known.get(above):
            return None
        if above == os.path.dirname(above):
            break
        above = os.path.dirname(above)
        left = os.lstat(above)
    return f"{path} is missing, but so may be its drive: {nearest} is not what it was"
