"""
A change of a project: decided whole under the lock, then written.

Nothing is written before everything is decided, so that a refusal loses nothing. The
plan is written before what follows from it, so that a command killed in between has
at worst left files that the next `init` mends.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from portconf import (
    declaration,
    exports,
    files,
    ignores,
    locks,
    plan as planning,
    snapshot,
    store,
)
from portconf.compose import GENERATED, NETWORK
from portconf.decisions import Standing
from portconf.errors import ConfigError
from portconf.folder import Folder
from portconf.leases import Leases
from portconf.model import Plan, Service
from portconf.reports import FileChange, Outcome
from portconf.settings import PYPROJECT, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Updater:
    """
    Carries changes of one project out.

    Attributes:
        folder: The project's folder as it stands.
        settings: Its declaration.
        loaded_ns: Nanoseconds since the epoch, from before ``settings`` were read; 0
            where there was nothing to read.
        lock_timeout: Seconds to wait for another command.
        dry_run: Only tell what would be written; takes no lock.
        force: Replace files of ours by name that lack our header.
        leased: Whether the checkout has a lease; without one the plan's numbers count.
    """

    folder: Folder
    settings: Settings
    loaded_ns: int
    lock_timeout: float
    dry_run: bool = False
    force: bool = False
    leased: bool = True

    def init(self, *, gitignore: bool, relocate: bool = False) -> Outcome:
        """Assign what is declared, take the lease, write the files."""
        with self._locked() as now:
            names = [target.name for target in exports.targets(now.settings)]
            names += self._exported()
            extra = ignores.lines(self.folder, names) if gitignore else ()
            outcome = self._write(self._due(now, extra, relocate=relocate))
        notes = ignores.notes(self.folder.root, names, added=gitignore)
        return replace(outcome, notes=(*outcome.notes, *notes))

    def due(self) -> Outcome:
        """Return what `init` would do with the lease that there is."""
        now = self._standing()
        lease = self._leases(now).find() if self.leased else None
        return _decided(replace(now, lease=lease), ())

    def export(self) -> Outcome:
        """Write the generated files from the plan as it is."""
        with self._locked() as now:
            plan = now.plan()
            return self._write(self._holding(now, plan).outcome(plan, plan))

    def reset(self) -> Outcome:
        """Drop every assignment, what was exported of them, and the lease."""
        with self._locked() as now:
            begun = planning.begin(now.settings.base_port)
            nothing = replace(now.settings, services=(), templates=())
            bare = replace(now, settings=nothing)
            if self.leased and not self.dry_run:
                self._leases(now).check_drop()
            outcome = self._write(bare.outcome(now.plan(merged=True), begun))
            if self.leased and not self.dry_run:
                self._leases(now).drop()
            return outcome

    def add(self, name: str, keys: Mapping[str, Any]) -> Outcome:
        """Declare a service, then do what `init` does."""
        from portconf import edits  # noqa: PLC0415 - tomlkit, for editors only

        with self._locked() as now:
            if now.settings.service(name):
                raise ConfigError(
                    f"{PYPROJECT}: service {name!r} is declared already",
                    hint=f"'portconf why {name}' tells where",
                )
            plan = now.plan()
            text = self._text()
            return self._edit(now, text, edits.add(text, name, keys), plan, plan)

    def release(self, name: str) -> Outcome:
        """Take a service out of the declaration and the plan."""
        from portconf import edits  # noqa: PLC0415 - tomlkit, for editors only

        with self._locked() as now:
            text = self._text()
            declared = now.settings.service(name)
            edited = edits.remove(text, name) if declared else text
            before = plan = now.plan()
            if name in plan.services:
                plan = planning.release(plan, name)
            given_up = frozenset({name})
            return self._edit(now, text, edited, before, plan, given_up=given_up)

    def assigned(self, name: str) -> int | None:
        """Return the effective port that a service has, without the lock."""
        now = self._standing()
        # Many newcomers at once need not each read the plan twice.
        if f'"{name}"'.encode() not in (files.read(now.file) or b""):
            return None
        plan = now.plan()
        if name not in plan.services:
            return None
        return self._holding(now, plan).effective(plan, name)

    def assign(self, name: str, purpose: str) -> int:
        """Give one service its number, durably, and return it."""
        with self._locked() as now:
            plan = now.plan()
            if name in plan.services:  # by another caller, just now
                return self._holding(now, plan).effective(plan, name)
            declared = now.settings.service(name)
            service = declared or Service(name=name, purpose=purpose)
            now.check_variable(service, plan)
            extended, _ = now.extended(plan, (service,))
            # The lease first: a number that it cannot hold is not to be kept.
            port = self._holding(now, extended).effective(extended, name)
            store.write(now.file, extended)
        return port

    def forget(self, name: str) -> bool:
        """Give a number up in plan and lease; False: there was none."""
        with self._locked() as now:
            plan = now.plan()
            if name not in plan.services:
                return False
            rest = planning.release(plan, name)
            store.write(now.file, rest)
            if self.leased and self._leases(now).find():
                self._holding(now, rest, given_up=frozenset({name}))
            return True

    def forget_all(self) -> None:
        """Drop every assignment in the plan alone."""
        with self._locked() as now:
            now.plan(merged=True)  # a refused file is not read as empty, here neither
            store.write(now.file, planning.begin(now.settings.base_port))

    def _holding(
        self,
        now: Standing,
        plan: Plan,
        *,
        relocate: bool = False,
        given_up: frozenset[str] = frozenset(),
    ) -> Standing:
        """Return the standing with the lease that ``plan`` needs, taken if need be."""
        if not self.leased:
            return now
        lease = self._leases(now).take(
            plan, relocate=relocate, given_up=given_up, dry_run=self.dry_run
        )
        return replace(now, lease=lease)

    def _exported(self) -> list[str]:
        """Return the files for Compose that an export has written beside ours."""
        return [
            name
            for name in (GENERATED, NETWORK)
            if os.path.lexists(self.folder.file(name).path)
        ]

    def _leases(self, now: Standing) -> Leases:
        return Leases(
            folder=self.folder, settings=now.settings, timeout=self.lock_timeout
        )

    def _due(
        self, now: Standing, extra: tuple[FileChange, ...], *, relocate: bool
    ) -> Outcome:
        """Decide what `init` does, once the lease is taken."""
        plan, _ = now.extended(now.plan(merged=True), now.settings.services)
        # Read again, as what it says of the machine is part of what `init` tells.
        before = self._leases(now).find() if self.leased else None
        holding = self._holding(now, plan, relocate=relocate)
        outcome = _decided(holding, extra)
        return replace(outcome, lease_before=before)

    def _standing(self) -> Standing:
        return Standing(folder=self.folder, settings=self.settings, force=self.force)

    @contextmanager
    def _locked(self) -> Iterator[Standing]:
        """
        Hold the lock, and give the project as it is under it.

        Another command may have changed the declaration since it was read: files
        computed from the old one would undo what that command wrote.
        """
        now = self._standing()
        lock = locks.locked(now.file, timeout=self.lock_timeout)
        with nullcontext() if self.dry_run else lock:
            settings = declaration.load(self.folder.root) if self.stale() else None
            yield replace(now, settings=settings) if settings else now

    def stale(self) -> bool:
        """Tell whether the declaration may be another than when it was read."""
        path = self.folder.file(PYPROJECT).path
        seen = snapshot.fingerprint(path) if self.loaded_ns else None
        return seen is not None and not snapshot.settled(seen, now_ns=self.loaded_ns)

    def _text(self) -> str:
        """Return the declaration's file as it is now, byte-order mark included."""
        data = files.read(self.folder.file(PYPROJECT))
        try:
            return (data or b"").decode()
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"{PYPROJECT}: is not UTF-8 at byte {error.start}"
            ) from error

    def _edit(
        self,
        now: Standing,
        text: str,
        edited: str,
        before: Plan,
        plan: Plan,
        *,
        given_up: frozenset[str] = frozenset(),
    ) -> Outcome:
        """Write an edited declaration, and what follows from it."""
        changed = replace(now, settings=declaration.parse(edited) or Settings())
        extended, changes = changed.extended(plan, changed.settings.services)
        edit = FileChange(name=PYPROJECT, before=text.encode(), after=edited.encode())
        changed = self._holding(changed, extended, given_up=given_up)
        return self._write(changed.outcome(before, extended, changes, extra=(edit,)))

    def _write(self, outcome: Outcome) -> Outcome:
        """Write what was decided, unless this is a dry run."""
        if not self.dry_run:
            for each in outcome.files:
                files.check(self.folder.file(each.name))
            for each in outcome.files:
                files.replace(self.folder.file(each.name), each.after)
        return replace(outcome, dry_run=self.dry_run)


def _decided(now: Standing, extra: tuple[FileChange, ...]) -> Outcome:
    """Decide what `init` writes, with the lease that the standing has."""
    before = now.plan(merged=True)
    plan, changes = now.extended(before, now.settings.services)
    outcome = now.outcome(before, plan, changes, extra=extra)
    declared = now.settings.base_port
    if plan.base_port == declared:
        return outcome
    note = (
        f"the plan began at {plan.base_port}; tool.portconf.base-port {declared} takes"
        " effect with 'portconf reset'"
    )
    return replace(outcome, notes=(note,))
