"""Leases, compared with a model of plain sets after every step."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fakes import MemoryTable, make_holder
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from portconf.errors import BlocksExhaustedError, LeaseConflictError, PortconfError
from portconf.model import PortRange
from portconf.registry.lease import decide, find, grant
from portconf.registry.runs import STEP, adopt, grant as grant_runs
from portconf.registry.values import Facts, Lease, Run, Wanted


# Seven blocks of ten, of which browsers refuse ports in the second, third and fifth.
FIRST, LAST, SIZE = 6655, 6724, 10
REFUSED = {6665, 6666, 6667, 6668, 6669, 6679, 6697}
# Few enough that checkouts meet on the plan's own ports as well as in the blocks.
BASES = {"one": 4000, "two": 4000, "three": 4004, "tree": 4000, "wood": 4004}
MAIN = ("one", "two", "three")
NAMES = st.sampled_from(sorted(BASES))
SERVICES = ("web", "db", "mq", "api")
# Where the sequence comes by, where blocks are, and where nobody is.
STILL = (4001, 4005, FIRST, FIRST + 55, LAST - 3, 5432)
LISTENED = st.sampled_from([4000, 4002, 4005, FIRST, FIRST + 1, FIRST + 30])


@dataclass
class Declared:
    """What one checkout declares."""

    base: int
    moving: dict[str, int] = field(default_factory=dict)
    fixed: dict[str, int] = field(default_factory=dict)
    shared: dict[str, int] = field(default_factory=dict)

    @property
    def own(self) -> set[int]:
        return {*self.moving.values(), *self.fixed.values(), *self.shared.values()}


@dataclass
class Kept:
    """What one checkout has, in the model: `block` is empty for the plan as it stands."""

    number: int
    shift: int
    block: set[int]
    ports: dict[int, str]


class Model:
    """
    The rules once more, said with sets.

    Of the runs it knows by number who has them, and which ports; not which are chosen.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.runs: dict[int, tuple[str, Run, set[int]]] = {}
        self.over: set[int] = set()
        self.gone: set[str] = set()
        self.in_use: set[int] = set()
        self.given = 0

    def others(self, name: str) -> set[int]:
        """Return the ports that count against a checkout."""
        passed = {name, *self.gone}
        kept = (e.ports for who, e in self.kept.items() if who not in passed)
        runs = (p for number, (_, _, p) in self.runs.items() if number not in self.over)
        return {port for ports in (*kept, *runs) for port in ports}

    def drop(self, name: str) -> None:
        """Forget all that is gone, but for what is of one checkout."""
        for who in self.gone - {name}:
            self.kept.pop(who, None)
        self.gone &= {name}
        for number in self.over:
            del self.runs[number]
        self.over.clear()

    def take(
        self, name: str, declared: Declared, *, relocate: bool
    ) -> type[PortconfError] | None:
        """Give a checkout its lease, or change nothing and return the error."""
        others, kept = self.others(name), self.kept.get(name)
        found: tuple[int, set[int]] | type[PortconfError]
        if others & {*declared.fixed.values()}:
            return LeaseConflictError
        if kept and not relocate:
            found = self.grown(kept, declared, others)
        else:
            found = self.chosen(name, declared, others)
        if isinstance(found, type):
            return found
        shift, block = found
        ports = dict.fromkeys(sorted(block), "")
        ports |= {port + shift: who for who, port in declared.moving.items()}
        ports |= {port: who for who, port in declared.fixed.items()}
        if name in MAIN:
            free = {w: p for w, p in declared.shared.items() if p not in others}
            ports |= {port: who for who, port in free.items()}
        if kept and not relocate:
            planned = {*declared.moving, *declared.fixed, *declared.shared}
            rests = {p: w for p, w in kept.ports.items() if w and w not in planned}
            ports = rests | ports
        number = kept.number if kept else self.given + 1
        new = Kept(number, shift, block, ports)
        if new != kept:
            self.given = max(self.given, number)
            self.drop(name)
            self.kept[name] = new
        return None

    def grown(
        self, kept: Kept, declared: Declared, others: set[int]
    ) -> tuple[int, set[int]] | type[PortconfError]:
        moved = {port + kept.shift for port in declared.moving.values()}
        still = {*declared.fixed.values(), *declared.shared.values()}
        if moved & still or (moved - {*kept.ports}) & others:
            return LeaseConflictError
        if not kept.block:
            return kept.shift, set()
        block = set(kept.block)
        while max(moved, default=0) > max(block):
            block |= {max(block) + 1 + each for each in range(SIZE)}
        added = block - kept.block
        if min(moved, default=LAST) < min(block) or max(block) > LAST:
            return LeaseConflictError
        return (
            LeaseConflictError
            if added & (others | REFUSED | declared.own)
            else (kept.shift, block)
        )

    def chosen(
        self, name: str, declared: Declared, others: set[int]
    ) -> tuple[int, set[int]] | type[PortconfError]:
        kept = self.kept.get(name)
        wanted = {*declared.moving.values()}
        leaves = kept is not None and not kept.block
        if name in MAIN and not leaves and not wanted & (others | self.in_use):
            return 0, set()
        first, last = min(wanted | {declared.base}), max(wanted | {declared.base})
        sizes = (last - first) // SIZE + 1
        barred = others | REFUSED | declared.own | {*(kept.ports if kept else ())}
        for start in range(FIRST, LAST + 1, SIZE):
            block = {*range(start, start + sizes * SIZE)}
            used = {port - first + start for port in wanted} & self.in_use
            if max(block) <= LAST and not block & barred and not used:
                return start - first, block
        return BlocksExhaustedError


class LeaseMachine(RuleBasedStateMachine):
    """Every step asks the rules and the model, and both have to say the same."""

    def __init__(self) -> None:
        super().__init__()
        self.table = MemoryTable()
        self.model = Model()
        self.declared = {name: Declared(base) for name, base in BASES.items()}
        self.numbers: dict[int, str] = {}

    def wanted(self, name: str, *, relocate: bool = False) -> Wanted:
        declared = self.declared[name]
        return Wanted(
            holder=make_holder(name, linked=name not in MAIN),
            base=name in MAIN,
            moving=dict(declared.moving),
            fixed=dict(declared.fixed),
            shared=dict(declared.shared),
            first=declared.base,
            blocks=PortRange(first=FIRST, last=LAST),
            size=SIZE,
            relocate=relocate,
        )

    def facts(self, name: str) -> Facts:
        gone = {self.model.kept[each].number for each in self.model.gone - {name}}
        return Facts(
            in_use=dict.fromkeys(self.model.in_use, "somebody"),
            gone=frozenset(gone | self.model.over),
        )

    def lease(self, name: str) -> Lease | None:
        return find(self.table, self.wanted(name))

    def take(self, name: str, *, relocate: bool = False) -> None:
        """Let a checkout take, grow or move its lease: the model says what comes out."""
        before, had = dict(self.table.leases), self.lease(name)
        self.model.gone.discard(name)  # who asks is there
        wanted, facts = self.wanted(name, relocate=relocate), self.facts(name)
        told: Any = None
        expected = self.model.take(name, self.declared[name], relocate=relocate)

        if expected:
            with pytest.raises(expected):
                grant(self.table, wanted, facts)
            assert self.table.leases == before
            return
        told = decide(self.table, wanted, facts)
        lease = grant(self.table, wanted, facts)

        assert told.ports == lease.ports
        assert grant(self.table, self.wanted(name), Facts()) == lease
        if had and not relocate:
            assert lease.shift == had.shift
            assert (lease.block is None) == (had.block is None)
        if had and relocate:
            assert lease.shift != had.shift

    @rule(
        name=NAMES,
        count=st.integers(0, 4),
        low=st.sampled_from([0, 0, 0, -2]),
        far=st.sampled_from([0, 0, 1, 7, 9, 14]),
    )
    def plan(self, name: str, count: int, low: int, far: int) -> None:
        """Let a plan grow or shrink, the last of its services farther away; `init`."""
        ports = [self.declared[name].base + low + each for each in range(count)]
        if ports:
            ports[-1] += far
        declared = self.declared[name]
        still = {*declared.fixed.values(), *declared.shared.values()}
        # The plan itself gives no number twice.
        pairs = zip(SERVICES, ports, strict=False)
        declared.moving = {who: port for who, port in pairs if port not in still}
        self.take(name)

    @rule(
        name=NAMES,
        kind=st.sampled_from(["fixed", "shared"]),
        port=st.none() | st.sampled_from(STILL),
    )
    def pin(self, name: str, kind: str, port: int | None) -> None:
        """Declare a port that does not move, or none any more."""
        declared = self.declared[name]
        ports: dict[str, int] = getattr(declared, kind)
        ports.clear()
        if port is not None and port not in declared.own:
            ports[kind] = port

    @rule(name=NAMES)
    def init(self, name: str) -> None:
        self.take(name)

    @rule(name=NAMES)
    def relocate(self, name: str) -> None:
        self.take(name, relocate=True)

    @rule(name=NAMES, pid=st.integers(7, 8), parts=st.integers(1, 3))
    def isolate(self, name: str, pid: int, parts: int) -> None:
        """Let a process take leases for its parts; the rules say which."""
        self.model.gone.discard(name)
        wanted, facts = self.wanted(name), self.facts(name)
        fixed = {*self.declared[name].fixed.values()}
        table, others = self.table.copy(), self.model.others(name)
        places = self.places(name)
        asking = [Run(pid=pid, started=f"b/s/{pid}", part=str(n)) for n in range(parts)]

        try:
            given = grant_runs(table, wanted, facts, asking)
        except LeaseConflictError:
            assert others & fixed
            return
        except BlocksExhaustedError:
            assert parts > 1 or not places
            return

        assert not others & fixed
        self.table = table
        self.model.drop(name)
        for lease, run in zip(given, asking, strict=True):
            ports = {*lease.ports}
            assert frozenset(ports) in places
            assert (lease.holder, lease.run) == (wanted.holder, run)
            moved = {p + lease.shift: who for who, p in wanted.moving.items()}
            assert lease.service_ports() == dict(sorted(moved.items()))
            assert lease.number > self.model.given
            self.model.given = lease.number
            self.model.runs[lease.number] = (name, run, ports)

    def places(self, name: str) -> set[frozenset[int]]:
        """Return the blocks that a run of a checkout can have."""
        declared = self.declared[name]
        wanted = {*declared.moving.values()}
        first, last = min(wanted | {declared.base}), max(wanted | {declared.base})
        size = ((last - first) // STEP + 1) * STEP
        kept = self.model.kept.get(name)
        taken = self.model.others(name) | {*(kept.ports if kept else ())}
        return {
            frozenset(block)
            for start in range(FIRST, LAST - size + 2, STEP)
            if not (block := {*range(start, start + size)})
            & (taken | REFUSED | declared.own)
            and not {port - first + start for port in wanted} & self.model.in_use
        }

    @precondition(lambda self: bool(self.model.runs))
    @rule(data=st.data(), asked=st.sampled_from(["own", "another's"]))
    def adopted(self, data: st.DataObject, asked: str) -> None:
        """A worker asks for what was leased for it, or for what was not."""
        number = data.draw(st.sampled_from(sorted(self.model.runs)))
        name, run, ports = self.model.runs[number]
        heir = Run(pid=run.pid + 2, started=f"b/s/{run.pid + 2}", part=run.part)
        holder = make_holder(name, linked=name not in MAIN)

        offered = run if asked == "own" else replace(run, started="b/s/x")
        lease = adopt(self.table, holder, offered, heir)

        if asked != "own":
            assert lease is None
            return
        assert lease is not None
        assert lease.run == heir
        # Several may have been taken by the same words: the oldest is adopted.
        (old,) = {*self.model.runs} - {
            e.number for e in self.table.runs() if e != lease
        }
        _, _, ports = self.model.runs.pop(old)
        self.model.over.discard(old)
        self.model.given = max(self.model.given, lease.number)
        self.model.runs[lease.number] = (name, heir, ports)

    @precondition(lambda self: bool(self.model.runs))
    @rule(data=st.data(), how=st.sampled_from(["ended", "killed"]))
    def end(self, data: st.DataObject, how: str) -> None:
        """A run gives its lease up; or it is killed, and nobody has asked yet."""
        number = data.draw(st.sampled_from(sorted(self.model.runs)))
        if how == "killed":
            self.model.over.add(number)
            return
        del self.model.runs[number]
        self.model.over.discard(number)

        self.table.drop(number)

    @precondition(lambda self: bool(self.model.kept))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.kept)))
        kept = self.model.kept.pop(name)
        self.model.gone.discard(name)

        self.table.drop(kept.number)

    @precondition(lambda self: bool(self.model.kept))
    @rule(data=st.data())
    def vanish(self, data: st.DataObject) -> None:
        """A checkout is gone; it gives way, but nobody has asked yet."""
        self.model.gone.add(data.draw(st.sampled_from(sorted(self.model.kept))))

    @rule(port=LISTENED)
    def listen(self, port: int) -> None:
        self.model.in_use ^= {port}

    @invariant()
    def the_table_says_what_the_model_says(self) -> None:
        found = {}
        runs = {e.number: (e.holder.name, e.run, {*e.ports}) for e in self.table.runs()}
        for lease in self.table.all():
            if lease.run:
                continue
            block = {*lease.block.ports()} if lease.block else set()
            found[lease.holder.name] = Kept(
                lease.number, lease.shift, block, dict(lease.ports)
            )

        assert found == self.model.kept
        assert runs == self.model.runs

    @invariant()
    def no_port_is_in_two_leases(self) -> None:
        ports = [port for lease in self.table.all() for port in lease.ports]

        assert len({*ports}) == len(ports)

    @invariant()
    def a_number_is_one_checkouts_for_ever(self) -> None:
        for lease in self.table.all():
            name = lease.holder.name
            assert self.numbers.setdefault(lease.number, name) == name

    @invariant()
    def every_service_moves_by_the_shift_or_not_at_all(self) -> None:
        for lease in self.table.all():
            assert (lease.block is None) == (lease.shift == 0)
            assert not lease.run or lease.block
            assert lease.holder.name in MAIN or lease.block
            if lease.block:
                assert (lease.block.first - FIRST) % SIZE == 0
                assert len(lease.block) % SIZE == 0
                assert {*lease.block.ports()} <= {*lease.ports}
                assert lease.block.last <= LAST
                assert REFUSED.isdisjoint(lease.ports)
            for port, service in lease.ports.items():
                if service in ("fixed", "shared"):
                    assert port in STILL


TestLeases = LeaseMachine.TestCase
TestLeases.settings = settings(max_examples=100, stateful_step_count=40)
