"""
Whose a listener is: a pure function of what is known of it.

The rules.

1. A container is its Compose project's: ours where the project's folder lies in our
   checkout, foreign where it lies elsewhere, unknown where it has none.
2. A process is the innermost checkout's that holds its folder: worktrees are often
   kept inside the main checkout.
3. A process in no checkout, or in a folder that has been removed, is that of the
   checkout whose `PORTCONF_ROOT` it carries.
4. A process of another user is unknown, unless rule 2 makes it ours.
5. Every other process is foreign.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from portconf.model import Protocol


class Verdict(StrEnum):
    """Whose a port is at this moment."""

    NOBODY = "nobody"
    OURS = "ours"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """
    A socket that takes connections or, for UDP, packets.

    Attributes:
        port: 1 to 65535.
        protocol: TCP or UDP.
        address: What it is bound to, like `127.0.0.1` or `::`.
        uid: The user who made it, or None where the system does not tell.
        inode: Its number in the kernel; 0 where there is none.
        pid: Its process, where it is known without a search.
    """

    port: int
    protocol: Protocol
    address: str
    uid: int | None = None
    inode: int = 0
    pid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """
    What is known of a process.

    Attributes:
        pid: Its number.
        user: The name of its user, or the number as text; None where it is not told.
        mine: Whether it runs as the user who asks.
        command: Its command line, for people.
        folder: Its current folder, a real path, or None where it cannot be seen.
        folder_gone: Whether that folder has been removed.
        started: Seconds since the epoch, or None.
        marked: Its `PORTCONF_ROOT`, or None.
    """

    pid: int
    user: str | None
    mine: bool
    command: str
    folder: str | None = None
    folder_gone: bool = False
    started: float | None = None
    marked: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """
    What Docker says of a running container.

    Attributes:
        name: Its name, as `docker stop` takes it.
        project: Its Compose project, or None.
        folder: That project's folder (`com.docker.compose.project.working_dir`), or
            None.
    """

    name: str
    project: str | None = None
    folder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """
    The checkout that an owner belongs to.

    Attributes:
        root: Its folder, a real path.
        branch: The branch it is on, or None.
    """

    root: str
    branch: str | None = None

    def __str__(self) -> str:
        return f"{self.root} (branch {self.branch})" if self.branch else self.root


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """
    Who listens on a port, and what that means for our checkout.

    Attributes:
        port: The port.
        verdict: Whose it is.
        text: Who listens, for people.
        listener: The socket.
        process: Its process, where that can be seen.
        container: The container that publishes the port, if one does.
        home: The checkout that it belongs to, or None.
    """

    port: int
    verdict: Verdict
    text: str
    listener: Listener
    process: Process | None = None
    container: Container | None = None
    home: Home | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        process, container, home = self.process, self.container, self.home
        return {
            "port": self.port,
            "verdict": self.verdict,
            "address": self.listener.address,
            "pid": process and process.pid,
            "user": process and process.user,
            "command": process and process.command,
            "folder": container.folder if container else process and process.folder,
            "container": container and container.name,
            "checkout": home and home.root,
            "branch": home and home.branch,
        }


def judge(
    listener: Listener,
    process: Process | None,
    container: Container | None,
    *,
    home: Home | None,
    ours: str,
    user: str | None = None,
) -> Sighting:
    """
    Say whose a listener is.

    Args:
        listener: The socket.
        process: Its process, or None where it cannot be seen.
        container: The container that publishes the port, or None.
        home: The checkout that rules 1 to 3 give it, or None.
        ours: Our checkout's folder.
        user: The name of the listener's user, where that is known.
    """
    if container:
        whose = _of_container(container, home, ours)
    elif process:
        whose = _of_process(process, home, ours)
    else:
        whose = Verdict.UNKNOWN
    return Sighting(
        port=listener.port,
        verdict=whose,
        text=_worded(process, container, home, user),
        listener=listener,
        process=None if container else process,
        container=container,
        home=home,
    )


def worst(sightings: Iterable[Sighting]) -> Sighting:
    """Return the sighting that matters most, of one or more of one port."""
    order = (Verdict.FOREIGN, Verdict.UNKNOWN, Verdict.OURS)
    return min(sightings, key=lambda each: order.index(each.verdict))


def _of_container(container: Container, home: Home | None, ours: str) -> Verdict:
    if container.folder is None:
        return Verdict.UNKNOWN
    return Verdict.OURS if home and home.root == ours else Verdict.FOREIGN


def _of_process(process: Process, home: Home | None, ours: str) -> Verdict:
    if home and home.root == ours:
        return Verdict.OURS
    seen = process.folder is not None or process.folder_gone or home
    return Verdict.FOREIGN if process.mine and seen else Verdict.UNKNOWN


def _worded(
    process: Process | None,
    container: Container | None,
    home: Home | None,
    user: str | None,
) -> str:
    if container:
        project = f" of the Compose project {container.project}"
        where = f" in {container.folder}" if container.folder else ""
        who = f"container {container.name}{project if container.project else ''}{where}"
    elif process is None:
        return (
            f"a process of user {user} that cannot be seen"
            if user
            else "a process that cannot be seen, as another user's"
        )
    else:
        who = f"pid {process.pid} ({process.command})"
        who += "" if process.mine else f" of user {process.user or 'unknown'}"
        if process.folder_gone:
            who += " in a folder that has been removed"
        elif process.folder:
            who += f" in {process.folder}"
    return f"{who}, of the checkout {home}" if home else who
