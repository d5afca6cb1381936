"""
Which ports a run has on this machine: the rules, as functions of a table.

1. A process lease is a block of its own, as long as the plan's ports span, rounded up
   to ten. It ends with its process, and is dropped when the next lease is taken.
2. Runs come and go in the upper half of the instance range, one behind the other: the
   blocks of checkouts, which begin below, stay whole, and a port that one run has let
   go is not the next one's at once. The lower half is for when the upper one is full.
3. All blocks that are asked for are given, or none.
4. Fixed and shared ports do not move for a run either. A fixed port is of its checkout;
   a run is refused it where another checkout has it.
5. A worker makes what its controller has leased for it its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from portconf.errors import BlocksExhaustedError
from portconf.model import PortRange
from portconf.registry import lease as leasing
from portconf.registry.others import Others
from portconf.registry.values import Facts, Holder, Lease, Run, Wanted


if TYPE_CHECKING:
    from portconf.registry.protocol import Table


STEP = 10
"""Ports of which a block of a run has a multiple."""


def grant(
    table: "Table", wanted: Wanted, facts: Facts, runs: Sequence[Run]
) -> tuple[Lease, ...]:
    """
    Keep a lease for each of ``runs``, and drop those that are gone.

    Args:
        table: The leases.
        wanted: What the project needs; its block size is not looked at.
        facts: What was seen of the machine.
        runs: Who asks, mostly one process for several parts.

    Raises:
        LeaseConflictError: If a port that cannot move is another checkout's.
        BlocksExhaustedError: If there is no room for all of them.
    """
    for number in facts.gone:
        table.drop(number)
    holder, span = wanted.holder, wanted.span
    kept = table.find(holder.namespace, holder.checkout, holder.project)
    leasing.refuse_fixed(wanted, Others(table, holder.namespace, kept, facts))
    taken = {*table.taken(holder.namespace, wanted.blocks)}
    size = -(-len(span) // STEP) * STEP
    starts = _starts(
        wanted.blocks, size, turn=(wanted.nth + table.next_number()) * (size // STEP)
    )
    given: list[Lease] = []
    for run in runs:
        block = next(_free(starts, size, taken, wanted, facts), None)
        if block is None:
            raise BlocksExhaustedError(
                first=wanted.blocks.first,
                last=wanted.blocks.last,
                size=size,
                taken=len(taken),
            )
        taken.update(block.ports())
        used = {port - span.first + block.first: n for n, port in wanted.moving.items()}
        lease = Lease(
            holder=holder,
            shift=block.first - span.first,
            block=block,
            ports=dict.fromkeys(block.ports(), "") | used,
            since=facts.now,
            run=run,
        )
        given.append(table.save(lease))
    return tuple(given)


def adopt(table: "Table", holder: Holder, offered: Run, run: Run) -> Lease | None:
    """
    Make the lease that one process holds for another that other's.

    Args:
        table: The leases.
        holder: The checkout of both.
        offered: As which the lease is kept by now.
        run: Whose it is to be.

    Returns:
        The lease, or None where there is no such.
    """
    for lease in table.runs():
        if lease.run == offered and lease.holder == holder:
            # Who has seen its controller dead may be about to drop the old number.
            table.drop(lease.number)
            return table.save(replace(lease, number=0, run=run))
    return None


def _starts(blocks: PortRange, size: int, *, turn: int) -> Iterator[int]:
    """Yield where a block may begin: the upper half, going round; then the lower."""
    every = range(blocks.first, blocks.last - size + 2, STEP)
    lower, upper = every[: len(every) // 2], every[len(every) // 2 :]
    turn %= len(upper) or 1
    yield from upper[turn:]
    yield from upper[:turn]
    yield from reversed(lower)


def _free(
    starts: Iterator[int], size: int, taken: set[int], wanted: Wanted, facts: Facts
) -> Iterator[PortRange]:
    """Yield the blocks that nobody has leased and in which nobody uses our ports."""
    first = wanted.span.first
    for start in starts:
        ports = range(start, start + size)
        moved = (port - first + start for port in wanted.moving.values())
        if (
            taken.isdisjoint(ports)
            and facts.in_use.keys().isdisjoint(moved)
            and leasing.barred(ports, wanted) is None
        ):
            yield PortRange(first=start, last=start + size - 1)
