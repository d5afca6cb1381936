"""What a lease is, who has it, and what is asked of the machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from portconf.model import PortRange


Anchors = Mapping[str, Mapping[str, Sequence[int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """
    Who has a lease: one project in one checkout.

    Attributes:
        namespace: The network namespace, as the kernel names it; empty where there
            are none.
        checkout: The checkout's git directory; its folder where there is none, or
            where it is a copy that shares the original's. A real path.
        project: The project's folder in the checkout, with '/'; empty for its root.
        root: The checkout's folder, a real path.
        name: The repository and the project in it, for people.
        linked: Whether it is a linked worktree.
    """

    namespace: str
    checkout: str
    project: str
    root: str
    name: str
    linked: bool = False

    def __str__(self) -> str:
        return f"{self.name} at {self.folder}"

    @property
    def folder(self) -> str:
        """The project's folder."""
        return f"{self.root.rstrip('/')}/{self.project}" if self.project else self.root


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """
    What kept a lease from a place, when it was chosen.

    Attributes:
        first: First port of the place.
        last: Its last port, itself included.
        reason: Who or what was in the way, for people.
    """

    first: int
    last: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """
    A process that has a lease of its own: a run, or a test worker.

    Attributes:
        pid: Its number.
        started: When it started, in words of the system that tell it from another
            process of the same number.
        part: What the lease is for, where the process has several; empty for the
            process itself.
    """

    pid: int
    started: str
    part: str = ""

    def __str__(self) -> str:
        return f"process {self.pid}" + (f" ({self.part})" if self.part else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """
    An exclusive claim of a holder on ports of this machine.

    Attributes:
        number: Unique in its registry; 0 before it is kept.
        holder: Who has it.
        shift: Effective less assigned port; 0 for the plan as it stands.
        block: The consecutive ports of a shifted lease; None for the plan as it stands.
        ports: Every port that it claims, with the service that uses it; empty text
            where none does yet.
        since: Seconds since the epoch, when it was chosen.
        obstacles: What was stepped over at that time, the first few.
        anchors: For the checkout's folder and its git directory, the folders above
            with their drives and inodes: they tell whether what is missing is gone, or
            only its drive. No part of what makes two leases equal.
        run: The process with which a process lease ends; None for a checkout's.
    """

    number: int = 0
    holder: Holder
    shift: int = 0
    block: PortRange | None = None
    ports: Mapping[int, str] = field(default_factory=dict)
    since: float = 0.0
    obstacles: tuple[Obstacle, ...] = ()
    anchors: Anchors = field(default_factory=dict, compare=False)
    run: Run | None = None

    @property
    def who(self) -> str:
        """Who has it, for people."""
        return f"{self.holder}, {self.run}" if self.run else str(self.holder)

    @property
    def instance(self) -> int:
        """The number that programs see: 0 for the plan as it stands."""
        return self.number if self.block else 0

    @property
    def range(self) -> str:
        """The ports, for people: ``20100-20199``, or ``4000-4006, 5432``."""
        if self.block:
            return str(self.block)
        runs: list[list[int]] = []
        for port in sorted(self.ports):
            if runs and runs[-1][-1] == port - 1:
                runs[-1][-1] = port
            else:
                runs.append([port, port])
        return ", ".join(f"{a}-{b}" if a < b else str(a) for a, b in runs) or "-"

    def service_ports(self) -> dict[int, str]:
        """Return the ports that services use, in rising order."""
        return {port: name for port, name in sorted(self.ports.items()) if name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    What a checkout needs of the machine.

    Attributes:
        holder: Who asks.
        base: Whether it may have the plan as it stands.
        moving: The services whose ports move with the checkout, with assigned ports.
        fixed: Those whose ports are fixed.
        shared: Those that all checkouts share.
        first: First port of the plan.
        blocks: The instance range.
        size: The block size.
        anchors: See `Lease`.
        succeeds: Numbers of leases that are this checkout's under another folder or
            git directory, because one of them was moved.
        nth: Which block of the range to look at first.
        relocate: Whether it wants another place than the one it has.
        given_up: Services whose ports it does not want any more. Those of others that
            are not in the plan are kept: an older branch may be checked out.
    """

    holder: Holder
    base: bool
    moving: Mapping[str, int]
    fixed: Mapping[str, int] = field(default_factory=dict)
    shared: Mapping[str, int] = field(default_factory=dict)
    first: int
    blocks: PortRange
    size: int
    anchors: Anchors = field(default_factory=dict)
    succeeds: frozenset[int] = frozenset()
    nth: int = 0
    relocate: bool = False
    given_up: frozenset[str] = frozenset()

    @property
    def span(self) -> PortRange:
        """From the first port of the plan to the last that moves."""
        ports = (self.first, *self.moving.values())
        return PortRange(first=min(ports), last=max(ports))


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """
    What was seen of the machine before a lease is decided.

    Attributes:
        in_use: Ports that cannot be ours, with who has them, for people.
        gone: Numbers of leases whose checkouts are confirmed gone.
        now: Seconds since the epoch.
    """

    in_use: Mapping[int, str] = field(default_factory=dict)
    gone: frozenset[int] = frozenset()
    now: float = 0.0
