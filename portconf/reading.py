"""
A project as programs read it: its plan, its lease, its effective ports.

What is read here may take the checkout's lease, and nothing else is changed by it.
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from portconf import declaration, exports, locks, snapshot
from portconf.decisions import Standing
from portconf.errors import AssignmentError, ConfigError
from portconf.folder import Folder
from portconf.kinds import did_you_mean
from portconf.leases import Leases
from portconf.model import Plan
from portconf.registry.access import Access
from portconf.registry.values import Lease
from portconf.settings import GITIGNORE, PYPROJECT, Settings
from portconf.updates import Updater


if TYPE_CHECKING:
    from collections.abc import Sequence

    from portconf.inspection import Inspection

    Inputs = Sequence[tuple[str, snapshot.Fingerprint | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """
    A folder whose services have ports, for reading.

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
        return self.standing().plan()

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
        return self.answers()

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
            raise self.unknown(name, plan)
        with suppress(AssignmentError, ConfigError):  # another service's trouble
            self.answers()  # for the next process that asks
        return self.held(plan).effective(plan, name)

    def listed_variables(self) -> dict[str, str]:
        """
        Return what `variables` does, as far as it is known; writes and takes nothing.

        Returns:
            Empty where the checkout has no lease yet.

        Raises:
            PortconfError: As `variables` does.
        """
        inspection = self.inspection(self.lease())
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
        standing = self.held(plan) if plan.services else self.standing()
        return {name: standing.effective(plan, name) for name in plan.services}

    def lease(self) -> Lease | None:
        """
        Return what this checkout has of the machine, or None; nothing is taken.

        Raises:
            RegistryError: If the registry is refused.
        """
        return self._leases().find() if self.leased else None

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

    def unleased(self) -> tuple[str, ...]:
        """
        Return the warning that numbers are the plan's, where they may be another's.

        Raises:
            RegistryError: If the registry is refused.
        """
        access = self._leases().access() if self.leased else None
        told = access.caution if access and access.registry is None else None
        return (told,) if told else ()

    def standing(self) -> Standing:
        """Return the project as it stands, without its lease."""
        return Standing(folder=Folder.at(self.root), settings=self.settings)

    def held(self, plan: Plan) -> Standing:
        """Return the standing with the checkout's lease, taken if there is none."""
        standing = self.standing()
        if not self.leased:
            return standing
        return replace(standing, lease=self._leases().take(plan))

    def _leases(self) -> Leases:
        return Leases(
            folder=Folder.at(self.root),
            settings=self.settings,
            timeout=self.lock_timeout,
        )

    def inspection(self, lease: Lease | None) -> "Inspection":
        """Return a look at the project, with the lease that it has."""
        # Who only asks for numbers starts faster without.
        from portconf.inspection import Inspection  # noqa: PLC0415

        access = self._leases().access()
        return Inspection(
            standing=replace(self.standing(), lease=lease),
            plan=self.standing().plan(merged=True),
            leased=lease is not None or access.registry is None,
            cautions=(access.caution,) if access.caution else (),
        )

    def answers(self, *, done: "Inputs" = ()) -> dict[str, str]:
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
        standing = self.held(plan)
        found = standing.variables(plan)
        if access.caution is None:  # which every command is to tell
            ports = {name: standing.effective(plan, name) for name in plan.services}
            snapshot.write(
                self.root, inputs, ports, found, read_ns=self.loaded_ns, done=done
            )
        return found

    def generated(self) -> "Inputs":
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

    def unknown(self, name: str, plan: Plan) -> AssignmentError:
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
