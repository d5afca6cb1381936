"""The use cases: what the front ends offer, each one method of `Project`."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from portconf import files, findings, fingerprints, stacks
from portconf.compose import GENERATED
from portconf.errors import (
    AssignmentError,
    FileConflictError,
    PortconfError,
    RegistryError,
)
from portconf.folder import Folder
from portconf.isolating import Isolating
from portconf.model import Endpoint
from portconf.reports import Checked, Explanation, Outcome
from portconf.settings import Guard


if TYPE_CHECKING:
    from portconf.status import Status, Watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Isolating):
    """
    A folder whose services have ports; any number of threads may share one.

    Its attributes are those of `Reading`.
    """

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
        plain = not (dry_run or force or gitignore)
        seen = fingerprints.outputs(self.root, self.settings) if plain else ()
        outcome = updates.init(gitignore=gitignore, relocate=relocate)
        cautions = self.cautions()
        if seen and not (outcome.files or outcome.notes or cautions):
            with suppress(RegistryError):  # a run may be outgrown, or have ended
                self.answers(done=seen)  # for the next `init`, which has nothing to do
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
            self.inspection(self.leases().find()).refuse_running()
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
            raise self.standing().unknown(name, plan)
        return self.updates(dry_run=dry_run).release(name)

    def status(self, environment: Mapping[str, str] | None = None) -> "Status":
        """
        Return the services, their ports and who listens on them; takes no lease.

        Args:
            environment: The variables of the shell that asks; None: not looked at.

        Raises:
            StoreError: If the assignments file is refused.
            RegistryError: If the registry is refused.
        """
        return self.inspection(self.lease()).status(environment or {})

    def guard(
        self, environment: Mapping[str, str] | None = None, *, mode: Guard | None = None
    ) -> "Watched":
        """
        Return who listens on our ports; takes the lease, so that they are known.

        Args:
            environment: The variables of the shell that asks; None: not looked at.
            mode: What to do about a foreign listener; None stands for what is declared.

        Raises:
            ForeignListenerError: If somebody else's server listens on one.
            AssignmentError: If a declared service has no port yet.
            StoreError: If the assignments file is refused.
            RegistryError: If no lease is to be had.
        """
        plan = self.plan()
        lacking = [
            s.name for s in self.settings.services if s.name not in plan.services
        ]
        if lacking:  # to look at no port is not to have looked
            raise self.standing().unknown(lacking[0], plan)
        inspection = self.inspection(self.held(plan).lease)
        return inspection.guard(environment or {}, mode=mode or self.settings.guard)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """
        Return where the services are reached, in port order; otherwise as `ports`.

        Raises:
            PortconfError: As `ports` does.
        """
        plan = self.plan()
        return self.held(plan).endpoints(plan)

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
        return self.checked(environment).findings

    def checked(self, environment: Mapping[str, str] | None = None) -> Checked:
        """
        Return what `check` does, with what could not be looked at, which is no finding.

        Raises:
            PortconfError: As `check` does.
        """
        plan = self.standing().plan(merged=True)
        stack = stacks.check(Folder.at(self.root), self.settings, plan)
        disagree = findings.of_plan(self.settings, plan)
        if disagree:
            return replace(stack, findings=disagree)
        try:
            outcome = self.updates().due()
        except (AssignmentError, FileConflictError) as error:
            return replace(stack, findings=(error.message,))
        inspection = self.inspection(outcome.lease)
        written = [each.name for each in outcome.files if each.before is not None]
        override = files.read(Folder.at(self.root).file(GENERATED))
        if override is not None:  # git may have brought it, with another's ports
            written.append(GENERATED)
        found = (
            *findings.of_files(outcome.files if inspection.leased else ()),
            *findings.of_lease(written if not inspection.leased else ()),
            *inspection.stale_shell(environment or {}),
            *(self._overridden(override) if override and inspection.leased else ()),
            *stack.findings,
        )
        return replace(stack, findings=found)

    def _overridden(self, before: bytes) -> tuple[str, ...]:
        """Return that the file which replaces Compose's ports has others than ours."""
        from portconf import exporting  # noqa: PLC0415 - YAML

        lease = self.lease()
        if lease and lease.run:  # whose ports end with it; the file is the checkout's
            return ()
        try:
            texts = exporting.render(self, "compose-override").files
        except PortconfError as error:
            return (error.message,)
        if texts[GENERATED].encode() == before:
            return ()
        # Compose would publish ports that another checkout may have by now.
        wanted = "portconf export --format compose-override --output ."
        return (f"{GENERATED} is not what {wanted!r} would write",)

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
            raise self.standing().unknown(name, plan)
        return self.inspection(self.lease()).why(name, environment)
