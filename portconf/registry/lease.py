"""
Which ports a checkout has on this machine: the rules, as functions of a table.

1. A port is in one lease at the most, whatever the services and projects.
2. The plan as it stands (instance 0) is the lease of a main checkout, or of the first
   worktree of a bare repository; never of another linked worktree.
3. Where the plan as it stands is impossible, because another lease or a foreign
   listener has one of its ports, the whole checkout moves: to the first block of the
   instance range in which nobody has a lease and nobody uses a port that is needed.
4. A block begins at a multiple of the block size from the first port of the range, and
   is as many block sizes long as the plan needs. Every port moves by the same amount.
5. A lease is kept as it is, also where it could by now be nearer to the plan. It grows
   with the plan, within its block or into free ports behind it, and does not shrink
   with it, as an older branch may be checked out; it moves only when it is relocated.
6. A fixed port does not move, and is in one lease at the most: the second checkout
   is refused, with the first one's name.
7. A shared port does not move, and conflicts with nobody. Whoever may have the plan
   as it stands also leases it, where nobody else has.
8. A number is never given to two leases, so that it can name a database.
9. A lease that is confirmed gone gives way to whoever needs its ports.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from portconf import plan as planning
from portconf.errors import BlocksExhaustedError, LeaseConflictError
from portconf.model import PortRange
from portconf.registry.others import Others
from portconf.registry.values import Facts, Lease, Obstacle, Wanted


if TYPE_CHECKING:
    from portconf.registry.protocol import Table


# So many of what was stepped over are kept with a lease, for `portconf why`.
_TOLD = 10


class OutdatedError(Exception):
    """Another checkout took the holder's key meanwhile: look again, then ask again."""


def find(table: "Table", wanted: Wanted) -> Lease | None:
    """
    Return the lease that a checkout has, or None.

    Raises:
        OutdatedError: If the key is another checkout's.
    """
    holder = wanted.holder
    lease = table.find(holder.namespace, holder.checkout, holder.project)
    if lease is None:
        known = table.at(holder.namespace, holder.root, holder.project)
        return next((each for each in known if each.number in wanted.succeeds), None)
    if lease.holder.root != holder.root and lease.number not in wanted.succeeds:
        raise OutdatedError
    return lease


def decide(table: "Table", wanted: Wanted, facts: Facts) -> Lease:
    """
    Return the lease that a checkout is to have, without keeping it.

    Args:
        table: The leases; nothing of it is changed.
        wanted: What the checkout needs.
        facts: What was seen of the machine.

    Returns:
        What it has by now, where nothing has to change.

    Raises:
        LeaseConflictError: If a port that cannot move is another checkout's.
        BlocksExhaustedError: If there is no place for it.
        OutdatedError: If the checkout's key is another's by now.
    """
    kept = find(table, wanted)
    others = Others(table, wanted.holder.namespace, kept, facts)
    refuse_fixed(wanted, others)
    rested: dict[int, str] = {}
    if kept and not wanted.relocate:
        rested = _resting(kept, wanted)
        lease = _grown(kept, wanted, others)
    else:
        lease = _chosen(kept, wanted, others)
    return replace(
        lease,
        number=kept.number if kept else 0,
        holder=wanted.holder,
        anchors=wanted.anchors,
        ports={**rested, **lease.ports, **_still(wanted, others)},
    )


def grant(table: "Table", wanted: Wanted, facts: Facts) -> Lease:
    """Keep what `decide` returns; what it takes and raises is the same."""
    lease = decide(table, wanted, facts)
    if lease == find(table, wanted):
        return lease
    for number in facts.gone:
        table.drop(number)
    return table.save(lease)


def refuse_fixed(wanted: Wanted, others: Others) -> None:
    """
    Apply rule 6.

    Raises:
        LeaseConflictError: If another checkout has one of the fixed ports.
    """
    for name, port in wanted.fixed.items():
        other = others.holding([port]).get(port)
        if other:
            raise LeaseConflictError(
                f"port {port} is fixed for {name!r}, but {other.who} has it",
                port=port,
                service=name,
                holder=other.holder.folder,
                hint=f"run 'portconf release --checkout {other.holder.folder}', or declare"
                " the service with shared = true or without port",
            )


def _resting(kept: Lease, wanted: Wanted) -> dict[int, str]:
    """Return the ports of services that are not in the plan at present (rule 5)."""
    planned = {*wanted.moving, *wanted.fixed, *wanted.shared, *wanted.given_up}
    used = kept.service_ports()
    return {port: name for port, name in used.items() if name not in planned}


def _still(wanted: Wanted, others: Others) -> dict[int, str]:
    """Return the ports that do not move, and are claimed (rules 6 and 7)."""
    claimed = _by_port(wanted.fixed)
    if wanted.base:
        held = others.holding(wanted.shared.values())
        shared = {
            name: port for name, port in wanted.shared.items() if port not in held
        }
        claimed |= _by_port(shared)
    return claimed


def _grown(kept: Lease, wanted: Wanted, others: Others) -> Lease:
    """Let a lease follow its plan without moving (rule 5)."""
    ports = {name: port + kept.shift for name, port in wanted.moving.items()}
    new = {name: port for name, port in ports.items() if port not in kept.ports}
    held = others.holding(new.values())
    for name, port in new.items():
        if port in held:
            reason = f"{held[port].who} is in the way"
            raise _cramped(name, port, reason, held[port])
    still = _by_port({**wanted.fixed, **wanted.shared})
    for name, port in ports.items():
        if port in still:
            raise _cramped(name, port, f"{still[port]!r} has it, which does not move")
    if kept.block is None:
        return replace(kept, ports=_by_port(ports))
    if not new:
        return replace(kept, ports=_block_ports(kept.block, ports))
    port, name = max((port, name) for name, port in new.items())
    block = _reaching(kept.block, port, wanted.size)
    if min(new.values()) < block.first or block.last > wanted.blocks.last:
        raise _cramped(name, port, "no block reaches there")
    for lease in others.holding(block.ports()).values():
        raise _cramped(name, port, f"{lease.who} is in the way", lease)
    unfit = barred(range(kept.block.last + 1, block.last + 1), wanted)
    if unfit:
        raise _cramped(name, port, unfit)
    return replace(kept, block=block, ports=_block_ports(block, ports))


def _reaching(block: PortRange, port: int, size: int) -> PortRange:
    """Return a block made longer by whole sizes, until it holds ``port``."""
    lacking = max(0, port - block.last)
    return PortRange(first=block.first, last=block.last + -(-lacking // size) * size)


def _cramped(
    name: str, port: int, reason: str, other: Lease | None = None
) -> LeaseConflictError:
    return LeaseConflictError(
        f"this checkout's lease cannot grow to port {port} for {name!r}: {reason}",
        port=port,
        service=name,
        holder=other.holder.folder if other else None,
        hint="move the checkout to another block: portconf init --relocate",
    )


def _chosen(kept: Lease | None, wanted: Wanted, others: Others) -> Lease:
    """Choose a place (rules 2 to 4)."""
    why = "a linked worktree leaves the plan's own ports to the main checkout"
    if wanted.base and kept and kept.block is None:
        why = "'portconf init --relocate' gave the plan's own ports up"
    elif wanted.base:
        obstacle = others.in_the_way(wanted.moving)
        if obstacle is None:
            ports = _by_port(wanted.moving)
            return Lease(holder=wanted.holder, ports=ports, since=others.facts.now)
        why = obstacle
    span = wanted.span
    obstacles = [Obstacle(first=span.first, last=span.last, reason=why)]
    block = _free_block(wanted, others, obstacles)
    shift = block.first - span.first
    moved = {name: port + shift for name, port in wanted.moving.items()}
    return Lease(
        holder=wanted.holder,
        shift=shift,
        block=block,
        ports=_block_ports(block, moved),
        since=others.facts.now,
        obstacles=tuple(obstacles[: _TOLD + 1]),
    )


def _free_block(wanted: Wanted, others: Others, obstacles: list[Obstacle]) -> PortRange:
    """Return the first block that is to be had; tell of those stepped over."""
    size = -(-len(wanted.span) // wanted.size) * wanted.size
    taken = others.taken(wanted.blocks)
    # Whole blocks at a time: thousands of ports take too long one by one.
    full = {(port - wanted.blocks.first) // wanted.size for port in taken}
    for start in _starts(wanted, size):
        nth = (start - wanted.blocks.first) // wanted.size
        leased = not full.isdisjoint(range(nth, nth + size // wanted.size))
        if leased and len(obstacles) > _TOLD:
            continue  # nobody will read who has it, and asking costs
        block = PortRange(first=start, last=start + size - 1)
        reason = _lessee(block, others) if leased else _unfit(block, wanted, others)
        if reason is None:
            return block
        obstacles.append(Obstacle(first=start, last=block.last, reason=reason))
    raise BlocksExhaustedError(
        first=wanted.blocks.first,
        last=wanted.blocks.last,
        size=size,
        taken=len(taken),
    )


def _starts(wanted: Wanted, size: int) -> Iterator[int]:
    """Yield where a block may begin, from the ``nth`` on and round."""
    starts = range(wanted.blocks.first, wanted.blocks.last - size + 2, wanted.size)
    turn = wanted.nth % len(starts) if starts else 0
    yield from starts[turn:]
    yield from starts[:turn]


def _lessee(block: PortRange, others: Others) -> str:
    lease = next(iter(others.holding(block.ports()).values()), None)
    return f"leased to {lease.who}" if lease else "this checkout's own until now"


def _unfit(block: PortRange, wanted: Wanted, others: Others) -> str | None:
    """Return why a block that nobody has leased is not to be had, or None."""
    reason = barred(block.ports(), wanted)
    if reason:
        return reason
    shift = block.first - wanted.span.first
    moved = {name: port + shift for name, port in wanted.moving.items()}
    return others.in_the_way(moved)


def barred(ports: range, wanted: Wanted) -> str | None:
    """Return why ports are never for a block of this checkout, or None."""
    # What the main checkout has not leased yet is not for its worktrees.
    planned = (*wanted.moving.values(), *wanted.fixed.values(), *wanted.shared.values())
    if any(port in ports for port in planned):
        return "this project's own plan has ports in it"
    for port in ports:
        reason = planning.why_not(port)
        if reason:
            return f"{port}: {reason}"
    return None


def _by_port(ports: Mapping[str, int]) -> dict[int, str]:
    return {port: name for name, port in ports.items()}


def _block_ports(block: PortRange, used: Mapping[str, int]) -> dict[int, str]:
    """Return every port of a block, with the service that uses it."""
    return dict.fromkeys(block.ports(), "") | _by_port(used)
