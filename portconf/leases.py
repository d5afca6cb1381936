"""The lease of a project in its checkout: found, taken, moved and given up."""

import os
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from portconf import checkout, identity, presence, survey
from portconf.errors import BlocksExhaustedError, LeaseConflictError, RegistryError
from portconf.folder import Folder
from portconf.identity import Known
from portconf.model import Plan, Protocol
from portconf.registry import access, lease as leasing
from portconf.registry.access import Access
from portconf.registry.lease import OutdatedError
from portconf.registry.protocol import Registry
from portconf.registry.values import Facts, Lease, Wanted
from portconf.settings import Settings
from portconf.variables import stays


if TYPE_CHECKING:
    from portconf.registry.protocol import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """
    What one project in one checkout has of the machine.

    Attributes:
        folder: The project's folder.
        settings: Its declaration.
        timeout: Seconds to wait for other commands.
    """

    folder: Folder
    settings: Settings
    timeout: float

    def access(self, *, make: bool = False) -> Access:
        """
        Open the registry.

        Raises:
            RegistryError: See `portconf.registry.access.to`.
        """
        return access.to(self.folder, timeout=self.timeout, make=make)

    def find(self) -> Lease | None:
        """
        Return the lease that the checkout has, as it is; None where it has none.

        Raises:
            RegistryError: If the registry is refused.
        """
        opened = self.access()
        for registry in (opened.frozen, opened.registry):
            kept = self.known(registry).kept if registry else None
            if kept:
                return kept
        return None

    def take(
        self,
        plan: Plan,
        *,
        relocate: bool = False,
        dry_run: bool = False,
        given_up: frozenset[str] = frozenset(),
    ) -> Lease | None:
        """
        Return the lease of the checkout, taken or grown as its plan needs it.

        Args:
            plan: The plan that it is to hold.
            relocate: Move to another block.
            dry_run: Only tell what it would be.
            given_up: Services whose ports are not to be held any more.

        Returns:
            The lease, or None where the registry is off.

        Raises:
            LeaseConflictError: If a port that cannot move is another checkout's.
            BlocksExhaustedError: If the instance range has no block left.
            ConfigError: If the instance range reaches into the kernel's.
            RegistryError: If the registry is refused or cannot be written.
        """
        opened = self.access()
        if opened.registry is None:
            return None
        known = self.known(opened.frozen) if opened.frozen else None
        if opened.frozen and known and known.kept:
            if relocate:
                raise _frozen(known.kept, opened)
            # It may grow in mind alone: what cannot be kept must not move, either.
            return opened.frozen.read(_deciding(self.wanted(known, plan), Facts()))
        opened = self.access(make=not dry_run)
        assert opened.registry is not None  # noqa: S101 - it was not off a moment ago
        nth = self.nth()
        while True:
            with suppress(OutdatedError):  # a copy of this checkout was faster
                known = self.known(opened.registry)
                wanted = replace(
                    self.wanted(known, plan),
                    relocate=relocate,
                    given_up=given_up,
                    nth=nth,
                )
                return self._taken(opened.registry, known, wanted, dry_run=dry_run)

    def drop(self) -> Lease | None:
        """
        Give the lease up; return what it was, or None.

        Raises:
            RegistryError: If the registry is refused or cannot be written.
        """
        self.check_drop()
        registry = self.access().registry
        kept = self.known(registry).kept if registry else None
        if registry and kept:
            number = kept.number
            registry.change(lambda table: table.drop(number))
        return kept

    def check_drop(self) -> None:
        """
        Refuse what `drop` would refuse, before anything else is dropped.

        Raises:
            RegistryError: If the lease is in a registry that cannot be written.
        """
        opened = self.access()
        kept = self.known(opened.frozen).kept if opened.frozen else None
        if kept:
            raise _frozen(kept, opened)

    def _taken(
        self, registry: Registry, known: Known, wanted: Wanted, *, dry_run: bool
    ) -> Lease:
        """Take a lease by one change, or by as many as what is met asks for."""
        kept = known.kept
        choosing = wanted.relocate or kept is None
        facts = self._facts(registry, wanted) if choosing else Facts()
        if choosing and not dry_run:
            presence.sweep(registry)
        while True:
            try:
                lease = registry.read(_deciding(wanted, facts))
                # Only a bind shows who has a port without listening on it. It is tried
                # before the lease is given, or others would be told of it and moved.
                held = survey.held(lease) if _is_new(lease, facts) else {}
                if not held and (lease == kept or dry_run):
                    return lease
                if not held:
                    given = registry.change(_granting(wanted, facts))
                    if given.block == lease.block or not _is_new(given, facts):
                        return given
                    held = survey.held(given)  # another's was faster for the first
                    if not held:
                        return given
                    wanted = replace(wanted, relocate=True)
            except (LeaseConflictError, BlocksExhaustedError):
                every = registry.read(lambda table: table.all())
                gone = presence.gone(every)
                if gone <= facts.gone:
                    raise
                facts = replace(facts, gone=gone)
                continue
            facts = replace(facts, in_use={**facts.in_use, **held})

    def nth(self) -> int:
        """Return at which place of the range to look first."""
        # Others do not see a registry in the checkout: let not all begin alike.
        alone = self.access().caution is not None
        return zlib.crc32(os.fsencode(self.folder.root)) if alone else 0

    def known(self, registry: Registry) -> Known:
        """
        Return the checkout as a registry knows it.

        Raises:
            RegistryError: If the registry is refused.
        """
        within = checkout.find(self.folder.root)
        holder = identity.holder(self.folder, within)
        return identity.known(holder, within, registry)

    def wanted(self, known: Known, plan: Plan) -> Wanted:
        """Say what the checkout needs of the machine."""
        declared = self.settings.by_name()
        ports = {name: each.port for name, each in plan.services.items()}
        still = {n: p for n, p in ports.items() if stays(declared.get(n), p)}
        return Wanted(
            holder=known.holder,
            base=known.base,
            moving={n: p for n, p in ports.items() if n not in still},
            fixed={n: p for n, p in still.items() if not declared[n].shared},
            shared={n: p for n, p in still.items() if declared[n].shared},
            first=plan.base_port,
            blocks=self.settings.instance_range,
            size=self.settings.block_size,
            anchors=presence.anchors(known.holder),
            succeeds=known.succeeds,
        )

    def _facts(self, registry: Registry, wanted: Wanted) -> Facts:
        """Look at the machine before a place is chosen."""
        survey.check_blocks(self.settings.instance_range)
        used = survey.listening(wanted.blocks, self.folder)
        gone: frozenset[int] = frozenset()
        if wanted.base:
            declared = self.settings.by_name()
            spoken = {
                port: declared[name].protocol if name in declared else Protocol.TCP
                for name, port in wanted.moving.items()
            }
            used |= survey.not_ours(spoken, self.folder)
            space, ports = wanted.holder.namespace, wanted.moving.values()
            found = registry.read(lambda table: table.holding(space, ports))
            gone = presence.gone(found.values())
        return Facts(in_use=used, gone=gone, now=time.time())


def _deciding(wanted: Wanted, facts: Facts) -> Callable[["Table"], Lease]:
    def rule(table: "Table") -> Lease:
        lease = leasing.decide(table, wanted, facts)
        return replace(lease, number=lease.number or table.next_number())

    return rule


def _granting(wanted: Wanted, facts: Facts) -> Callable[["Table"], Lease]:
    return lambda table: leasing.grant(table, wanted, facts)


def _is_new(lease: Lease, facts: Facts) -> bool:
    """Tell whether a block is being chosen, and is not in use for long."""
    return lease.block is not None and lease.since == facts.now


def _frozen(kept: Lease, opened: Access) -> RegistryError:
    return RegistryError(
        f"the lease of {kept.range} is kept in {opened.files[0]}, which cannot be"
        " written",
        path=opened.files[0],
        hint="do it where that can be written, as outside of the sandbox",
    )
