"""A project whose runs have ports of their own."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from portconf.answering import Answering
from portconf.errors import RegistryError, UsageError
from portconf.registry.values import Lease


if TYPE_CHECKING:
    from portconf.runs import Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolating(Answering):
    """
    A folder whose services have ports, for runs that want others than the checkout's.

    Its attributes are those of `Reading`.
    """

    def isolated(self, *parts: str, probe: "Probe | None" = None) -> tuple[Self, ...]:
        """
        Return this project with ports of its own, once for each part of this process.

        Each has a process lease: a block that ends with this process, or at `end`. All
        of them are leased at once, or none.

        Args:
            *parts: What they are for, like the names of workers; none stands for one
                that is for the process itself.
            probe: Says which ports of a new lease are not to be had after all, and
                who has them, where all of them could be bound a moment before.

        Raises:
            LeaseConflictError: If a fixed port is another checkout's.
            BlocksExhaustedError: If the instance range has no room for all of them.
            ConfigError: If that range reaches into the kernel's.
            StoreError: If the assignments file is refused.
            RegistryError: If the registry is off, refused or cannot be written.
        """
        given = self.runs().take(self.plan(), parts or ("",), probe=probe)
        return tuple(replace(self, run=lease) for lease in given)

    def adopted(self, controller: str, part: str) -> Self:
        """
        Return this project with the ports that a controller has leased for a part of it.

        Args:
            controller: What `portconf.runs.token` returned there.
            part: One of those that it gave to `isolated`. Where nothing was leased for
                it, another block is leased.

        Raises:
            PortconfError: As `isolated` does.
        """
        lease = self.runs().adopt(self.plan(), controller=controller, part=part)
        return replace(self, run=lease)

    def end(self) -> None:
        """
        Give up what `isolated` has leased; without that it does nothing.

        A registry that cannot be written is no error: the lease ends with the process.
        """
        if self.run:
            with suppress(RegistryError):
                self.runs().drop([self.run])

    def free_ports(self, count: int = 1) -> tuple[int, ...]:
        """
        Return ports of nobody's, leased to this process until it ends.

        No other lease has them, nobody used them a moment ago, and the kernel gives
        them to no connection. A program that asks nobody may bind one all the same.

        Args:
            count: How many; at least 1.

        Raises:
            UsageError: If ``count`` is less than 1.
            PortconfError: As `isolated` does.
        """
        from portconf import spare  # noqa: PLC0415 - for those who ask for some

        if count < 1:
            raise UsageError(f"the number of ports must be at least 1, got {count!r}")

        def lease(size: int) -> Lease:
            return self.runs().ports(size, plan=self.plan(), part=spare.PART)

        return spare.pool(self.root).get(count, lease)
