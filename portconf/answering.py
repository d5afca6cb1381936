"""A project whose services can be asked whether they answer."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from portconf.reading import Reading


if TYPE_CHECKING:
    from portconf.asking import Progress
    from portconf.health import Report
    from portconf.waiting import Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering(Reading):
    """
    A folder whose services have ports, for asking them.

    Its attributes are those of `Reading`.
    """

    def health(self, names: Iterable[str] = (), *, timeout: float = 2.0) -> "Report":
        """
        Ask services once whether they answer, all at once; takes the lease.

        How a service is asked is its key `health`: a path by HTTP, a command, or a
        connection. A foreign server that answers is told in the report's notes.

        Args:
            names: Services; none stands for all that are declared.
            timeout: Seconds for all of them together, above 0.

        Raises:
            AssignmentError: If a service is unknown, or has no port yet.
            StoreError: If the assignments file is refused.
            RegistryError: If no lease is to be had.
        """
        return self._waiting(names).look(timeout=timeout)

    def wait(
        self,
        names: Iterable[str] = (),
        *,
        timeout: float = 30.0,
        on_progress: "Progress | None" = None,
    ) -> "Report":
        """
        Wait until services answer, all of them at once; takes the lease.

        One that has answered is not asked again. Nothing is started.

        Args:
            names: Services; none stands for all that are declared.
            timeout: Seconds for all of them together, above 0.
            on_progress: Is given the report so far, some 50 times a second, by the
                thread that calls this.

        Raises:
            HealthError: If one does not answer as it should when the time is over.
            ForeignListenerError: If somebody else's server listens on one of these
                ports, or begins to: at once, and only if `guard` says so.
            AssignmentError: If a service is unknown, or has no port yet.
            StoreError: If the assignments file is refused.
            RegistryError: If no lease is to be had.
        """
        waiting = self._waiting(names)
        return waiting.wait(timeout=timeout, on_progress=on_progress)

    def _waiting(self, names: Iterable[str]) -> "Waiting":
        from portconf.waiting import Waiting  # noqa: PLC0415 - only for these two

        named = (names,) if isinstance(names, str) else names
        wanted = tuple(dict.fromkeys(named))
        wanted = wanted or tuple(each.name for each in self.settings.services)
        plan = self.plan()
        for name in wanted:
            if name not in plan.services:
                raise self.standing().unknown(name, plan)
        inspection = self.inspection(self.held(plan).lease if wanted else None)
        only = replace(plan, services={name: plan.services[name] for name in wanted})
        return Waiting(
            names=wanted,
            inspection=replace(inspection, plan=only),
            variables=self.variables,
        )
