"""Who listens on ports, as seen from one checkout."""

import os
from collections.abc import Mapping

from portconf import checkout, ownership, sockets
from portconf.folder import Folder
from portconf.model import Protocol
from portconf.ownership import Container, Home, Process, Sighting


def look(ports: Mapping[int, Protocol], folder: Folder) -> dict[int, Sighting]:
    """
    Return who listens on each of ``ports``, without those that nobody listens on.

    Of several listeners on one port, as on `127.0.0.1` and on `::1`, the one that
    matters most is told: a foreign one before an unknown one before ours.

    Args:
        ports: What is spoken on each.
        folder: The project that asks.
    """
    listeners = [
        each
        for each in sockets.listening(ports.keys())
        if ports[each.port] is each.protocol
    ]
    if not listeners:
        return {}
    processes = sockets.owners(listeners)
    containers = sockets.containers()
    seen: dict[int, list[Sighting]] = {}
    for listener in listeners:
        process, container = processes[listener], containers.get(listener.port)
        found = ownership.judge(
            listener,
            process,
            container,
            home=_home(container or process, folder),
            ours=folder.fence,
        )
        seen.setdefault(listener.port, []).append(found)
    return {port: ownership.worst(all_of) for port, all_of in seen.items()}


def _home(owner: Container | Process | None, folder: Folder) -> Home | None:
    """Return the checkout that an owner belongs to, or None."""
    if owner is None:
        return None
    found = _holding(owner.folder, folder) if owner.folder else None
    if found is None and isinstance(owner, Process) and owner.marked:
        found = _holding(owner.marked, folder)
    return found


def _holding(path: str, folder: Folder) -> Home | None:
    """Return the innermost checkout that holds a path; ours also without git."""
    real = os.path.realpath(path)
    within = checkout.find(real)
    inner = within.root if within else ""
    if folder.contains(real) and len(folder.fence) >= len(inner):
        return Home(root=folder.fence, branch=within.branch if within else None)
    return Home(root=within.root, branch=within.branch) if within else None
