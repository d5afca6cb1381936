"""The services of a project, and who listens on their ports."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from portconf import variables
from portconf.model import Plan, Service
from portconf.ownership import Sighting, Verdict
from portconf.registry.values import Lease
from portconf.reports import lease_dict
from portconf.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    One service in the status.

    Attributes:
        service: Its name.
        port: Its effective port, or None before it is assigned and leased.
        assigned: Its port in the plan, or None.
        variable: The variable that carries the port.
        purpose: What it is.
        declared: Whether `pyproject.toml` declares it.
        state: `free`, `ours`, `foreign`, `unknown` or, where another checkout serves
            a shared service, `shared`; None where there is no port.
        owner: Who listens, or None.
    """

    service: str
    port: int | None
    assigned: int | None
    variable: str
    purpose: str
    declared: bool
    state: str | None = None
    owner: Sighting | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"owner": self.owner and self.owner.to_dict()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """
    The services of a project.

    Attributes:
        root: The project's folder.
        base_port: First port of the plan.
        next_port: The number that the next new service gets, in the plan.
        rows: Assigned services in port order, then the others as declared.
        lease: What the checkout has of the machine, or None.
        notes: What is to be known of it, each a sentence.
    """

    root: str
    base_port: int
    next_port: int
    rows: tuple[Row, ...]
    lease: Lease | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        plan: Plan,
        settings: Settings,
        *,
        root: str,
        ports: Mapping[str, int],
        seen: Mapping[int, Sighting],
        lease: Lease | None = None,
        notes: tuple[str, ...] = (),
    ) -> Self:
        """
        Lay the services of a plan and a declaration out.

        Args:
            plan: The assigned services.
            settings: The declaration.
            root: The project's folder.
            ports: The effective ports, of the services that have one.
            seen: Who listens on them.
            lease: What the checkout has of the machine.
            notes: What is to be known of it.
        """
        declared = settings.by_name()
        found = [
            Row(
                service=each.name,
                port=ports.get(each.name),
                assigned=each.assigned,
                variable=each.variable,
                purpose=each.purpose,
                declared=each.name in declared,
                state=_state(declared.get(each.name), ports.get(each.name), seen),
                owner=seen.get(ports.get(each.name, 0)),
            )
            for each in variables.endpoints(plan, settings)
        ]
        found += [
            Row(
                service=service.name,
                port=None,
                assigned=None,
                variable=service.variable,
                purpose=service.purpose,
                declared=True,
            )
            for service in settings.services
            if service.name not in plan.services
        ]
        return cls(
            root=root,
            base_port=plan.base_port,
            next_port=plan.next_port,
            rows=tuple(found),
            lease=lease,
            notes=notes,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "root": self.root,
            "base_port": self.base_port,
            "next_port": self.next_port,
            "lease": lease_dict(self.lease),
            "services": [row.to_dict() for row in self.rows],
            "notes": list(self.notes),
        }


def _state(
    service: Service | None, port: int | None, seen: Mapping[int, Sighting]
) -> str | None:
    """Word whose a port is at this moment."""
    if port is None:
        return None
    if port not in seen:
        return "free"
    verdict = seen[port].verdict
    elsewhere = service is not None and service.shared
    return "shared" if elsewhere and verdict is Verdict.FOREIGN else verdict.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """
    What the guard saw.

    Attributes:
        root: The project's folder.
        seen: Each service that somebody listens for, with who does, in port order.
        notes: What is to be known without stopping a run, each a sentence.
    """

    root: str
    seen: tuple[tuple[str, Sighting], ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "root": self.root,
            "listeners": [{"service": n} | each.to_dict() for n, each in self.seen],
            "notes": list(self.notes),
        }
