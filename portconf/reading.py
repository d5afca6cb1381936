"""
A project as programs read it: its plan, its lease, its effective ports.

What is read here may take the checkout's lease, and nothing else is changed by it.
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from portconf import declaration, fingerprints, locks, snapshot
from portconf.decisions import Standing
from portconf.environment import begun
from portconf.errors import AssignmentError, ConfigError
from portconf.folder import Folder
from portconf.leases import Leases
from portconf.model import Plan
from portconf.registry.access import Access
from portconf.registry.values import Lease
from portconf.runs import Runs, covering
from portconf.settings import PYPROJECT, Settings
from portconf.updates import Updater


if TYPE_CHECKING:
    from portconf.inspection import Inspection


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
        run: The process lease that counts in place of the checkout's; None: that of
            the run which this process is part of, or else the checkout's own.
    """

    root: str
    settings: Settings
    lock_timeout: float = locks.LOCK_TIMEOUT
    loaded_ns: int = field(default=0, compare=False, repr=False)
    leased: bool = True
    run: Lease | None = None

    @classmethod
    def find(
        cls, folder: str | None = None, *, lock_timeout: float = locks.LOCK_TIMEOUT
    ) -> Self:
        """
        Return the project that holds a folder: the nearest one above that declares.

        The search ends at the root of the checkout: what lies above is another's.

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
        found = self.holding(self.root, lock_timeout=self.lock_timeout)
        return replace(found, run=self.run) if found else self

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
            raise self.standing().unknown(name, plan)
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
        return standing.ports(plan)

    def lease(self) -> Lease | None:
        """
        Return what this run or checkout has of the machine, or None; nothing is taken.

        Raises:
            RegistryError: If the registry is refused, or the run has ended.
        """
        if self.run or not self.leased:
            return self.run
        return self.runs().current() or self.leases().find()

    def registry_files(self) -> tuple[str, ...]:
        """Return the files whose change may change the effective ports."""
        return self.leases().access().files if self.leased else ()

    def cautions(self, *, grave: bool = False) -> tuple[str, ...]:
        """
        Return what the registry in use does not protect, a sentence each.

        Args:
            grave: Only where the numbers are the plan's, and may be another's.

        Raises:
            RegistryError: If it is refused.
        """
        access = self.leases().access() if self.leased else Access(registry=None)
        told = access.caution if access.registry is None or not grave else None
        return (told,) if told else ()

    def standing(self) -> Standing:
        """Return the project as it stands, without its lease."""
        return Standing(folder=Folder.at(self.root), settings=self.settings)

    def held(self, plan: Plan) -> Standing:
        """
        Return the standing with the lease of the run, or of the checkout.

        The checkout's is taken if there is none.

        Raises:
            RegistryError: If no lease is to be had, or the plan has outgrown the run's.
        """
        standing = self.standing()
        if not self.leased:
            return standing
        run = self.run or self.runs().current()
        if run is None:
            return replace(standing, lease=self.leases().take(plan))
        return replace(standing, lease=covering(run, plan, self.settings))

    def leases(self) -> Leases:
        """Return what leases ports to the checkout."""
        return Leases(
            folder=Folder.at(self.root),
            settings=self.settings,
            timeout=self.lock_timeout,
        )

    def runs(self) -> Runs:
        """Return what leases ports to runs of the checkout."""
        return Runs(leases=self.leases())

    def inspection(self, lease: Lease | None) -> "Inspection":
        """Return a look at the project, with the lease that it has."""
        # Who only asks for numbers starts faster without.
        from portconf.inspection import Inspection  # noqa: PLC0415

        access = self.leases().access()
        return Inspection(
            standing=replace(self.standing(), lease=lease),
            plan=self.standing().plan(merged=True),
            leased=lease is not None or access.registry is None,
            cautions=(access.caution,) if access.caution else (),
        )

    def answers(self, *, done: fingerprints.Seen = ()) -> dict[str, str]:
        """
        Compute the variables, and keep them for the hot commands.

        Args:
            done: Files that `init` has just found as they are to be.
        """
        access = self.leases().access() if self.leased else Access(registry=None)
        inputs = fingerprints.inputs(self.root, self.settings, access.files)
        plan = self.plan()
        standing = self.held(plan)
        found = standing.variables(plan)
        # A caution is for every command to tell; what a run has is for that run alone,
        # and the environment of a test may name another registry than its run's.
        mine = self.root in begun or (standing.lease and standing.lease.run)
        if access.caution is None and not mine:
            snapshot.write(
                self.root,
                inputs,
                standing.ports(plan),
                found,
                facts=standing.facts(*access.files[:1] or ("",)),
                read_ns=self.loaded_ns,
                done=done,
            )
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
            leased=self.leased,
        )
