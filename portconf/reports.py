"""What the use cases answer, as values that a front end prints or serialises."""

from dataclasses import dataclass
from typing import Any, Self

from portconf import variables
from portconf.model import Change, Plan
from portconf.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """
    A file that was, or in a dry run would be, written.

    Attributes:
        name: Relative to the project.
        before: Its content, or None where there was no file.
        after: Its new content.
    """

    name: str
    before: bytes | None
    after: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    What a command changed.

    Attributes:
        root: The project's folder.
        changes: Services that got or changed a port, in the order of declaration.
        gone: Services that gave their port up, with it, in port order.
        files: Files written; in a dry run, to be written.
        notes: Warnings, each a sentence.
        dry_run: Whether nothing was written.
    """

    root: str
    changes: tuple[Change, ...] = ()
    gone: tuple[tuple[str, int], ...] = ()
    files: tuple[FileChange, ...] = ()
    notes: tuple[str, ...] = ()
    dry_run: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "root": self.root,
            "assigned": [
                {
                    "service": each.name,
                    "port": each.port,
                    "before": each.before,
                    "reason": each.reason or None,
                }
                for each in self.changes
            ],
            "released": [{"service": name, "port": port} for name, port in self.gone],
            "written": [each.name for each in self.files],
            "notes": list(self.notes),
            "dry_run": self.dry_run,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    One service in the status.

    Attributes:
        service: Its name.
        port: Its effective port, or None before it is assigned.
        assigned: Its port in the plan, or None.
        variable: The variable that carries the port.
        purpose: What it is.
        declared: Whether `pyproject.toml` declares it.
    """

    service: str
    port: int | None
    assigned: int | None
    variable: str
    purpose: str
    declared: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """
    The services of a project.

    Attributes:
        root: The project's folder.
        base_port: First port of the plan.
        next_port: The number that the next new service gets.
        rows: Assigned services in port order, then the others as declared.
    """

    root: str
    base_port: int
    next_port: int
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, plan: Plan, settings: Settings, *, root: str) -> Self:
        """Lay the services of a plan and a declaration out."""
        declared = settings.by_name()
        rows = [
            Row(
                service=each.name,
                port=each.port,
                assigned=each.assigned,
                variable=each.variable,
                purpose=each.purpose,
                declared=each.name in declared,
            )
            for each in variables.endpoints(plan, settings)
        ]
        rows += [
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
            rows=tuple(rows),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "root": self.root,
            "base_port": self.base_port,
            "next_port": self.next_port,
            "services": [row.to_dict() for row in self.rows],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    A line of a file.

    Attributes:
        file: Relative to the project.
        line: From 1, or None where it was not found.
        text: What the line says of the service.
    """

    file: str
    line: int | None
    text: str = ""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.text}" if self.text else where


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """
    Where a service's number comes from.

    Attributes:
        service: Its name.
        port: Its effective port.
        variable: The variable that carries it.
        declared: Where it is declared, or None where it is only assigned.
        rule: How the number was chosen.
        stepped_over: Numbers just below that nobody has, each with the reason.
        stored: Where the number is kept.
        exported: Where it was written.
        overridden: What the environment says instead, or None.
    """

    service: str
    port: int
    variable: str
    declared: Place | None
    rule: str
    stepped_over: tuple[tuple[int, str], ...]
    stored: Place
    exported: tuple[Place, ...]
    overridden: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "service": self.service,
            "port": self.port,
            "variable": self.variable,
            "declared": _place(self.declared) if self.declared else None,
            "rule": self.rule,
            "stepped_over": [
                {"port": port, "reason": reason} for port, reason in self.stepped_over
            ],
            "stored": _place(self.stored),
            "exported": [_place(each) for each in self.exported],
            "overridden": self.overridden,
        }


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "text": place.text or None}
