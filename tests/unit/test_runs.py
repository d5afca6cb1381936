"""The rules of process leases, over a table in memory."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from fakes import MemoryTable, make_holder, make_wanted

from portconf.errors import BlocksExhaustedError, LeaseConflictError
from portconf.model import PortRange
from portconf.registry import lease as leasing
from portconf.registry.runs import adopt, grant
from portconf.registry.values import Facts, Lease, Run


NOTHING = Facts()
# `make_wanted` has ten places, of which the lower five end at 20049.
UPPER = {*range(20050, 20100, 10)}
ME = Run(pid=7, started="boot/space/1")


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable()


def take(
    table: MemoryTable,
    *ports: int,
    runs: int = 1,
    facts: Facts = NOTHING,
    name: str = "shop",
    **fields: Any,
) -> list[Lease]:
    """Grant leases to so many parts of one process."""
    asking = [replace(ME, part=f"gw{each}") for each in range(runs)]
    wanted = make_wanted(name, *(ports or (4000, 4001)), **fields)
    return list(grant(table, wanted, facts, asking))


def firsts(*leases: Lease) -> list[int]:
    return [each.block.first for each in leases if each.block]


def test_each_part_has_a_block_in_which_every_port_moves_by_one_amount(table):
    given = take(table, 4000, 4003, runs=3)

    assert table.all() == tuple(given)
    for lease in given:
        assert lease.block is not None
        first = lease.block.first
        assert {*lease.ports} == {*range(first, first + 10)}
        assert lease.service_ports() == {first: "a", first + 3: "b"}
        assert (lease.shift, lease.instance) == (first - 4000, lease.number)
    assert [each.run and each.run.part for each in given] == ["gw0", "gw1", "gw2"]
    assert len({*firsts(*given)}) == 3


@pytest.mark.parametrize(
    ("last", "size"), [(4000, 10), (4009, 10), (4010, 20), (4029, 30), (4030, 40)]
)
def test_a_block_is_the_span_of_the_plan_rounded_up_to_ten(last, size, table):
    (lease,) = take(table, 4000, last)

    assert lease.block is not None
    assert len(lease.block) == len(lease.ports) == size
    assert lease.block.first % 10 == 0


def test_long_blocks_of_one_process_lie_beside_each_other(table):
    given = take(table, 4000, 4011, runs=4)

    ports = [port for lease in given for port in lease.ports]
    assert len({*ports}) == len(ports) == 80


def test_a_plan_that_begins_below_its_first_port_is_spanned_whole(table):
    (lease,) = take(table, 3995, 4002)

    assert lease.block is not None
    first = lease.block.first
    assert lease.service_ports() == {first: "a", first + 7: "b"}


def test_all_are_given_or_none(table):
    take(table, runs=4)
    before = dict(table.leases)

    with pytest.raises(BlocksExhaustedError) as raised:
        take(table, runs=7)

    # The backend throws away what a rule did that raises: see the contract.
    assert raised.value.details() == {"first": 20000, "last": 20099, "size": 10}
    assert {n: table.leases[n] for n in before} == before


def test_the_upper_half_comes_first_and_the_lower_one_from_its_top(table):
    given = firsts(*take(table, runs=10))

    assert {*given[:5]} == UPPER
    assert given[5:] == [20040, 20030, 20020, 20010, 20000]


@pytest.mark.parametrize("last", [4001, 4011, 4025])
def test_no_port_that_was_let_go_is_the_next_ones_at_once(last, table):
    blocks = PortRange(first=20000, last=20999)
    used: list[set[int]] = []

    for _ in range(60):
        (lease,) = take(table, 4000, last, blocks=blocks)
        used.append({*lease.ports})
        table.drop(lease.number)

    for former, latter in pairwise(used):
        assert former.isdisjoint(latter)
    assert min(map(min, used)) >= 20470


def test_a_number_is_never_given_to_a_second_run(table):
    numbers = []

    for _ in range(12):
        (lease,) = take(table)
        numbers.append(lease.number)
        table.drop(lease.number)

    assert sorted({*numbers}) == numbers


def test_what_is_leased_planned_refused_by_browsers_or_in_use_is_stepped_over(table):
    blocks = PortRange(first=6650, last=6729)  # 6665-6669, 6679 and 6697 are refused
    leasing.grant(table, make_wanted("tree", 4000, base=False, blocks=blocks), NOTHING)
    used = Facts(in_use={6700: "pid 7 listens", 6712: "beside what is needed"})

    given = take(table, 4000, shared={"s": 6725}, runs=2, facts=used, blocks=blocks)

    assert sorted(firsts(*given)) == [6680, 6710]
    with pytest.raises(BlocksExhaustedError):
        take(table, 4000, shared={"s": 6725}, facts=used, blocks=blocks)


def test_a_port_beside_the_services_may_be_in_use_and_a_services_may_not(table):
    busy = dict.fromkeys(range(20000, 20100, 10), "pid 7 listens")

    (beside,) = take(table, 4000, 4001, first=3999, facts=Facts(in_use=busy))
    with pytest.raises(BlocksExhaustedError):
        take(table, 4000, facts=Facts(in_use=busy))

    assert beside.service_ports()


def test_other_networks_have_ports_of_their_own(table):
    take(table, runs=10)

    holder = make_holder(namespace="container")
    assert len(take(table, runs=10, holder=holder)) == 10


def test_what_is_gone_makes_room(table):
    given = take(table, runs=10)

    (lease,) = take(table, facts=Facts(gone=frozenset({given[3].number})))

    assert firsts(lease) == firsts(given[3])
    assert lease.number > given[-1].number
    assert given[3].number not in table.leases


def test_a_run_of_a_checkout_with_fixed_ports_leaves_them_to_it(table):
    own = leasing.grant(table, make_wanted("shop", 4000, fixed={"db": 5432}), NOTHING)

    (lease,) = take(table, 4000, fixed={"db": 5432}, shared={"mail": 2525})

    assert {5432, 2525}.isdisjoint(lease.ports)
    assert table.holding("net", [5432]) == {5432: own}


def test_a_run_is_refused_a_fixed_port_of_another_checkout(table):
    leasing.grant(table, make_wanted("theirs", 4100, fixed={"db": 5432}), NOTHING)

    with pytest.raises(LeaseConflictError, match="5432 is fixed for 'db'") as raised:
        take(table, 4000, fixed={"db": 5432})

    assert raised.value.holder == "/home/you/theirs"
    assert table.runs() == ()


def test_runs_keep_checkouts_out_of_their_ports_and_are_kept_out_of_theirs(table):
    takes = take(table, runs=3)

    trees = [
        leasing.grant(table, make_wanted(f"tree{n}", 4000, base=False), NOTHING)
        for n in range(7)
    ]

    ports = [port for each in (*takes, *trees) for port in each.ports]
    assert len({*ports}) == len(ports) == 100
    with pytest.raises(BlocksExhaustedError):
        take(table)


OFFERED = replace(ME, part="gw1")
HEIR = Run(pid=8, started="boot/space/2", part="gw1")


def test_a_worker_makes_what_its_controller_has_leased_its_own(table):
    first, second = take(table, runs=2)

    lease = adopt(table, make_holder(), OFFERED, HEIR)

    assert lease is not None
    assert (lease.run, lease.ports, lease.shift) == (HEIR, second.ports, second.shift)
    assert table.runs() == (first, lease)


def test_what_was_adopted_is_there_no_second_time(table):
    take(table, runs=2)

    adopted = [adopt(table, make_holder(), OFFERED, HEIR) for _ in range(2)]

    assert adopted[1] is None
    assert len(table.runs()) == 2


@pytest.mark.parametrize(
    ("holder", "offered"),
    [
        (make_holder("other"), OFFERED),
        (make_holder(namespace="container"), OFFERED),
        (make_holder(project="api"), OFFERED),
        (make_holder(), replace(OFFERED, pid=9)),
        (make_holder(), replace(OFFERED, started="boot/space/9")),
        (make_holder(), replace(OFFERED, part="gw9")),
    ],
    ids=["checkout", "network", "project", "controller", "its start", "part"],
)
def test_nobody_adopts_what_is_not_for_it(holder, offered, table):
    before = take(table, runs=2)

    assert adopt(table, holder, offered, HEIR) is None

    assert table.all() == tuple(before)


def test_a_worker_that_adopts_while_its_dead_controller_is_swept_keeps_its_ports(table):
    """Who saw the controller dead acts on it after the worker has asked."""
    take(table, runs=2)
    seen = Facts(gone=frozenset(each.number for each in table.runs()))
    adopted = adopt(table, make_holder(), OFFERED, HEIR)
    assert adopted is not None

    take(table, name="other", facts=seen)

    assert (
        adopted.ports.items()
        <= {
            port: name for each in table.runs() for port, name in each.ports.items()
        }.items()
    )
    assert any(each.run == HEIR for each in table.runs())
