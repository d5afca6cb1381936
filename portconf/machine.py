"""What the checkouts of this machine hold: listed, swept, given up by path."""

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from portconf import checkout, declaration, presence, sightings, sockets
from portconf.errors import PortconfError, RegistryError
from portconf.folder import Folder
from portconf.model import Protocol, Service
from portconf.ownership import Sighting, Verdict
from portconf.registry import access
from portconf.registry.values import Lease
from portconf.reports import lease_dict


if TYPE_CHECKING:
    from portconf.registry.protocol import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """
    One checkout of the machine.

    Attributes:
        lease: What it has.
        branch: The branch it is on, the beginning of the commit where it is on none,
            or None where that cannot be seen.
        detached: Whether it is seen to be on no branch.
        listening: Its services that somebody listens for, with who does; None where
            that was not looked for.
    """

    lease: Lease
    branch: str | None
    detached: bool = False
    listening: tuple[tuple[str, Sighting], ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            **(lease_dict(self.lease) or {}),
            "branch": self.branch,
            "listening": None
            if self.listening is None
            else [{"service": n} | s.to_dict() for n, s in self.listening],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """
    What was freed, and what was not.

    Attributes:
        freed: The leases that are gone now; in a dry run, that would be.
        kept: The others, each with the reason.
        dry_run: Whether nothing was freed.
    """

    freed: tuple[Lease, ...]
    kept: tuple[tuple[Lease, str], ...] = ()
    dry_run: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "freed": [lease_dict(each) for each in self.freed],
            "kept": [
                {"reason": reason, **(lease_dict(each) or {})}
                for each, reason in self.kept
            ],
            "dry_run": self.dry_run,
        }


def tenants(*, timeout: float, look: bool = False) -> tuple[Tenant, ...]:
    """
    Return who holds ports of this machine, in the order of their numbers.

    Args:
        timeout: Seconds to wait for other commands.
        look: Whether to see who listens on their ports.

    Raises:
        RegistryError: If the registry is refused.
    """
    return tuple(
        Tenant(
            lease=each,
            branch=found.branch if found else None,
            detached=found is not None and found.detached,
            listening=_listening(each) if look else None,
        )
        for each in _all(timeout)
        for found in (_checkout(each),)
    )


def gc(*, timeout: float, dry_run: bool = False) -> Swept:
    """
    Free the leases of checkouts that are confirmed gone, and no others.

    Args:
        timeout: Seconds to wait for other commands.
        dry_run: Only tell what would be freed.

    Raises:
        RegistryError: If the registry is refused or cannot be written.
    """
    judged = presence.judged(_all(timeout))
    gone = tuple(each for each, reason in judged if reason is None)
    if gone and not dry_run:
        _drop(gone, timeout)
    kept = tuple((each, reason) for each, reason in judged if reason is not None)
    return Swept(freed=gone, kept=kept, dry_run=dry_run)


def release(
    path: str, *, timeout: float, force: bool = False, dry_run: bool = False
) -> Swept:
    """
    Give the leases of the checkout at a path up, whether it still exists or not.

    Args:
        path: The checkout's folder, or a project's in it.
        timeout: Seconds to wait for other commands.
        force: Also where somebody listens on its ports.
        dry_run: Only tell what would be given up.

    Raises:
        RegistryError: If there is no such lease, or its services listen, or the
            registry is refused or cannot be written.
    """
    real = os.path.realpath(path)
    every = _all(timeout)
    there = [each for each in every if real in (each.holder.root, each.holder.folder)]
    # A container may have a checkout of its own at this path, and a server in it.
    # What runs there ends by itself; nobody is to take its ports away before.
    there = [each for each in there if force or each.run is None]
    found = tuple(each for each in there if force or _here(each))
    if there and not found:
        raise RegistryError(
            f"the lease of {real} is of another network namespace, such as a"
            " container's, where its services cannot be seen",
            hint="give it up from there, or use --force",
        )
    if not found:
        raise RegistryError(
            f"no checkout at {real} has a lease",
            hint="'portconf leases' lists those that have one",
        )
    busy = [f"{n} ({s.port})" for each in found for n, s in _listening(each)]
    if busy and not force:
        raise RegistryError(
            f"the services of {real} still listen: {', '.join(busy)}",
            hint="stop them first, or use --force",
        )
    if not dry_run:
        _drop(found, timeout)
    return Swept(freed=found, dry_run=dry_run)


def _all(timeout: float) -> tuple[Lease, ...]:
    registry = access.machine(timeout=timeout)
    return registry.read(lambda table: table.all()) if registry else ()


def _drop(leases: tuple[Lease, ...], timeout: float) -> None:
    """Drop leases that are still what they were when they were judged."""

    def rule(table: "Table") -> None:
        for lease in leases:
            holder = lease.holder
            now = table.find(holder.namespace, holder.checkout, holder.project)
            if now == lease or lease in table.runs():
                table.drop(lease.number)

    registry = access.machine(timeout=timeout)
    if registry:
        registry.change(rule)


def _here(lease: Lease) -> bool:
    """Tell whether the ports of a lease are those of the network that we see."""
    return lease.holder.namespace == sockets.namespace()


def _checkout(lease: Lease) -> checkout.Checkout | None:
    """Return the checkout that a lease is of, if it is there."""
    found = checkout.find(lease.holder.root)
    return found if found and found.root == lease.holder.root else None


def _listening(lease: Lease) -> tuple[tuple[str, Sighting], ...]:
    """Return the services of a lease that somebody listens for."""
    if not _here(lease):
        return ()
    names, declared = lease.service_ports(), _declared(lease)
    shared = {name for name, each in declared.items() if each.shared}
    folder = Folder(root=lease.holder.folder, fence=lease.holder.root, git_dir=None)
    seen: dict[int, Sighting] = {}
    for protocol in (Protocol.UDP, Protocol.TCP):  # which one, a lease does not say
        spoken = {
            port: protocol
            for port, name in names.items()
            if name not in declared or declared[name].protocol is protocol
        }
        seen |= sightings.look(spoken, folder)
    for port, each in seen.items():
        # Whoever listens there is taken for right, as by the guard.
        if names[port] in shared and each.verdict is Verdict.FOREIGN:
            seen[port] = replace(each, verdict=Verdict.UNKNOWN)
    return tuple((names[port], seen[port]) for port in sorted(seen))


def _declared(lease: Lease) -> dict[str, Service]:
    """Return what a lease's checkout declares, as far as it can be read."""
    try:
        settings = declaration.load(lease.holder.folder)
    except PortconfError:  # is told in that checkout
        settings = None
    return settings.by_name() if settings else {}
