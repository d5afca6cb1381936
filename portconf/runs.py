"""The process leases of a project: taken for runs and workers, found again by them."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from portconf import presence, sockets, survey
from portconf.environment import ROOT, RUN
from portconf.errors import BlocksExhaustedError, LeaseConflictError, RegistryError
from portconf.leases import Leases
from portconf.model import Plan
from portconf.registry import runs as rules
from portconf.registry.protocol import Registry
from portconf.registry.values import Facts, Lease, Run, Wanted
from portconf.settings import Settings
from portconf.variables import stays


if TYPE_CHECKING:
    from portconf.registry.protocol import Table

    Probe = Callable[[Lease], Mapping[int, str]]

_LOOKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """
    What the runs of one project have of the machine.

    Attributes:
        leases: Those of its checkout.
    """

    leases: Leases

    def current(self) -> Lease | None:
        """
        Return the lease of the run that this process is part of, or None.

        Raises:
            RegistryError: If that run has ended, or the registry is refused.
        """
        number = os.environ.get(RUN)
        if not number or os.environ.get(ROOT) != self.leases.folder.root:
            return None
        opened = self.leases.access()
        for registry in (opened.frozen, opened.registry):
            for lease in registry.read(lambda table: table.runs()) if registry else ():
                mine = lease.holder.folder == self.leases.folder.root
                if mine and str(lease.number) == number and not presence.ended([lease]):
                    return lease
        raise RegistryError(
            f"the run with process lease {number} has ended, or is not in"
            f" {' or '.join(opened.files) or 'the registry, which is off'}: its ports may"
            " be another's by now",
            hint=f"stop what it has left behind, or unset {RUN} to use the checkout's"
            " own ports",
        )

    def take(
        self, plan: Plan, parts: Sequence[str] = ("",), *, probe: "Probe | None" = None
    ) -> tuple[Lease, ...]:
        """
        Lease a block for each part of this process; all of them, or none.

        They end with the process, or when they are dropped.

        Args:
            plan: The plan that each of them is to hold.
            parts: What they are for, each named once.
            probe: Says which ports of a new lease are not to be had after all, and
                who has them, where all of them could be bound a moment before.

        Raises:
            LeaseConflictError: If a port that cannot move is another checkout's.
            BlocksExhaustedError: If the instance range has no room for all.
            ConfigError: If that range reaches into the kernel's.
            RegistryError: If the registry is off, refused or cannot be written.
        """
        if any(each.port for each in self.leases.settings.services):
            self.leases.take(plan)  # a fixed port is leased to the checkout
        registry = self._registry()
        known = self.leases.known(registry)
        wanted = replace(self.leases.wanted(known, plan), nth=self.leases.nth())
        return self._granted(registry, wanted, parts, probe)

    def adopt(self, plan: Plan, *, controller: str, part: str) -> Lease:
        """
        Return the block that a controller has leased for this process, now its own.

        Where there is none, as for the replacement of a worker that crashed, it takes
        another one.

        Args:
            plan: The plan that it is to hold.
            controller: What `token` returned in the process of the controller.
            part: For which part it was taken there.

        Raises:
            PortconfError: As `take` does.
        """
        registry = self._registry()
        pid, _, started = controller.partition("@")
        holder = self.leases.known(registry).holder
        offered = Run(
            pid=int(pid) if pid.isdecimal() else 0, started=started, part=part
        )
        own = _process(part)
        lease = registry.change(lambda t: rules.adopt(t, holder, offered, own))
        return lease or self.take(plan, (part,))[0]

    def ports(self, count: int, *, plan: Plan, part: str) -> Lease:
        """
        Lease a block of ports for no service.

        Args:
            count: How many ports; at least 1.
            plan: The plan, whose ports are not among them.
            part: What they are for.

        Raises:
            PortconfError: As `take` does.
        """
        registry = self._registry()
        known = self.leases.known(registry)
        planned = {name: each.port for name, each in plan.services.items()}
        wanted = Wanted(
            holder=known.holder,
            base=False,
            moving={f"{part}-{nth}": nth for nth in range(1, count + 1)},
            shared=planned,
            first=1,
            blocks=self.leases.settings.instance_range,
            size=rules.STEP,
            nth=self.leases.nth(),
        )
        return self._granted(registry, wanted, (part,), None)[0]

    def drop(self, leases: Iterable[Lease]) -> None:
        """
        Give process leases of this process up.

        Raises:
            RegistryError: If the registry is refused or cannot be written.
        """
        numbers = {each.number for each in leases}

        def rule(table: "Table") -> None:
            for lease in table.runs():
                if lease.number in numbers and lease.run and lease.run.pid == own:
                    table.drop(lease.number)

        own = os.getpid()
        self._registry().change(rule)

    def sweep(self) -> None:
        """
        Drop the leases of every run that has ended.

        Raises:
            RegistryError: If the registry is refused or cannot be written.
        """
        presence.sweep(self._registry())

    def _registry(self) -> Registry:
        registry = self.leases.access(make=True).registry
        if registry:
            return registry
        raise RegistryError(
            "the registry is off, so a run can have no ports of its own",
            hint="unset PORTCONF_REGISTRY or let it name a file, or do without ports of"
            " its own (pytest: --portconf-isolate=off)",
        )

    def _granted(
        self,
        registry: Registry,
        wanted: Wanted,
        parts: Sequence[str],
        probe: "Probe | None",
    ) -> tuple[Lease, ...]:
        survey.check_blocks(wanted.blocks)
        frozen, leased = self.leases.access().frozen, dict[int, str]()
        if frozen:  # which others write to, and we cannot
            space = wanted.holder.namespace
            known = frozen.read(lambda table: table.taken(space, wanted.blocks))
            leased = dict.fromkeys(known, "leased in the machine's registry")
        used = survey.listening(wanted.blocks) | leased
        # Who has let a port go since it was refused, like a probe, is in nobody's way.
        looks, fleeting = _LOOKS, False
        asking = [_process(part) for part in parts]
        gone: frozenset[int] = frozenset()
        while True:
            over = presence.ended(registry.read(lambda table: table.runs()))
            facts = Facts(
                in_use=used,
                gone=gone | {each.number for each in over},
                now=time.time(),
            )
            try:
                given = registry.change(_granting(wanted, facts, asking))
            except BlocksExhaustedError:
                every = registry.read(lambda table: table.all())
                if not gone and (gone := presence.gone(every)):
                    continue
                if not fleeting or not (looks := looks - 1):
                    raise
                used, fleeting = survey.listening(wanted.blocks) | leased, False
                continue
            held: dict[int, str] = {}
            for each in given:
                held |= survey.held(each) or (probe(each) if probe else {})
            if not held:
                return given
            used, fleeting = used | held, True
            self.drop(given)


def covering(lease: Lease, plan: Plan, settings: Settings) -> Lease:
    """
    Return the lease of a run, if it holds all ports that a plan has by now.

    Raises:
        LeaseConflictError: If a service has come since it was taken.
    """
    for name, each in plan.services.items():
        port = each.port + lease.shift
        if port not in lease.ports and not stays(settings.service(name), each.port):
            raise LeaseConflictError(
                f"this run has {lease.range}, where there is no port for {name!r}",
                port=port,
                service=name,
                holder=None,
                hint="start the run again: it then gets a port for each service",
            )
    return lease


def token() -> str:
    """Return what names this process to those that `Runs.adopt` a lease of it."""
    own = _process("")
    return f"{own.pid}@{own.started}"


def _process(part: str) -> Run:
    pid = os.getpid()
    started = sockets.started(pid)
    if started is None:
        raise RegistryError(
            "the system does not tell when this process started, so its lease could not"
            " end with it",
            hint="see that the process may look at itself: is /proc mounted?",
        )
    return Run(pid=pid, started=started, part=part)


def _granting(
    wanted: Wanted, facts: Facts, asking: Sequence[Run]
) -> "Callable[[Table], tuple[Lease, ...]]":
    return lambda table: rules.grant(table, wanted, facts, asking)
