"""The use cases: what the front ends offer, each one method of `Project`."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from portconf import (
    declaration,
    explain,
    exports,
    files,
    findings,
    locks,
    snapshot,
    variables,
)
from portconf.decisions import Standing
from portconf.errors import AssignmentError, ConfigError, FileConflictError
from portconf.folder import Folder
from portconf.kinds import did_you_mean
from portconf.model import Plan
from portconf.reports import Explanation, Outcome, Status
from portconf.settings import PYPROJECT, Settings
from portconf.updates import Updater


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """
    A folder whose services have ports; any number of threads may share one.

    Attributes:
        root: The folder, as a real path.
        settings: Its declaration.
        lock_timeout: Seconds to wait for another command that changes the plan.
        loaded_ns: Nanoseconds since the epoch, from before the declaration was read;
            0 where none was.
    """

    root: str
    settings: Settings
    lock_timeout: float = locks.LOCK_TIMEOUT
    loaded_ns: int = field(default=0, compare=False, repr=False)

    @classmethod
    def find(
        cls, folder: str | None = None, *, lock_timeout: float = locks.LOCK_TIMEOUT
    ) -> Self:
        """
        Return the project that holds a folder.

        It is the nearest one above whose `pyproject.toml` has `[tool.portconf]`. The
        search ends at the root of the checkout: what lies above belongs to another.

        Args:
            folder: Where to begin; None stands for the current directory.
            lock_timeout: Seconds to wait for another command.

        Raises:
            ConfigError: If there is none, or its declaration is wrong.
        """
        found = cls.holding(folder, lock_timeout=lock_timeout)
        if found:
            return found
        raise ConfigError(
            f"no {PYPROJECT} with [tool.portconf] in {folder or os.getcwd()} or above",
            hint="run 'portconf add NAME', or declare services there:\n"
            '    [tool.portconf]\n    services = ["web", "postgres"]',
        )

    @classmethod
    def holding(
        cls, folder: str | None = None, *, lock_timeout: float = locks.LOCK_TIMEOUT
    ) -> Self | None:
        """
        Return what `find` returns, or None where there is no project.

        Raises:
            ConfigError: If there is no such folder, or the declaration is wrong.
        """
        loaded_ns = time.time_ns()
        for here in declaration.candidates(folder):
            settings = declaration.load(here)
            if settings is not None:
                return cls(
                    root=here,
                    settings=settings,
                    lock_timeout=lock_timeout,
                    loaded_ns=loaded_ns,
                )
        return None

    def current(self) -> Self:
        """Return this, read again if the declaration may have changed since."""
        if not self.updates().stale():
            return self
        return self.holding(self.root, lock_timeout=self.lock_timeout) or self

    def plan(self) -> Plan:
        """
        Return the plan that is kept, without waiting.

        Raises:
            StoreError: If the assignments file is refused.
        """
        return self._standing().plan()

    def variables(self) -> dict[str, str]:
        """
        Return the variables of this checkout, in the order in which they are written.

        Raises:
            AssignmentError: If a declared service has no port yet.
            StoreError: If the assignments file is refused.
            ConfigError: If two variables have one name.
        """
        return self._answers()

    def get(self, name: str) -> int:
        """
        Return a service's effective port.

        Raises:
            AssignmentError: If it has none.
            StoreError: If the assignments file is refused.
        """
        plan = self.plan()
        if name not in plan.services:
            raise self._unknown(name, plan)
        with suppress(AssignmentError, ConfigError):  # another service's trouble
            self._answers()  # for the next process that asks
        return plan.services[name].port

    def init(
        self, *, force: bool = False, gitignore: bool = False, dry_run: bool = False
    ) -> Outcome:
        """
        Give every declared service its port, and write the files; twice: no change.

        Args:
            force: Replace files of ours by name that lack our header.
            gitignore: Add the generated files to `.gitignore`.
            dry_run: Only tell what would be done.

        Raises:
            AssignmentError: If a service cannot be given a port.
            StoreError: If a file is refused or cannot be written.
            ConfigError: If two variables have one name.
        """
        return self.updates(dry_run=dry_run, force=force).init(gitignore=gitignore)

    def export(self, *, force: bool = False, dry_run: bool = False) -> Outcome:
        """
        Write the generated files from the plan as it is.

        Raises:
            AssignmentError: If a declared service has no port yet.
            StoreError: If a file is refused or cannot be written.
            ConfigError: If a value cannot be carried.
        """
        return self.updates(dry_run=dry_run, force=force).export()

    def reset(self, *, force: bool = False, dry_run: bool = False) -> Outcome:
        """
        Drop every assignment, and write the files without them.

        Raises:
            StoreError: If a file is refused or cannot be written.
        """
        return self.updates(dry_run=dry_run, force=force).reset()

    def add(
        self, name: str, keys: Mapping[str, Any], *, dry_run: bool = False
    ) -> Outcome:
        """
        Declare a service, and do what `init` does.

        Args:
            name: The new service.
            keys: The keys of its table, by TOML name.
            dry_run: Only tell what would be done.

        Raises:
            ConfigError: If the service is declared already, or would be wrong.
            AssignmentError: If it cannot be given a port.
            StoreError: If a file is refused or cannot be written.
        """
        return self.updates(dry_run=dry_run).add(name, keys)

    def release(self, name: str, *, dry_run: bool = False) -> Outcome:
        """
        Give a service's number up, and take it out of the declaration.

        Raises:
            AssignmentError: If it is neither declared nor assigned.
            ConfigError: If the declaration would be wrong without it.
            StoreError: If a file is refused or cannot be written.
        """
        plan = self.plan()
        if not self.settings.service(name) and name not in plan.services:
            raise self._unknown(name, plan)
        return self.updates(dry_run=dry_run).release(name)

    def status(self) -> Status:
        """
        Return the services and their ports.

        Raises:
            StoreError: If the assignments file is refused.
        """
        return Status.of(self.plan(), self.settings, root=self.root)

    def check(self) -> tuple[str, ...]:
        """
        Return where declaration, plan and files that exist disagree, a sentence each.

        Raises:
            StoreError: If the assignments file is refused for more than its duplicates.
        """
        found = findings.of_plan(self.settings, self._standing().plan(merged=True))
        if found:
            return found
        try:
            outcome = self.updates().due()
        except (AssignmentError, FileConflictError) as error:
            return (error.message,)
        return findings.of_files(outcome.files)

    def why(self, name: str, environment: Mapping[str, str]) -> Explanation:
        """
        Explain where a service's number comes from.

        Args:
            name: An assigned service.
            environment: The variables of the shell that asks.

        Raises:
            AssignmentError: If it has no port.
            StoreError: If the assignments file is refused.
        """
        plan = self.plan()
        if name not in plan.services:
            raise self._unknown(name, plan)
        names = [PYPROJECT, self.settings.assignments]
        names += [target.name for target in exports.targets(self.settings)]
        folder = Folder.at(self.root)
        read = {each: files.read(folder.file(each)) for each in names}
        texts = {
            each: (data or b"").decode(errors="replace") for each, data in read.items()
        }
        return explain.explain(
            name,
            self.settings,
            plan,
            texts,
            environment,
            variable=variables.variable(self.settings, name),
            port=plan.services[name].port,
        )

    def _standing(self) -> Standing:
        return Standing(folder=Folder.at(self.root), settings=self.settings)

    def _answers(self) -> dict[str, str]:
        """Compute the variables, and keep them for the hot commands."""
        names = (PYPROJECT, self.settings.assignments)
        paths = [os.path.join(self.root, name) for name in names]
        inputs = [(path, snapshot.fingerprint(path)) for path in paths]
        plan = self.plan()
        found = variables.compute(plan, self.settings, root=self.root)
        ports = {name: each.port for name, each in plan.services.items()}
        snapshot.write(self.root, inputs, ports, found, read_ns=self.loaded_ns)
        return found

    def updates(self, *, dry_run: bool = False, force: bool = False) -> Updater:
        """Return what carries changes of this project out."""
        return Updater(
            folder=Folder.at(self.root),
            settings=self.settings,
            loaded_ns=self.loaded_ns,
            lock_timeout=self.lock_timeout,
            dry_run=dry_run,
            force=force,
        )

    def _unknown(self, name: str, plan: Plan) -> AssignmentError:
        """Return the error for a service that has no port."""
        if self.settings.service(name):
            return AssignmentError(
                f"{name!r} is declared but has no port yet", hint="run 'portconf init'"
            )
        known = [*plan.services, *(each.name for each in self.settings.services)]
        return AssignmentError(
            f"no service is named {name!r}{did_you_mean(name, known)}",
            hint=f"'portconf status' lists them; 'portconf add {name}' adds one",
        )
