"""A project's change from the ports that stand in its files to declared services."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from portconf import declaration, files, locks, store
from portconf.adopt.gathering import gather, inside
from portconf.adopt.proposal import propose
from portconf.adopt.rewriting import Edit, Rewriting
from portconf.adopt.values import Adopted, Note, Proposal
from portconf.compose.values import Spot, Unread
from portconf.folder import Folder
from portconf.reports import FileChange
from portconf.settings import PYPROJECT, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """
    What became of a project's ports, or in a dry run would.

    Attributes:
        root: The project's folder.
        looked: The files that were there to be read.
        services: What is declared now, in the order in which it was found.
        templates: The service that each new variable of `[tool.portconf.env]` is made
            from.
        edits: The changes inside of the user's files.
        files: Files written, the declaration's first.
        unread: What could not be read or decided.
        notes: What was decided where a person might decide otherwise.
        dry_run: Whether nothing was written.
    """

    root: str
    looked: tuple[str, ...] = ()
    services: tuple[Adopted, ...] = ()
    templates: Mapping[str, str] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    files: tuple[FileChange, ...] = ()
    unread: tuple[Unread, ...] = ()
    notes: tuple[Note, ...] = ()
    dry_run: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "root": self.root,
            "read": list(self.looked),
            "services": [
                {
                    "service": each.name,
                    "variable": each.variable,
                    "declared": each.declared,
                    "keys": dict(each.keys),
                    "found": [{"file": m.file, "line": m.line} for m in each.mentions],
                }
                for each in self.services
            ],
            "variables": dict(self.templates),
            "edits": [
                {"file": e.file, "line": e.line, "before": e.before, "after": e.after}
                for e in self.edits
            ],
            "unread": [
                {"file": each.file, "line": each.line, "reason": each.reason}
                for each in self.unread
            ],
            "notes": [
                {"file": each.file, "line": each.line, "text": each.text}
                for each in self.notes
            ],
            "written": [each.name for each in self.files],
            "dry_run": self.dry_run,
        }


def adopt(
    folder: str | None = None,
    paths: Sequence[str] = (),
    *,
    write: bool = False,
    lock_timeout: float = locks.LOCK_TIMEOUT,
) -> Migration:
    """
    Declare the ports that a project's files have today; twice: no change.

    Everything is decided before anything is written. What is declared already stays.

    Args:
        folder: Where to look for the project; None stands for the current directory.
            There need be no declaration yet.
        paths: What to read; empty: what is usually there.
        write: Also write it, under the lock.
        lock_timeout: Seconds to wait for another command.

    Raises:
        ConfigError: If the declaration is wrong, or cannot be added to.
        UsageError: If a path is missing, outside of the project or of no known kind.
        StoreError: If a file is refused or cannot be written.
    """
    place = Folder.at(_root(folder))
    named = [inside(place, path) for path in paths]
    first, _ = _declared(place)
    found = _decided(place, named)
    if not (write and found.files):
        return found if not write else replace(found, dry_run=False)
    with locks.locked(place.file(first.assignments), timeout=lock_timeout):
        # Another command may have changed the declaration meanwhile.
        found = _decided(place, named)
        for each in found.files:
            files.check(place.file(each.name))
        for each in found.files:
            files.replace(place.file(each.name), each.after)
    return replace(found, dry_run=False)


def _decided(folder: Folder, named: list[str]) -> Migration:
    settings, text = _declared(folder)
    found = gather(folder, named, settings)
    kept = store.read(folder.file(settings.assignments), merged=True)
    assigned = {k: v.port for k, v in kept.services.items()} if kept else {}
    stuck: dict[Spot, str] = {}
    while True:
        proposal = propose(found.found, settings, assigned=assigned, stuck=stuck)
        rest = Rewriting(
            folder=folder, settings=settings, found=found, proposal=proposal
        )
        changes = (*rest.compose(), *rest.dotenv())
        if rest.stuck.keys() <= stuck.keys():
            break
        # What cannot be written is not declared either.
        stuck |= rest.stuck
    return Migration(
        root=folder.root,
        looked=found.looked,
        services=proposal.services,
        templates=proposal.templates,
        edits=tuple(rest.edits),
        files=(*_pyproject(text, proposal), *changes),
        unread=tuple(dict.fromkeys([*proposal.unread, *rest.unread])),
        notes=tuple(dict.fromkeys([*proposal.notes, *rest.notes])),
    )


def _root(folder: str | None) -> str:
    """Return the folder that declares, else that of the project, else the one here."""
    candidates = list(declaration.candidates(folder))
    declaring = (each for each in candidates if declaration.load(each) is not None)
    here = declaration.current_folder() if folder is None else os.path.realpath(folder)
    return next(declaring, next(iter(candidates), here))


def _declared(folder: Folder) -> tuple[Settings, str | None]:
    """Return the declaration as it is now, and the text of its file if there is one."""
    # Through a link that leads out of the checkout it could not be changed.
    if files.read(folder.file(PYPROJECT)) is None:
        return Settings(), None
    text = declaration.read_text(folder.root)
    return declaration.parse(text) or Settings(), text


def _pyproject(text: str | None, proposal: Proposal) -> tuple[FileChange, ...]:
    from portconf import edits  # noqa: PLC0415 - tomlkit, for editors only

    new = {each.name: each.keys for each in proposal.services if not each.declared}
    made = {name: f"{{{service}}}" for name, service in proposal.templates.items()}
    if not (new or made):
        return ()
    edited = edits.add_all(text or "", services=new, variables=made)
    declaration.parse(edited)  # a wrong one is told before anything is written
    before = None if text is None else text.encode()
    return (FileChange(name=PYPROJECT, before=before, after=edited.encode()),)
