"""A registry in memory, and who asks of it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from portconf.errors import RegistryError
from portconf.model import PortRange
from portconf.registry.protocol import Table
from portconf.registry.values import Holder, Lease, Wanted


_T = TypeVar("_T")


class MemoryTable:
    """The leases, in a dict by number."""

    def __init__(self, leases: Iterable[Lease] = (), *, given: int = 0) -> None:
        self.leases = {each.number: each for each in leases}
        self.given = given

    def find(self, namespace: str, checkout: str, project: str) -> Lease | None:
        key = (namespace, checkout, project)
        found = (each for each in self.all() if each.run is None)
        return next((each for each in found if _key(each) == key), None)

    def at(self, namespace: str, root: str, project: str) -> tuple[Lease, ...]:
        return tuple(
            each
            for each in self.all()
            if (each.holder.namespace, each.holder.root, each.holder.project)
            == (namespace, root, project)
            and each.run is None
        )

    def runs(self) -> tuple[Lease, ...]:
        return tuple(each for each in self.all() if each.run is not None)

    def holding(self, namespace: str, ports: Iterable[int]) -> Mapping[int, Lease]:
        held = self._held(namespace)
        return {port: held[port] for port in ports if port in held}

    def taken(self, namespace: str, within: PortRange) -> set[int]:
        return {*self._held(namespace)} & {*within.ports()}

    def all(self) -> tuple[Lease, ...]:
        return tuple(each for _, each in sorted(self.leases.items()))

    def next_number(self) -> int:
        return self.given + 1

    def save(self, lease: Lease) -> Lease:
        number = lease.number or self.next_number()
        kept = Lease(
            number=number,
            holder=lease.holder,
            shift=lease.shift,
            block=lease.block,
            ports=lease.ports,
            since=lease.since,
            obstacles=lease.obstacles,
            anchors=lease.anchors,
            run=lease.run,
        )
        for other in self.leases.values():
            if other.number == number:
                continue
            both = {*other.ports} & {*lease.ports}
            same = other.holder.namespace == lease.holder.namespace
            twins = other.run is lease.run is None and _key(other) == _key(lease)
            if (both and same) or twins:
                raise RegistryError(f"refused: {other.holder} has {both or 'the key'}")
        self.given = max(self.given, number)
        self.leases[number] = kept
        return kept

    def drop(self, number: int) -> None:
        self.leases.pop(number, None)

    def copy(self) -> "MemoryTable":
        return MemoryTable(self.leases.values(), given=self.given)

    def _held(self, namespace: str) -> dict[int, Lease]:
        return {
            port: each
            for each in self.leases.values()
            if each.holder.namespace == namespace
            for port in each.ports
        }


class MemoryRegistry:
    """A registry that ends with the process, and that no other one sees."""

    def __init__(self) -> None:
        self.table = MemoryTable()

    def read(self, rule: Callable[[Table], _T]) -> _T:
        return rule(self.table.copy())

    def change(self, rule: Callable[[Table], _T]) -> _T:
        table = self.table.copy()
        result = rule(table)
        self.table = table
        return result


def make_holder(name: str = "shop", **fields: Any) -> Holder:
    """Return who asks: the main checkout in the folder of that name."""
    root = f"/home/you/{name}"
    given = {"namespace": "net", "root": root, "checkout": f"{root}/.git", "name": name}
    return Holder(**{"project": "", **given, **fields})


def make_wanted(name: str = "shop", *ports: int, **fields: Any) -> Wanted:
    """
    Return what the checkout of that name needs: services a, b, c ... on ``ports``.

    Its blocks are ten ports each, in 20000-20099.
    """
    given: dict[str, Any] = {
        "holder": make_holder(name, linked=not fields.get("base", True)),
        "base": True,
        "moving": dict(zip("abcdefghijklmnopqrstuvwxyz", ports, strict=False)),
        "first": 4000,
        "blocks": PortRange(first=20000, last=20099),
        "size": 10,
    }
    return Wanted(**{**given, **fields})


def _key(lease: Lease) -> tuple[str, str, str]:
    return lease.holder.namespace, lease.holder.checkout, lease.holder.project
