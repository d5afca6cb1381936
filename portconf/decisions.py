"""What a change of a project comes to: its plan and every file, decided, not written."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from portconf import exports, files, plan as planning, sockets, store, variables
from portconf.environment import INSTANCE, RUN
from portconf.errors import AssignmentError, ConfigError, FileConflictError
from portconf.folder import File, Folder
from portconf.kinds import did_you_mean
from portconf.model import Change, Endpoint, Plan, Service
from portconf.names import variable_of
from portconf.registry.values import Lease
from portconf.reports import FileChange, Outcome
from portconf.settings import GITIGNORE, PYPROJECT, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """
    A project as it stands while a change of it is decided.

    Attributes:
        folder: The project's folder.
        settings: Its declaration.
        force: Replace files of ours by name that lack our header.
        lease: What the checkout has of the machine; None for the plan as it stands.
    """

    folder: Folder
    settings: Settings
    force: bool = False
    lease: Lease | None = None

    @property
    def file(self) -> File:
        """The assignments file."""
        return self.folder.file(self.settings.assignments)

    def plan(self, *, merged: bool = False) -> Plan:
        """
        Return the plan to go on from.

        Args:
            merged: Accept two services on one port.

        Raises:
            StoreError: If the assignments file is refused.
        """
        kept = store.read(self.file, merged=merged)
        return planning.resume(kept, self.settings.base_port)

    def extended(
        self, plan: Plan, services: tuple[Service, ...]
    ) -> tuple[Plan, tuple[Change, ...]]:
        """
        Return the plan with ``services`` in it, and what changed.

        Raises:
            AssignmentError: If one of them cannot be given a port.
            ConfigError: If the plan's range reaches into the kernel's.
        """
        return planning.extend(
            plan,
            services,
            last_port=self.settings.last_port,
            ephemeral=sockets.ephemeral_range(),
            avoid=[each.port for each in self.settings.services if each.port],
        )

    def check_variable(self, service: Service, plan: Plan) -> None:
        """
        Refuse a service whose variable another one has.

        Raises:
            ConfigError: If one has.
        """
        wanted = service.variable
        others = {each.name: each.variable for each in self.settings.services}
        # A default variable is as long as its name and "_PORT": few need a look.
        length = len(wanted) - len("_PORT")
        near = {name for name in plan.services if len(name) == length} | others.keys()
        for name in near - {service.name}:
            if (others.get(name) or variable_of(name)) == wanted:
                raise ConfigError(
                    f"variable {service.variable!r} of {service.name!r} is that of"
                    f" {name!r} already",
                    hint="choose another name, or declare one of them with the key"
                    " 'env'",
                )

    def outcome(
        self,
        before: Plan,
        plan: Plan,
        changes: tuple[Change, ...] = (),
        *,
        extra: Iterable[FileChange] = (),
    ) -> Outcome:
        """
        Decide what has to be written for a new plan.

        Args:
            before: The plan that is kept.
            plan: The plan to keep.
            changes: What planning did.
            extra: Further files, which are written first.

        Returns:
            With the files in the order in which they are to be written: the plan
            before what follows from it.

        Raises:
            StoreError: If a file is refused.
            AssignmentError: If a declared service has no port.
            ConfigError: If a value cannot be carried.
        """
        wanted = [*extra, *self._kept_change(before, plan), *self._generated(plan)]
        return Outcome(
            root=self.folder.root,
            changes=changes,
            gone=tuple(
                (name, each.port)
                for name, each in before.services.items()
                if name not in plan.services
            ),
            files=tuple(each for each in wanted if each.before != each.after),
            lease=self.lease,
        )

    def variables(self, plan: Plan) -> dict[str, str]:
        """
        Return the variables of the checkout.

        Raises:
            AssignmentError: If a declared service has no port.
            ConfigError: If two variables have one name.
        """
        found = variables.compute(
            plan,
            self.settings,
            root=self.folder.root,
            instance=self.lease.instance if self.lease else 0,
            shift=self.shift,
        )
        mine = self.lease is not None and self.lease.run is not None
        return found | ({RUN: found[INSTANCE]} if mine else {})

    def facts(self, registry: str) -> dict[str, str]:
        """
        Return what a run of the tests asks, besides ports and variables.

        Args:
            registry: The file in which the lease is kept; empty where there is none.
        """
        return {
            "registry": registry,
            "lease": self.lease.range if self.lease else "",
            "guard": self.settings.tests.guard or self.settings.guard,
            "isolate": self.settings.tests.isolate,
        }

    def endpoints(self, plan: Plan) -> tuple[Endpoint, ...]:
        """Return where the assigned services are reached, in port order."""
        return variables.endpoints(plan, self.settings, shift=self.shift)

    def ports(self, plan: Plan) -> dict[str, int]:
        """Return the ports that programs use, by service, in port order."""
        return {name: self.effective(plan, name) for name in plan.services}

    def effective(self, plan: Plan, name: str) -> int:
        """Return the port that programs use for an assigned service."""
        assigned = plan.services[name].port
        still = variables.stays(self.settings.service(name), assigned)
        return assigned + (0 if still else self.shift)

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

    @property
    def shift(self) -> int:
        """Effective less assigned port."""
        return self.lease.shift if self.lease else 0

    def _kept_change(self, before: Plan, plan: Plan) -> Iterator[FileChange]:
        """Yield the change of the assignments file, if what it says changes."""
        data = files.read(self.file)
        # A formatter may have laid the file out anew: that is no reason to write.
        if data is None or before != plan or before.duplicates():
            yield FileChange(name=self.file.name, before=data, after=store.render(plan))

    def _generated(self, plan: Plan) -> Iterator[FileChange]:
        """Yield what each generated file was and is to be."""
        found = self.variables(plan)
        others = (PYPROJECT, GITIGNORE, self.file.name)
        taken = {os.path.realpath(self.folder.file(name).path): name for name in others}
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
            private = target.key == "dotenv"
            yield FileChange(name=target.name, before=old, after=new, private=private)
