"""The use cases: what the front ends offer, each one method of `Project`."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from portconf import declaration, exports, findings, locks, snapshot
from portconf.decisions import Standing
from portconf.errors import AssignmentError, ConfigError, FileConflictError
from portconf.folder import Folder
from portconf.inspection import Inspection
from portconf.kinds import did_you_mean
from portconf.leases import Leases
from portconf.model import Plan
from portconf.registry.access import Access
from portconf.registry.values import Lease
from portconf.reports import Explanation, Outcome
from portconf.settings import GITIGNORE, PYPROJECT, Guard, Settings
from portconf.status import Status, Watched
from portconf.updates import Updater


if TYPE_CHECKING:
    from collections.abc import Sequence

    Inputs = Sequence[tuple[str, snapshot.Fingerprint | None]]


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
        leased: Whether the checkout has a lease; without one the plan's numbers count.
    """

    root: str
    settings: Settings
    lock_timeout: float = locks.LOCK_TIMEOUT
    loaded_ns: int = field(default=0, compare=False, repr=False)
    leased: bool = True

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

        Takes the checkout's lease where it has none yet.

        Raises:
            AssignmentError: If a declared service has no port yet.
            StoreError: If the assignments file is refused.
            RegistryError: If no lease is to be had.
            ConfigError: If two variables have one name.
        """
        return self._answers()

    def get(self, name: str) -> int:
        """
        Return a service's effective port.

        Takes the checkout's lease where it has none yet.

        Raises:
            AssignmentError: If the service has no port.
            StoreError: If the assignments file is refused.
            RegistryError: If no lease is to be had.
        """
        plan = self.plan()
        if name not in plan.services:
            raise self._unknown(name, plan)
        with suppress(AssignmentError, ConfigError):  # another service's trouble
            self._answers()  # for the next process that asks
        return self._held(plan).effective(plan, name)

    def listed_variables(self) -> dict[str, str]:
        """
        Return what `variables` does, as far as it is known; writes and takes nothing.

        Returns:
            Empty where the checkout has no lease yet.

        Raises:
            PortconfError: As `variables` does.
        """
        inspection = self._inspection(self.lease())
        known = inspection.leased or not self.leased
        return inspection.standing.variables(self.plan()) if known else {}

    def ports(self) -> dict[str, int]:
        """
        Return the effective ports, by service, in port order.

        Takes the checkout's lease where it has none yet.

        Raises:
            StoreError: If the assignments file is refused.
            RegistryError: If no lease is to be had.
        """
        plan = self.plan()
        standing = self._held(plan)
        return {name: standing.effective(plan, name) for name in plan.services}

    def lease(self) -> Lease | None:
        """
        Return what this checkout has of the machine, or None; nothing is taken.

        Raises:
            StoreError: If the assignments file is refused.
            RegistryError: If the registry is refused.
        """
        plan = self._standing().plan(merged=True)
        return self._leases().find(plan) if self.leased else None

    def shift(self) -> int:
        """Return effective less assigned port; takes the lease where there is none."""
        return self._held(self.plan()).shift

    def registry_files(self) -> tuple[str, ...]:
        """Return the files whose change may change the effective ports."""
        return self._leases().access().files if self.leased else ()

    def cautions(self) -> tuple[str, ...]:
        """
        Return what the registry in use does not protect, a sentence each.

        Raises:
            RegistryError: If it is refused.
        """
        found = self._leases().access().caution if self.leased else None
        return (found,) if found else ()

    def init(
        self,
        *,
        force: bool = False,
        gitignore: bool = False,
        relocate: bool = False,
        dry_run: bool = False,
    ) -> Outcome:
        """
        Assign what is declared, take the lease, write the files; twice: no change.

        Args:
            force: Replace files of ours by name that lack our header.
            gitignore: Add the generated files to `.gitignore`.
            relocate: Move to another block of ports than the one that is leased.
            dry_run: Only tell what would be done.

        Raises:
            AssignmentError: If a service cannot be given a port.
            RegistryError: If no lease is to be had.
            StoreError: If a file is refused or cannot be written.
            ConfigError: If two variables have one name.
        """
        updates = self.updates(dry_run=dry_run, force=force)
        seen = self._generated() if not (dry_run or force or gitignore) else ()
        outcome = updates.init(gitignore=gitignore, relocate=relocate)
        cautions = self.cautions()
        if seen and not (outcome.files or outcome.notes or cautions):
            self._answers(done=seen)  # for the next `init`, which has nothing to do
        return replace(outcome, notes=(*outcome.notes, *cautions))

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
        Drop every assignment and the lease, and write the files without them.

        Args:
            force: Also while our own services listen; and replace files of ours by
                name that lack our header.
            dry_run: Only tell what would be dropped.

        Raises:
            AssignmentError: If our own services listen on what would be dropped.
            StoreError: If a file is refused or cannot be written.
            RegistryError: If the registry is refused or cannot be written.
        """
        if not (force or dry_run):
            self._inspection(self.lease()).refuse_running()
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

    def status(self, environment: Mapping[str, str] | None = None) -> Status:
        """
        Return the services, their ports and who listens on them; takes no lease.

        Args:
            environment: The variables of the shell that asks; None: not looked at.

        Raises:
            StoreError: If the assignments file is refused.
            RegistryError: If the registry is refused.
        """
        return self._inspection(self.lease()).status(environment or {})

    def guard(
        self, environment: Mapping[str, str] | None = None, *, mode: Guard | None = None
    ) -> Watched:
        """
        Return who listens on our ports; takes the lease, so that they are known.

        Args:
            environment: The variables of the shell that asks; None: not looked at.
            mode: What to do about a foreign listener; None stands for what is declared.

        Raises:
            ForeignListenerError: If somebody else's server listens on one.
            StoreError: If the assignments file is refused.
            RegistryError: If no lease is to be had.
        """
        inspection = self._inspection(self._held(self.plan()).lease)
        return inspection.guard(environment or {}, mode=mode or self.settings.guard)

    def check(self, environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """
        Return where declaration, plan, lease, files and exports disagree.

        Args:
            environment: The variables of the shell that asks; None: not looked at.

        Returns:
            A sentence each. Files that do not exist disagree with nothing.

        Raises:
            StoreError: If the assignments file is refused for more than its duplicates.
            RegistryError: If the registry is refused.
        """
        found = findings.of_plan(self.settings, self._standing().plan(merged=True))
        if found:
            return found
        try:
            outcome = self.updates().due()
        except (AssignmentError, FileConflictError) as error:
            return (error.message,)
        inspection = self._inspection(outcome.lease)
        written = [each.name for each in outcome.files if each.before is not None]
        return (
            *findings.of_files(outcome.files if inspection.leased else ()),
            *findings.of_lease(written if not inspection.leased else ()),
            *inspection.stale_shell(environment or {}),
        )

    def why(self, name: str, environment: Mapping[str, str]) -> Explanation:
        """
        Explain where a service's number comes from; takes no lease.

        Args:
            name: An assigned service.
            environment: The variables of the shell that asks.

        Raises:
            AssignmentError: If it has no port.
            StoreError: If the assignments file is refused.
            RegistryError: If the registry is refused.
        """
        plan = self.plan()
        if name not in plan.services:
            raise self._unknown(name, plan)
        return self._inspection(self.lease()).why(name, environment)

    def _standing(self) -> Standing:
        return Standing(folder=Folder.at(self.root), settings=self.settings)

    def _held(self, plan: Plan) -> Standing:
        """Return the standing with the checkout's lease, taken if there is none."""
        standing = self._standing()
        if not self.leased:
            return standing
        return replace(standing, lease=self._leases().take(plan))

    def _leases(self) -> Leases:
        return Leases(
            folder=Folder.at(self.root),
            settings=self.settings,
            timeout=self.lock_timeout,
        )

    def _inspection(self, lease: Lease | None) -> Inspection:
        access = self._leases().access()
        return Inspection(
            standing=replace(self._standing(), lease=lease),
            plan=self._standing().plan(merged=True),
            leased=lease is not None or access.registry is None,
            cautions=(access.caution,) if access.caution else (),
        )

    def _answers(self, *, done: "Inputs" = ()) -> dict[str, str]:
        """
        Compute the variables, and keep them for the hot commands.

        Args:
            done: Files that `init` has just found as they are to be.
        """
        access = self._leases().access() if self.leased else Access(registry=None)
        names = (PYPROJECT, self.settings.assignments)
        paths = [*(os.path.join(self.root, name) for name in names), *access.files]
        inputs = [(path, snapshot.fingerprint(path)) for path in paths]
        plan = self.plan()
        standing = self._held(plan)
        found = standing.variables(plan)
        if access.caution is None:  # which every command is to tell
            ports = {name: standing.effective(plan, name) for name in plan.services}
            snapshot.write(
                self.root, inputs, ports, found, read_ns=self.loaded_ns, done=done
            )
        return found

    def _generated(self) -> "Inputs":
        """Return the files that decide, with the inputs, if `init` has work to do."""
        folder = Folder.at(self.root)
        names = [target.name for target in exports.targets(self.settings)]
        paths = [folder.file(name).path for name in (*names, GITIGNORE)]
        if folder.git_dir:  # which of them git tracks
            paths.append(os.path.join(folder.git_dir, "index"))
        return [(path, snapshot.fingerprint(path)) for path in paths]

    def updates(self, *, dry_run: bool = False, force: bool = False) -> Updater:
        """Return what carries changes of this project out."""
        return Updater(
            folder=Folder.at(self.root),
            settings=self.settings,
            loaded_ns=self.loaded_ns,
            lock_timeout=self.lock_timeout,
            dry_run=dry_run,
            force=force,
            leased=self.leased,
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
