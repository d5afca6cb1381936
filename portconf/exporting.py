"""What a project is in a format, as texts and as files on disk."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from portconf import files, machine, rendering, sites
from portconf.errors import FileConflictError
from portconf.folder import Folder
from portconf.originals import Texts
from portconf.reading import Reading
from portconf.reports import FileChange, Outcome
from portconf.views import LISTEN, Leased, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """
    A project in one format.

    Attributes:
        files: The texts, by name; at least one.
        notes: What is to be known of them, a sentence each.
    """

    files: Mapping[str, str]
    notes: tuple[str, ...] = ()


def render(
    project: Reading,
    name: str,
    *,
    folder: str | None = None,
    all_checkouts: bool = False,
    listen: int = LISTEN,
) -> Rendition:
    """
    Return a project in a format; takes the checkout's lease.

    Args:
        project: The project.
        name: The format's name.
        folder: Where files lie that the format edits; None: the project's folder.
        all_checkouts: Also the other checkouts of its repository on this machine.
        listen: The port on which a server that the format configures is to listen.

    Raises:
        UsageError: If there is no such format.
        ConfigError: If something cannot be carried.
        AssignmentError: If a declared service has no port yet.
        StoreError: If the assignments file is refused.
        RegistryError: If no lease is to be had.
    """
    plan = project.plan()
    wanted = all_checkouts and project.leased
    timeout = project.lock_timeout
    others, notes = sites.others(project.root, timeout=timeout) if wanted else ((), ())
    view = View(
        settings=project.settings,
        variables=project.variables(),
        site=sites.here(project.held(plan), plan),
        others=others,
        listen=listen,
        present=Texts(Folder.at(os.path.realpath(folder or project.root)), whole=True),
        machine=lambda: _machine(timeout),
    )
    return Rendition(files=rendering.rendered(name, view), notes=notes)


def write(
    rendition: Rendition, folder: str, *, force: bool = False, dry_run: bool = False
) -> Outcome:
    """
    Write the files of a format into a folder, each whole and only if it changes.

    Args:
        rendition: The files.
        folder: Is made where missing.
        force: Replace a file that somebody else has written.
        dry_run: Only tell what would be written.

    Raises:
        FileConflictError: If a file is somebody else's, or a link that leads out of
            the checkout that holds the folder.
        StoreError: If one cannot be written; the ones before it are then written.
    """
    there = Folder.at(os.path.realpath(folder))
    changes = []
    for name, text in rendition.files.items():
        file, after = there.file(name), text.encode("utf-8", "surrogateescape")
        before = files.read(file)
        if before == after:
            continue
        if before and not force and not rendering.owned(name, before, after):
            raise FileConflictError(
                f"{name} was not written by portconf: it lacks our first line",
                path=name,
                hint="move it away, name another folder, or use --force",
            )
        files.check(file)
        changes.append(FileChange(name=name, before=before, after=after))
    outcome = Outcome(
        root=there.root,
        files=tuple(changes),
        notes=rendition.notes,
        dry_run=dry_run,
    )
    for each in () if dry_run else outcome.files:
        files.replace(there.file(each.name), each.after)
    return outcome


def _machine(timeout: float) -> tuple[Leased, ...]:
    """Look at the checkouts of this machine, not at runs: they end by themselves."""
    gone = machine.gc(timeout=timeout, dry_run=True).freed
    return tuple(
        Leased(
            lease=each.lease,
            branch=each.branch,
            listening={seen.port: seen.verdict for _, seen in each.listening or ()},
            gone=each.lease in gone,
        )
        for each in machine.tenants(timeout=timeout, look=True)
        if each.lease.run is None
    )
