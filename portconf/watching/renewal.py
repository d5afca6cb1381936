"""One pass of `watch`: what is out of date is written, and what is known is told."""

import os
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Self

from portconf import checkout, declaration, exporting, exports, presence, sites
from portconf.compose import NAMES, OVERRIDES
from portconf.errors import AssignmentError, ConfigError
from portconf.locks import LOCK_TIMEOUT
from portconf.project import Project
from portconf.registry.protocol import Registry
from portconf.registry.values import Lease
from portconf.settings import PYPROJECT, Settings
from portconf.views import Site


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
        taken: Ports that were ours, with who has leased them since, in words.
    """

    settings: Settings
    site: Site
    variables: dict[str, str] = field(default_factory=dict)
    lease: Lease | None = None
    assigned: frozenset[str] = frozenset()
    written: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    taken: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """
    What is kept current.

    Attributes:
        root: The project's folder, a real path.
        exports: Formats, each with the folder of its files, an absolute path.
        all_checkouts: Whether those are of all checkouts of the repository.
        lock_timeout: Seconds to wait for another command.
    """

    root: str
    exports: tuple[tuple[str, str], ...] = ()
    all_checkouts: bool = False
    lock_timeout: float = LOCK_TIMEOUT

    def files(self) -> tuple[str, ...]:
        """Return the files that decide where no pass has been made yet."""
        return (os.path.join(self.root, PYPROJECT),)

    def hurried(self) -> Self:
        """Return this, which then keeps no watch from being stopped for long."""
        return replace(self, lock_timeout=min(self.lock_timeout, _HURRIED))

    def renew(self, before: Renewed | None) -> Renewed:
        """
        Do what `init` does where it has something to do, and export the formats.

        Args:
            before: What the last pass has found; None: there was none.

        Raises:
            PortconfError: As `Project.init` and `portconf.exporting` do.
        """
        for _ in range(_TRIES):
            project = self._project()
            with suppress(AssignmentError):
                return self._renewed(project, before)
            if not project.updates().stale():
                break
        # Not, or not only, because a declaration was saved in the middle of a pass.
        return self._renewed(self._project(), before)

    def _renewed(self, project: Project, before: Renewed | None) -> Renewed:
        outcome = project.updates().due()
        registry = project.leases().access().registry
        if outcome.files or (registry and outcome.lease is None) or before is None:
            outcome = project.init()
        plan = project.plan()
        standing = replace(project.standing(), lease=outcome.lease)
        exported = self._export(project)
        site = sites.here(standing, plan)
        ports = {each.port for each in site.endpoints}
        gone = before and {each.port for each in before.site.endpoints} - ports
        return Renewed(
            settings=project.settings,
            site=site,
            variables=standing.variables(plan),
            lease=outcome.lease,
            assigned=frozenset(each.name for each in outcome.changes),
            written=(*(each.name for each in outcome.files), *exported.written),
            notes=(*outcome.notes, *exported.notes),
            files=tuple(dict.fromkeys([*self._deciding(project), *exported.files])),
            taken=_taken(registry, outcome.lease, gone) if gone else {},
        )

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

    def _project(self) -> Project:
        """Read the declaration; not that of a folder above, where this one has none."""
        loaded_ns = time.time_ns()
        settings = declaration.load(self.root)
        if settings is None:
            raise ConfigError(f"{PYPROJECT}: has no [tool.portconf] any more")
        return Project(
            root=self.root,
            settings=settings,
            lock_timeout=self.lock_timeout,
            loaded_ns=loaded_ns,
        )

    def _export(self, project: Project) -> "_Exported":
        """Write the files of the formats, and tell which they are."""
        files, written, notes = list[str](), list[str](), list[str]()
        for name, folder in self.exports:
            made = exporting.render(
                project, name, folder=folder, all_checkouts=self.all_checkouts
            )
            done = exporting.write(made, folder)
            files += (os.path.join(folder, file) for file in made.files)
            written += (os.path.join(folder, each.name) for each in done.files)
            notes += done.notes
        return _Exported(files=tuple(files), written=tuple(written), notes=tuple(notes))

    def _deciding(self, project: Project) -> Iterator[str]:
        """Yield the files whose change may ask for a pass."""
        settings = project.settings
        for name in (PYPROJECT, settings.assignments):
            yield os.path.join(self.root, name)
        for target in exports.targets(settings):
            yield os.path.join(self.root, target.name)
        yield from project.registry_files()
        within = checkout.find(self.root)
        if within and within.git_dir:  # which branch it is on
            yield os.path.join(within.git_dir, "HEAD")
        if not self.exports:
            return
        for name in (*NAMES, *OVERRIDES):
            yield os.path.join(self.root, name)
        if self.all_checkouts:
            others, _ = sites.others(self.root, timeout=self.lock_timeout)
            for other in others:
                yield os.path.join(other.root, PYPROJECT)
                yield os.path.join(other.root, settings.assignments)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exported:
    files: tuple[str, ...]
    written: tuple[str, ...]
    notes: tuple[str, ...]


def _taken(
    registry: Registry | None, lease: Lease | None, ports: Collection[int]
) -> dict[int, str]:
    """Return who has leased ports that were ours."""
    if registry is None or lease is None:
        return {}
    held = registry.read(lambda table: table.holding(lease.holder.namespace, ports))
    theirs = {p: each for p, each in held.items() if each.number != lease.number}
    return {port: each.who for port, each in theirs.items()}
