"""What the use cases answer, as values that a front end prints or serialises."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portconf.model import Change
from portconf.registry.values import Lease


if TYPE_CHECKING:
    from portconf.ownership import Sighting


def lease_dict(lease: Lease | None) -> dict[str, Any] | None:
    """Return the JSON form of a lease; None where there is none."""
    if lease is None:
        return None
    return {
        "number": lease.number,
        "instance": lease.instance,
        "shift": lease.shift,
        "block": lease.block and str(lease.block),
        "ports": lease.range,
        "project": lease.holder.name,
        "folder": lease.holder.folder,
        "linked": lease.holder.linked,
        "since": lease.since,
        "process": {"pid": lease.run.pid, "part": lease.run.part or None}
        if lease.run
        else None,
        "services": {name: port for port, name in lease.service_ports().items()},
        "stepped_over": [
            {"first": each.first, "last": each.last, "reason": each.reason}
            for each in lease.obstacles
        ],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """
    What a check found.

    Attributes:
        findings: Where things disagree, a sentence each.
        unchecked: What could not be looked at, a sentence each.
    """

    findings: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """
    A file that was, or in a dry run would be, written.

    Attributes:
        name: Relative to the project.
        before: Its content, or None where there was no file.
        after: Its new content.
        private: Whether what stands beside our lines may be secrets, and is not to be
            shown.
    """

    name: str
    before: bytes | None
    after: bytes
    private: bool = False


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
        lease: What the checkout has of the machine, or None.
        lease_before: What it had before, or None.
    """

    root: str
    changes: tuple[Change, ...] = ()
    gone: tuple[tuple[str, int], ...] = ()
    files: tuple[FileChange, ...] = ()
    notes: tuple[str, ...] = ()
    dry_run: bool = False
    lease: Lease | None = None
    lease_before: Lease | None = None

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
            "lease": lease_dict(self.lease),
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
        port: Its effective port, or None where the checkout has no lease.
        assigned: Its port in the plan.
        variable: The variable that carries it.
        declared: Where it is declared, or None where it is only assigned.
        rule: How the number was chosen.
        stepped_over: Numbers just below that nobody has, each with the reason.
        stored: Where the number is kept.
        exported: Where it was written.
        overridden: What the environment says instead, or None.
        leased: How the checkout came to its ports.
        lease: What it has of the machine, or None.
        listens: Who listens on the port now, or None.
    """

    service: str
    port: int | None
    assigned: int
    variable: str
    declared: Place | None
    rule: str
    stepped_over: tuple[tuple[int, str], ...]
    stored: Place
    exported: tuple[Place, ...]
    overridden: str | None
    leased: str
    lease: Lease | None
    listens: "Sighting | None"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "service": self.service,
            "port": self.port,
            "assigned": self.assigned,
            "variable": self.variable,
            "declared": _place(self.declared) if self.declared else None,
            "rule": self.rule,
            "stepped_over": [
                {"port": port, "reason": reason} for port, reason in self.stepped_over
            ],
            "stored": _place(self.stored),
            "exported": [_place(each) for each in self.exported],
            "overridden": self.overridden,
            "lease": lease_dict(self.lease),
            "leased": self.leased,
            "listens": self.listens and self.listens.to_dict(),
        }


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "text": place.text or None}
