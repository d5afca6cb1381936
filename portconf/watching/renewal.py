"""One pass of `watch`: what is out of date is written, and what is known is told."""

import os
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from portconf import checkout, declaration, exporting, exports, presence, sites
from portconf.checkout import Checkout
from portconf.compose import NAMES, OVERRIDES
from portconf.errors import AssignmentError, ConfigError
from portconf.locks import LOCK_TIMEOUT
from portconf.project import Project
from portconf.registry.protocol import Registry
from portconf.registry.values import Lease
from portconf.reports import FileChange
from portconf.settings import PYPROJECT, Settings
from portconf.views import LISTEN, Site


# Seconds; what another command keeps for longer is tried again.
_HURRIED = 1.0
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """
    What a pass has found and done.

    Attributes:
        settings: The declaration.
        site: The checkout, with its endpoints.
        variables: What programs get.
        lease: What it has of the machine, or None.
        assigned: The services that were given a number.
        written: The files that were written, as they are shown.
        notes: What is to be known, a sentence each.
        files: The files that decide about the next pass.
        ours: Those of them that a pass would only write anew, or whose loss says
            nothing while all else is there.
        taken: Ports that were ours, with who has leased them since, in words.
        within: The checkout.
        wrote: By its path, what was written to each file the last time.
        undone: The files that were written once more as they had been.
    """

    settings: Settings
    site: Site
    variables: dict[str, str] = field(default_factory=dict)
    lease: Lease | None = None
    assigned: frozenset[str] = frozenset()
    written: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    ours: frozenset[str] = frozenset()
    taken: dict[int, str] = field(default_factory=dict)
    within: Checkout | None = None
    wrote: dict[str, bytes] = field(default_factory=dict)
    undone: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class Renewal:
    """
    What is kept current.

    Attributes:
        root: The project's folder, a real path.
        exports: Formats, each with the folder of its files, an absolute path.
        all_checkouts: Whether those are of all checkouts of the repository.
        listen: Where a load balancer is to listen: a port, or a service.
        lock_timeout: Seconds to wait for another command.
    """

    root: str
    exports: tuple[tuple[str, str], ...] = ()
    all_checkouts: bool = False
    listen: int | str = LISTEN
    lock_timeout: float = LOCK_TIMEOUT

    def renew(self, before: Renewed | None) -> Renewed:
        """
        Do what `init` does where it has something to do, and export the formats.

        Args:
            before: What the last pass has found; None: there was none.

        Raises:
            PortconfError: As `Project.init` and `portconf.exporting` do; and where the
                checkout is another than before.
        """
        # Between passes nobody waits for an answer, but somebody may want it to end.
        wait = min(self.lock_timeout, _HURRIED) if before else self.lock_timeout
        within = self._same(before)
        for _ in range(_TRIES):
            project = self._project(wait)
            with suppress(AssignmentError):
                return self._renewed(project, before, within)
            if not project.updates().stale():
                break
        # Not, or not only, because a declaration was saved in the middle of a pass.
        return self._renewed(self._project(wait), before, within)

    def _same(self, before: Renewed | None) -> Checkout | None:
        """
        Return the checkout, which is to be that of before.

        While a worktree is removed its `.git` goes before its declaration: what is
        left would pass for a main checkout, and take the ports of that one.
        """
        within = checkout.find(self.root)
        had = before and before.within and before.within.git_dir
        if had and (within is None or within.git_dir != had):
            raise ConfigError(
                f"{self.root} does not belong to {had} any more: nothing is written",
                hint="start the watch again if that is meant",
            )
        return within

    def _renewed(
        self, project: Project, before: Renewed | None, within: Checkout | None
    ) -> Renewed:
        outcome = project.updates().due()
        registry = project.leases().access().registry
        if outcome.files or (registry and outcome.lease is None) or before is None:
            outcome = project.init()
        plan = project.plan()
        standing = replace(project.standing(), lease=outcome.lease)
        site = sites.here(standing, plan)
        exported, made, notes = self._export(project)
        changes = (*outcome.files, *made)
        ours = {*exported, *self._ours(project, within)}
        now = {os.path.join(self.root, each.name): each.after for each in changes}
        had = before.wrote if before else {}
        gone = before and {e.port for e in before.site.endpoints} - {
            each.port for each in site.endpoints
        }
        return Renewed(
            settings=project.settings,
            site=site,
            variables=standing.variables(plan),
            lease=outcome.lease,
            assigned=frozenset(each.name for each in outcome.changes),
            written=tuple(each.name for each in changes),
            notes=(*outcome.notes, *notes),
            files=tuple({*ours, *self._others(project, within)}),
            ours=frozenset(ours),
            taken=_taken(registry, outcome.lease, gone) if gone else {},
            within=within,
            # Of files that are ours no more nothing is kept.
            wrote={p: text for p, text in {**had, **now}.items() if p in ours},
            undone=frozenset(p for p, text in now.items() if had.get(p) == text),
        )

    def there(self) -> bool:
        """Tell whether the project's folder is there."""
        return os.path.isdir(self.root)

    def moved(self, before: Renewed) -> str | None:
        """Return where the project's folder is, if `git worktree move` has moved it."""
        within = before.within
        if within is None or within.git_dir is None or not within.linked:
            return None
        try:
            with open(os.path.join(within.git_dir, "gitdir"), "rb") as stream:
                named = os.fsdecode(stream.read()).rstrip("\n")
        except OSError:
            return None
        checkout_now = os.path.dirname(os.path.join(within.git_dir, named))
        path = os.path.normpath(
            os.path.join(checkout_now, os.path.relpath(self.root, within.root))
        )
        return path if path != self.root and os.path.isdir(path) else None

    def why_gone(self, before: Renewed) -> str | None:
        """
        Return why the missing folder may come back; None: its checkout is gone.

        Args:
            before: What the last pass found.
        """
        if before.lease is None:
            return None
        space = before.lease.holder.namespace
        return presence.why_kept(before.lease, namespace=space, listening=())

    def _project(self, wait: float) -> Project:
        """Read the declaration; not that of a folder above, where this one has none."""
        loaded_ns = time.time_ns()
        settings = declaration.load(self.root)
        if settings is None:
            raise ConfigError(f"{PYPROJECT}: has no [tool.portconf] any more")
        return Project(
            root=self.root, settings=settings, lock_timeout=wait, loaded_ns=loaded_ns
        )

    def _export(
        self, project: Project
    ) -> tuple[list[str], list[FileChange], list[str]]:
        """
        Write the files of the formats; return them, their changes, and notes.

        With them what they were made from: a Compose file that is there or may come,
        what it includes, and what else a format has read.
        """
        paths, changes, notes = list[str](), list[FileChange](), list[str]()
        for name, folder in self.exports:
            made = exporting.render(
                project,
                name,
                folder=folder,
                all_checkouts=self.all_checkouts,
                listen=self.listen,
            )
            done = exporting.write(project, made, folder)
            names = {*made.files, *made.read, *NAMES, *OVERRIDES}
            paths += (os.path.join(folder, each) for each in names)
            changes += (
                replace(each, name=os.path.join(folder, each.name))
                for each in done.files
            )
            notes += done.notes
        return paths, changes, notes

    def _ours(self, project: Project, within: Checkout | None) -> Iterator[str]:
        """Yield the files whose loss alone asks for no pass."""
        settings = project.settings
        yield os.path.join(self.root, settings.assignments)
        for target in exports.targets(settings):
            yield os.path.join(self.root, target.name)
        if within and within.git_dir:  # which branch it is on
            yield os.path.join(within.git_dir, "HEAD")

    def _others(self, project: Project, within: Checkout | None) -> Iterator[str]:
        """Yield the other files whose change may ask for a pass."""
        yield os.path.join(self.root, PYPROJECT)
        yield from project.registry_files()
        if within and within.linked:
            yield os.path.join(within.root, ".git")
        if self.exports and self.all_checkouts:
            others, _ = sites.others(self.root, timeout=project.lock_timeout)
            for other in others:
                yield os.path.join(other.root, PYPROJECT)
                yield os.path.join(other.root, project.settings.assignments)


def _taken(
    registry: Registry | None, lease: Lease | None, ports: Collection[int]
) -> dict[int, str]:
    """Return who has leased ports that were ours."""
    if registry is None or lease is None:
        return {}
    held = registry.read(lambda table: table.holding(lease.holder.namespace, ports))
    theirs = {p: each for p, each in held.items() if each.number != lease.number}
    return {port: each.who for port, each in theirs.items()}
