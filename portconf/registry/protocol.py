"""What a backend of the registry must do: run a pure change in a transaction."""

from collections.abc import Callable, Iterable, Mapping, Set as AbstractSet
from typing import Protocol, TypeVar

from portconf.model import PortRange
from portconf.registry.values import Lease


_T = TypeVar("_T")


class Table(Protocol):
    """
    The leases, as one transaction sees them.

    What is asked for is always of one network namespace: ports of two are two ports.
    """

    def find(self, namespace: str, checkout: str, project: str) -> Lease | None:
        """Return the lease of a checkout, or None; not those of its runs."""

    def at(self, namespace: str, root: str, project: str) -> tuple[Lease, ...]:
        """Return the checkouts' leases that were last seen in the folder ``root``."""

    def runs(self) -> tuple[Lease, ...]:
        """Return the process leases of every namespace, in the order of their numbers."""

    def holding(self, namespace: str, ports: Iterable[int]) -> Mapping[int, Lease]:
        """Return who holds each of ``ports``, without those that nobody holds."""

    def taken(self, namespace: str, within: PortRange) -> AbstractSet[int]:
        """Return the ports of a range that somebody holds."""

    def all(self) -> tuple[Lease, ...]:
        """Return every lease of every namespace, in the order of their numbers."""

    def save(self, lease: Lease) -> Lease:
        """
        Keep a lease; number 0 stands for a new one, which gets the next number.

        A number is never given twice, also after its lease was dropped.

        Raises:
            RegistryError: If another lease holds one of its ports. The rules never
                let that come to pass; the backend refuses it all the same.
        """

    def next_number(self) -> int:
        """Return the number that the next new lease gets."""

    def drop(self, number: int) -> None:
        """Forget a lease; one that is gone already is no error."""


class Registry(Protocol):
    """
    Runs pure functions of a table, each in a transaction of its own.

    A rule may be run more than once before its result counts, so it must do nothing
    but ask the table, change the table and return. Whether a lease holds is decided in
    `portconf.registry.lease` and nowhere in a backend.
    """

    def read(self, rule: Callable[[Table], _T]) -> _T:
        """
        Run a rule that changes nothing.

        Raises:
            RegistryError: If the registry is refused.
        """

    def change(self, rule: Callable[[Table], _T]) -> _T:
        """
        Run a rule, and keep what it changed; if it raises, nothing is kept.

        What it changed is durable once this returns.

        Raises:
            RegistryBusyError: If other commands kept the registry for too long.
            RegistryError: If it is refused or cannot be written.
        """
