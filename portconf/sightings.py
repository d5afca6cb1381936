"""Who listens on ports, as seen from one checkout."""

import os
from collections.abc import Mapping

from portconf import checkout, ownership, sockets
from portconf.folder import Folder
from portconf.model import Protocol
from portconf.ownership import Container, Home, Listener, Process, Sighting


Published = tuple[int, Protocol, str]


def look(
    ports: Mapping[int, Protocol], folder: Folder, *, silent: bool = False
) -> dict[int, Sighting]:
    """
    Return who listens on each of ``ports``, without those that nobody listens on.

    Of several listeners on one port, as on `127.0.0.1` and on `::1`, the one that
    matters most is told: a foreign one before an unknown one before ours.

    Args:
        ports: What is spoken on each.
        folder: The project that asks.
        silent: Who has a port of TCP without listening, instead.
    """
    listeners = [
        each
        for each in (sockets.silent if silent else sockets.listening)(ports.keys())
        if ports[each.port] is each.protocol
    ]
    if not listeners:
        return {}
    processes = sockets.owners(listeners)
    containers = sockets.containers()
    seen: dict[int, list[Sighting]] = {}
    for listener in listeners:
        process, container = processes[listener], _publishing(listener, containers)
        found = ownership.judge(
            listener,
            process,
            container,
            home=_home(container or process, folder),
            ours=folder.fence,
            user=sockets.user_name(listener.uid),
        )
        seen.setdefault(listener.port, []).append(found)
    return {port: ownership.worst(all_of) for port, all_of in seen.items()}


def _publishing(
    listener: Listener, containers: Mapping[Published, Container]
) -> Container | None:
    """Return the container whose port a listener is, and not only one of its number."""
    here, every = listener.address, ("0.0.0.0", "::")  # noqa: S104 - Docker's words
    # A forwarder into a virtual machine listens on 127.0.0.1 for what is on all.
    wider = every if here in every else every[1:] if ":" in here else every[:1]
    for address in ("", here, *wider):
        found = containers.get((listener.port, listener.protocol, address))
        if found:
            return found
    return None


def _home(owner: Container | Process | None, folder: Folder) -> Home | None:
    """Return the checkout that an owner belongs to, or None."""
    if owner is None:
        return None
    gone = isinstance(owner, Process) and owner.folder_gone
    found = _holding(owner.folder, folder) if owner.folder and not gone else None
    if found or isinstance(owner, Container) or not owner.marked:
        return found
    if not os.path.isabs(owner.marked):  # would be taken for one of our folders
        return None
    found = _holding(owner.marked, folder)
    if found is None and os.path.isdir(owner.marked):  # a project without git
        found = Home(root=os.path.realpath(owner.marked))
    return found


def _holding(path: str, folder: Folder) -> Home | None:
    """Return the innermost checkout that holds a path; ours also without git."""
    real = os.path.realpath(path)
    if not os.path.isdir(real):  # a removed worktree was not the checkout around it
        return None
    within = checkout.find(real)
    inner = within.root if within else ""
    if folder.contains(real) and len(folder.fence) >= len(inner):
        return Home(root=folder.fence, branch=within.branch if within else None)
    return Home(root=within.root, branch=within.branch) if within else None
