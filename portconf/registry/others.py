"""What stands in the way of a lease: other leases, and programs that use its ports."""

from collections.abc import Iterable, Mapping, Set as AbstractSet
from typing import TYPE_CHECKING

from portconf.model import PortRange
from portconf.registry.values import Facts, Lease


if TYPE_CHECKING:
    from portconf.registry.protocol import Table


class Others:
    """
    What everybody else has, in the table and on the machine.

    Args:
        table: The leases.
        namespace: The network namespace of the checkout that asks.
        kept: The lease that it has, or None.
        facts: What was seen of the machine.
    """

    def __init__(
        self, table: "Table", namespace: str, kept: Lease | None, facts: Facts
    ) -> None:
        self._table = table
        self._namespace = namespace
        self._own = kept.number if kept else None
        self.facts = facts

    def holding(self, ports: Iterable[int]) -> dict[int, Lease]:
        """Return the others' leases of ``ports``, in rising order."""
        found = self._table.holding(self._namespace, ports)
        passed = {self._own, *self.facts.gone}
        return {
            port: lease
            for port, lease in sorted(found.items())
            if lease.number not in passed
        }

    def taken(self, within: PortRange) -> AbstractSet[int]:
        """
        Return the leased ports of a range.

        The checkout's own are among them: who relocates wants others.
        """
        taken = self._table.taken(self._namespace, within)
        if not self.facts.gone:
            return taken
        held = self._table.holding(self._namespace, taken)
        return {port for port in taken if held[port].number not in self.facts.gone}

    def in_the_way(self, ports: Mapping[str, int]) -> str | None:
        """Return why not all of ``ports`` are to be had, or None."""
        held = self.holding(ports.values())
        for name, port in ports.items():
            if port in held:
                return f"{port} ({name}) is leased to {held[port].who}"
            if port in self.facts.in_use:
                return f"{port} ({name}): {self.facts.in_use[port]}"
        return None
