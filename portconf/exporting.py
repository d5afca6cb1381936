"""What a project is in a format, as texts and as files on disk."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from portconf import files, machine, rendering, sites
from portconf.errors import FileConflictError, UsageError
from portconf.folder import Folder
from portconf.originals import Texts
from portconf.reading import Reading
from portconf.reports import FileChange, Outcome
from portconf.views import LISTEN, Leased, Site, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """
    A project in one format.

    Attributes:
        files: The texts, by name; at least one.
        variables: The checkout's, which the format was given.
        read: The files of the folder that the format has read, by name: which it may
            edit, or which say what it writes.
        notes: What is to be known of them, a sentence each.
    """

    files: Mapping[str, str]
    variables: Mapping[str, str]
    read: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def render(
    project: Reading,
    name: str,
    *,
    folder: str | None = None,
    all_checkouts: bool = False,
    listen: int | str = LISTEN,
) -> Rendition:
    """
    Return a project in a format; takes the checkout's lease.

    Args:
        project: The project.
        name: The format's name.
        folder: Where files lie that the format edits; None: the project's folder.
        all_checkouts: Also the other checkouts of its repository on this machine.
        listen: The port on which a server that the format configures is to listen, or
            the service whose port that is.

    Raises:
        UsageError: If there is no such format, or if other checkouts are asked for
            where none is known: in a run, or with the registry off.
        ConfigError: If something cannot be carried.
        AssignmentError: If a declared service has no port yet.
        StoreError: If the assignments file is refused.
        RegistryError: If no lease is to be had.
    """
    plan = project.plan()
    standing = project.held(plan)
    if all_checkouts and (standing.lease is None or standing.lease.run):
        raise UsageError(
            "other checkouts are not known here: "
            + (
                "this run has ports of its own"
                if standing.lease
                else "no registry is on"
            ),
            hint="do without --all-checkouts",
        )
    site, timeout = sites.here(standing, plan), project.lock_timeout

    @cache  # one look, whoever asks
    def others() -> tuple[tuple[Site, ...], tuple[str, ...]]:
        return (
            sites.others(project.root, timeout=timeout) if standing.lease else ((), ())
        )

    shown: tuple[Site, ...] = (site,)
    notes: tuple[str, ...] = ()
    if all_checkouts:
        shown, notes = sites.family(site, others()[0]), others()[1]
    there = Folder.at(os.path.realpath(folder or project.root))
    view = View(
        settings=project.settings,
        variables=project.variables(),
        site=next(each for each in shown if each.root == site.root),
        others=tuple(each for each in shown if each.root != site.root),
        listen=listen if isinstance(listen, int) else project.get(listen),
        listener=listen if isinstance(listen, str) else None,
        folder=there.root,
        present=Texts(there, whole=True),
        machine=lambda: _machine(timeout),
        family=lambda: sites.family(site, others()[0]),
    )
    texts = rendering.rendered(name, view)
    return Rendition(
        files=texts,
        variables=view.variables,
        read=frozenset(view.present),
        notes=notes,
    )


def write(
    project: Reading,
    rendition: Rendition,
    folder: str,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> Outcome:
    """
    Write the files of a format into a folder, each whole and only if it changes.

    Args:
        project: The project.
        rendition: The files.
        folder: Is made where missing.
        force: Replace a file that somebody else has written.
        dry_run: Only tell what would be written.

    Raises:
        FileConflictError: If a file is somebody else's, or a link that leads out of
            the checkout that holds the folder; then nothing is written.
        StoreError: If one cannot be written; the ones before it are then written.
    """
    there = _output(Folder.at(project.root), folder)
    changes = _changes(rendition, there, force=force)
    for each in () if dry_run else changes:
        files.replace(there.file(each.name), each.after)
    return Outcome(
        root=there.root, files=changes, notes=rendition.notes, dry_run=dry_run
    )


def _output(project: Folder, folder: str) -> Folder:
    """Return the folder to write to; not that of another checkout, by a link in ours."""
    path = os.path.abspath(folder)
    real = os.path.realpath(path)
    within = os.path.commonpath(
        [project.fence, os.path.realpath(os.path.dirname(path))]
    )
    if within == project.fence and not project.holds(os.path.join(real, "file")):
        raise FileConflictError(
            f"{folder} is no folder of this checkout: it leads to {real}",
            path=folder,
            hint="name another folder",
        )
    return Folder.at(real)


def _changes(
    rendition: Rendition, there: Folder, *, force: bool
) -> tuple[FileChange, ...]:
    """Decide what is written; refuse before anything is."""
    found = []
    for name, text in rendition.files.items():
        file, after = there.file(name), text.encode("utf-8", "surrogateescape")
        before = files.read(file)
        if before == after:
            continue
        ours = name in rendition.read or rendering.owned(name, before or b"")
        if before and not ours and not force:
            raise FileConflictError(
                f"{name} was not written by portconf: it lacks our first line",
                path=name,
                hint="move it away, name another folder, or use --force",
            )
        files.check(file)
        found.append(FileChange(name=name, before=before, after=after))
    return tuple(found)


def _machine(timeout: float) -> tuple[Leased, ...]:
    """Look at the checkouts of this machine, not at runs: they end by themselves."""
    gone = machine.gc(timeout=timeout, dry_run=True).freed
    return tuple(
        Leased(
            lease=each.lease,
            # A commit would begin other series whenever one is made.
            branch=None if each.detached else each.branch,
            listening={seen.port: seen.verdict for _, seen in each.listening or ()},
            gone=each.lease in gone,
        )
        for each in machine.tenants(timeout=timeout, look=True)
        if each.lease.run is None
    )
