"""
A change of a project: decided whole under the lock, then written.

Nothing is written before everything is decided, so that a refusal loses nothing. The
plan is written before what follows from it, so that a command killed in between has
at worst left files that the next `init` mends.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from portconf import (
    declaration,
    exports,
    files,
    ignores,
    plan as planning,
    sockets,
    store,
    variables,
)
from portconf.errors import ConfigError, FileConflictError
from portconf.files import File, Folder
from portconf.model import Change, Plan, Service, variable_of
from portconf.reports import FileChange, Outcome
from portconf.settings import PYPROJECT, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Updater:
    """
    Carries changes of one project out.

    Attributes:
        root: The project's folder, as a real path.
        settings: Its declaration.
        lock_timeout: Seconds to wait for another command.
        dry_run: Only tell what would be written; takes no lock.
        force: Replace files of ours by name that lack our header.
        folder: The project's folder as it stands.
    """

    root: str
    settings: Settings
    lock_timeout: float
    dry_run: bool = False
    force: bool = False
    folder: Folder

    def init(self, *, gitignore: bool) -> Outcome:
        """Assign what is declared, mend what a merge left, write the files."""
        names = [target.name for target in exports.targets(self.settings)]
        with self._locked():
            before = self._plan(merged=True)
            plan, changes = self._extended(before, self.settings.services)
            extra = ignores.lines(self.folder, names) if gitignore else ()
            outcome = self._write(before, plan, changes, extra=extra)
        notes = ignores.notes(self.root, names, added=gitignore)
        return replace(outcome, notes=(*self._base_note(plan), *notes))

    def export(self) -> Outcome:
        """Write the generated files from the plan as it is."""
        with self._locked():
            plan = self._plan()
            return self._write(plan, plan, ())

    def reset(self) -> Outcome:
        """Drop every assignment, and what was exported of them."""
        bare = replace(self, settings=replace(self.settings, services=(), templates=()))
        with self._locked():
            begun = planning.begin(self.settings.base_port)
            return bare._write(self._plan(merged=True), begun, ())  # noqa: SLF001 - of this class

    def add(self, name: str, keys: Mapping[str, Any]) -> Outcome:
        """Declare a service, then do what `init` does."""
        from portconf import edits  # noqa: PLC0415 - tomlkit, for editors only

        with self._locked():
            text = self._text()
            settings = declaration.parse(text)
            if settings and settings.service(name):
                raise ConfigError(
                    f"{PYPROJECT}: service {name!r} is declared already",
                    hint=f"'portconf why {name}' tells where",
                )
            plan = self._plan()
            return self._edited(text, edits.add(text, name, keys), plan, plan)

    def release(self, name: str) -> Outcome:
        """Take a service out of the declaration and the plan."""
        from portconf import edits  # noqa: PLC0415 - tomlkit, for editors only

        with self._locked():
            text = self._text()
            settings = declaration.parse(text)
            declared = settings and settings.service(name)
            edited = edits.remove(text, name) if declared else text
            before = plan = self._plan()
            if name in plan.services:
                plan = planning.release(plan, name)
            return self._edited(text, edited, before, plan)

    def assigned(self, name: str) -> int | None:
        """Return the port that a service has, without the lock."""
        kept = self._plan().services.get(name)
        return kept.port if kept else None

    def assign(self, service: Service) -> int:
        """Give one service its number, durably, and return it."""
        with self._locked():
            plan = self._plan()
            self._check_variable(service, plan)
            extended, _ = self._extended(plan, (service,))
            if extended != plan:
                store.write(self._file, extended)
        return extended.services[service.name].port

    def forget(self, name: str) -> bool:
        """Give a number up in the plan alone; False: there was none."""
        with self._locked():
            plan = self._plan()
            if name not in plan.services:
                return False
            store.write(self._file, planning.release(plan, name))
            return True

    def forget_all(self) -> None:
        """Drop every assignment in the plan alone."""
        with self._locked():
            store.write(self._file, planning.begin(self.settings.base_port))

    @property
    def _file(self) -> File:
        return self.folder.file(self.settings.assignments)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if self.dry_run:
            yield
            return
        with files.locked(self._file, timeout=self.lock_timeout):
            yield

    def _plan(self, *, merged: bool = False) -> Plan:
        kept = store.read(self._file, merged=merged)
        return planning.resume(kept, self.settings.base_port)

    def _extended(
        self, plan: Plan, services: tuple[Service, ...]
    ) -> tuple[Plan, tuple[Change, ...]]:
        return planning.extend(
            plan,
            services,
            last_port=self.settings.last_port,
            ephemeral=sockets.ephemeral_range(),
            avoid=[each.port for each in self.settings.services if each.port],
        )

    def _text(self) -> str:
        """Return the declaration's file as it is now, byte-order mark included."""
        data = files.read(self.folder.file(PYPROJECT))
        try:
            return (data or b"").decode()
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"{PYPROJECT}: is not UTF-8 at byte {error.start}"
            ) from error

    def _edited(self, text: str, edited: str, before: Plan, plan: Plan) -> Outcome:
        """Write an edited declaration, and what follows from it."""
        settings = declaration.parse(edited) or Settings()
        changed = replace(self, settings=settings)
        extended, changes = changed._extended(plan, settings.services)  # noqa: SLF001 - of this class
        edit = FileChange(name=PYPROJECT, before=text.encode(), after=edited.encode())
        return changed._write(before, extended, changes, extra=(edit,))  # noqa: SLF001 - of this class

    def _write(
        self,
        before: Plan,
        plan: Plan,
        changes: tuple[Change, ...],
        *,
        extra: tuple[FileChange, ...] = (),
    ) -> Outcome:
        """
        Write what differs, first ``extra``, then the plan, then the generated files.

        Args:
            before: The plan that is kept.
            plan: The plan to keep.
            changes: What planning did, for the answer.
            extra: Further files.
        """
        wanted = [*extra, *self._kept_change(before, plan), *self._generated(plan)]
        changed = tuple(each for each in wanted if each.before != each.after)
        if not self.dry_run:
            for each in changed:
                files.replace(self.folder.file(each.name), each.after)
        return Outcome(
            root=self.root,
            changes=changes,
            gone=tuple(
                (name, each.port)
                for name, each in before.services.items()
                if name not in plan.services
            ),
            files=changed,
            dry_run=self.dry_run,
        )

    def _kept_change(self, before: Plan, plan: Plan) -> Iterator[FileChange]:
        """Yield the change of the assignments file, if what it says changes."""
        data = files.read(self._file)
        # A formatter may have laid the file out anew: that is no reason to write.
        if data is None or before != plan or before.duplicates():
            yield FileChange(
                name=self._file.name, before=data, after=store.render(plan)
            )

    def _generated(self, plan: Plan) -> Iterator[FileChange]:
        """Yield what each generated file was and is to be."""
        found = variables.compute(plan, self.settings, root=self.root)
        taken = {os.path.realpath(self._file.path): self._file.name}
        for target in exports.targets(self.settings):
            file = self.folder.file(target.name)
            other = taken.setdefault(file.target(), target.name)
            if other != target.name:
                raise FileConflictError(
                    f"{target.name} and {other} are one file, by a link",
                    path=target.name,
                    hint=f"remove the link: rm {target.name}",
                )
            old = files.read(file)
            new = exports.content(target, old, found, force=self.force)
            yield FileChange(name=target.name, before=old, after=new)

    def _check_variable(self, service: Service, plan: Plan) -> None:
        """Refuse a service whose variable another one has."""
        others = {each.name: each.variable for each in self.settings.services}
        for name in {*others, *plan.services} - {service.name}:
            if (others.get(name) or variable_of(name)) == service.variable:
                raise ConfigError(
                    f"variable {service.variable!r} of {service.name!r} is that of"
                    f" {name!r} already",
                    hint="choose another name, or declare one of them with the key"
                    " 'env'",
                )

    def _base_note(self, plan: Plan) -> tuple[str, ...]:
        if plan.base_port == self.settings.base_port:
            return ()
        note = (
            f"the plan began at {plan.base_port}; tool.portconf.base-port"
            f" {self.settings.base_port} takes effect with 'portconf reset'"
        )
        return (note,)
