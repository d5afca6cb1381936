"""The rules of leases, over a table in memory."""

from dataclasses import replace
from typing import Any

import pytest
from fakes import MemoryTable, make_holder, make_wanted

from portconf.errors import BlocksExhaustedError, LeaseConflictError
from portconf.model import PortRange
from portconf.registry.lease import OutdatedError, decide, find, grant
from portconf.registry.values import Facts, Lease, Wanted


NOTHING = Facts()
TREE: dict[str, Any] = {"base": False}
"""A linked worktree."""


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable()


def take(
    table: MemoryTable, *words: Any, facts: Facts = NOTHING, **fields: Any
) -> Lease:
    """Grant a lease: words and fields as `make_wanted` takes them."""
    return grant(table, make_wanted(*words, **fields), facts)


def reasons(lease: Lease) -> list[str]:
    return [f"{each.first}-{each.last}: {each.reason}" for each in lease.obstacles]


def test_a_main_checkout_gets_the_plan_as_it_stands(table):
    lease = take(table, "shop", 4000, 4001)

    assert (lease.shift, lease.block, lease.instance) == (0, None, 0)
    assert lease.ports == {4000: "a", 4001: "b"}
    assert lease.obstacles == ()
    assert table.all() == (lease,)


def test_a_linked_worktree_leaves_the_plan_to_the_main_checkout(table):
    lease = take(table, "tree", 4000, 4001, **TREE)

    assert (lease.shift, lease.block) == (16000, PortRange(first=20000, last=20009))
    assert lease.service_ports() == {20000: "a", 20001: "b"}
    assert {*lease.ports} == {*range(20000, 20010)}
    assert lease.instance == lease.number > 0
    assert reasons(lease) == [
        "4000-4001: a linked worktree leaves the plan's own ports to the main checkout"
    ]


def test_what_is_decided_is_not_kept(table):
    lease = decide(table, make_wanted("shop", 4000), NOTHING)

    assert lease.ports == {4000: "a"}
    assert lease.number == 0
    assert table.all() == ()


def test_granting_again_changes_nothing(table):
    first = take(table, "tree", 4000, **TREE, facts=Facts(now=1.0))
    before = table.copy()

    again = take(table, "tree", 4000, **TREE, facts=Facts(now=9.0))

    assert again == first
    assert table.leases == before.leases
    assert table.given == before.given


def test_where_another_lease_has_one_port_the_whole_checkout_moves(table):
    theirs = take(table, "theirs", 4001)

    lease = take(table, "shop", 4000, 4001)

    assert lease.service_ports() == {20000: "a", 20001: "b"}
    assert reasons(lease) == [
        "4000-4001: 4001 (b) is leased to theirs at /home/you/theirs"
    ]
    assert table.all() == (theirs, lease)


def test_where_a_port_is_in_use_the_whole_checkout_moves(table):
    lease = take(table, "shop", 4000, 4001, facts=Facts(in_use={4001: "pid 7 listens"}))

    assert lease.service_ports() == {20000: "a", 20001: "b"}
    assert reasons(lease) == ["4000-4001: 4001 (b): pid 7 listens"]


def test_another_project_on_other_ports_is_not_in_the_way(table):
    take(table, "theirs", 4001)

    assert take(table, "shop", 4000, 4002).shift == 0


def test_a_network_of_its_own_has_ports_of_its_own(table):
    take(table, "shop", 4000)
    holder = make_holder("shop", namespace="container")

    assert take(table, "shop", 4000, holder=holder).shift == 0


def test_the_first_free_block_is_taken(table):
    for name in ("one", "two", "three"):
        take(table, name, 4000, **TREE)
    two = next(each for each in table.all() if each.holder.name == "two")
    table.drop(two.number)

    lease = take(table, "four", 4000, **TREE)

    assert lease.block == PortRange(first=20010, last=20019)
    assert reasons(lease)[1:] == ["20000-20009: leased to one at /home/you/one"]


def test_a_block_in_which_a_needed_port_is_in_use_is_stepped_over(table):
    facts = Facts(in_use={20001: "pid 7 listens"})

    needed = take(table, "one", 4000, 4001, facts=facts, **TREE)
    not_needed = take(table, "two", 4000, facts=facts, **TREE)

    assert needed.block == PortRange(first=20010, last=20019)
    assert reasons(needed)[1:] == ["20000-20009: 20001 (b): pid 7 listens"]
    assert not_needed.block == PortRange(first=20000, last=20009)


def test_a_block_holds_no_port_that_browsers_refuse(table):
    blocks = PortRange(first=6660, last=6699)

    lease = take(table, "tree", 4000, **TREE, blocks=blocks)

    assert lease.block == PortRange(first=6680, last=6689)
    assert reasons(lease)[1].startswith("6660-6669: 6665: ")


def test_a_block_holds_none_of_the_plans_own_ports(table):
    own: dict[str, Any] = {"fixed": {"pin": 5115}, "shared": {"all": 5175}}
    blocks = PortRange(first=5100, last=5199)

    lease = take(table, "tree", 5100, 5129, **TREE, first=5100, blocks=blocks, **own)

    assert lease.block == PortRange(first=5130, last=5159)


def test_a_block_is_as_many_sizes_long_as_the_plan_needs(table):
    lease = take(table, "tree", 4000, 4010, **TREE)

    assert lease.block == PortRange(first=20000, last=20019)
    assert lease.service_ports() == {20000: "a", 20010: "b"}


def test_a_block_begins_where_the_plan_does_also_below_its_base_port(table):
    lease = take(table, "tree", 3999, 4001, **TREE)

    assert lease.shift == 16001
    assert lease.service_ports() == {20000: "a", 20002: "b"}


def test_blocks_begin_at_multiples_of_the_size_also_long_ones(table):
    take(table, "one", 4000, **TREE)

    lease = take(table, "two", 4000, 4015, **TREE)

    assert lease.block == PortRange(first=20010, last=20029)


def test_a_block_does_not_reach_beyond_the_range(table):
    with pytest.raises(BlocksExhaustedError) as caught:
        take(
            table,
            "tree",
            4000,
            4005,
            **TREE,
            blocks=PortRange(first=1, last=65535),
            size=65536,
        )

    assert "no free block of 65536 ports" in caught.value.message


def test_a_full_range_is_refused_and_says_so(table):
    for number in range(10):
        take(table, f"tree{number}", 4000, **TREE)
    before = table.copy().leases

    with pytest.raises(BlocksExhaustedError) as caught:
        take(table, "last", 4000, **TREE)

    error = caught.value
    assert (error.exit_code, error.first, error.last, error.size) == (
        5,
        20000,
        20099,
        10,
    )
    assert "100 of its ports are leased" in error.message
    assert "portconf gc" in (error.hint or "")
    assert table.leases == before


def test_the_search_can_begin_in_the_middle_and_goes_round(table):
    begun = [take(table, f"t{n}", 4000, **TREE, nth=108).block for n in range(10)]

    firsts = [block.first for block in begun if block]
    assert firsts == [20080, 20090, *range(20000, 20080, 10)]


def test_few_of_many_obstacles_are_told(table):
    blocks = PortRange(first=20000, last=20999)
    for number in range(60):
        take(table, f"tree{number}", 4000, **TREE, blocks=blocks)

    lease = take(table, "last", 4000, **TREE, blocks=blocks)

    assert lease.block == PortRange(first=20600, last=20609)
    assert len(lease.obstacles) < 15
    assert reasons(lease)[1] == "20000-20009: leased to tree0 at /home/you/tree0"


def test_a_lease_stays_also_where_it_could_be_nearer_to_the_plan(table):
    theirs = take(table, "theirs", 4000)
    shifted = take(table, "shop", 4000)
    table.drop(theirs.number)

    assert take(table, "shop", 4000) == shifted


def test_a_lease_stays_also_where_somebody_listens_by_now(table):
    lease = take(table, "tree", 4000, **TREE)

    facts = Facts(in_use={20000: "pid 7 listens", 4000: "pid 8 listens"})
    assert take(table, "tree", 4000, **TREE, facts=facts) == lease


def test_a_lease_of_the_plan_grows_with_it(table):
    first = take(table, "shop", 4000)

    grown = take(table, "shop", 4000, 4001, 4555)

    assert grown == replace(first, ports={4000: "a", 4001: "b", 4555: "c"})
    assert table.all() == (grown,)


def test_a_lease_keeps_what_an_older_branch_does_not_plan(table):
    more = take(table, "shop", 4000, 4001)

    less = take(table, "shop", 4000)

    assert less == more
    assert take(table, "other", 4001).shift != 0


def test_a_lease_of_the_plan_gives_back_what_was_given_up(table):
    take(table, "shop", 4000, 4001)

    less = take(table, "shop", 4000, given_up=frozenset({"b"}))

    assert less.ports == {4000: "a"}
    assert take(table, "other", 4001).shift == 0


def test_a_lease_of_the_plan_does_not_grow_into_anothers(table):
    take(table, "shop", 4000)
    take(table, "theirs", 4001)
    before = table.copy().leases

    with pytest.raises(LeaseConflictError) as caught:
        take(table, "shop", 4000, 4001)

    error = caught.value
    assert error.message == (
        "this checkout's lease cannot grow to port 4001 for 'b':"
        " theirs at /home/you/theirs is in the way"
    )
    assert (error.port, error.service, error.holder) == (4001, "b", "/home/you/theirs")
    assert "init --relocate" in (error.hint or "")
    assert table.leases == before


def test_a_block_is_filled_without_becoming_longer(table):
    first = take(table, "tree", 4000, **TREE)

    grown = take(table, "tree", 4000, 4009, **TREE)

    assert (grown.block, grown.number, grown.shift) == (
        first.block,
        first.number,
        16000,
    )
    assert grown.service_ports() == {20000: "a", 20009: "b"}


def test_a_block_becomes_longer_into_free_ports_behind_it(table):
    first = take(table, "tree", 4000, **TREE)

    grown = take(table, "tree", 4000, 4010, **TREE)

    assert grown.block == PortRange(first=20000, last=20019)
    assert {*grown.ports} == {*range(20000, 20020)}
    assert (grown.number, grown.shift) == (first.number, first.shift)
    assert take(table, "next", 4000, **TREE).block == PortRange(first=20020, last=20029)


def test_a_block_does_not_grow_into_anothers(table):
    take(table, "tree", 4000, **TREE)
    take(table, "next", 4000, **TREE)

    with pytest.raises(
        LeaseConflictError, match="next at /home/you/next is in the way"
    ):
        take(table, "tree", 4000, 4010, **TREE)


def test_a_block_does_not_grow_around_a_port_of_anothers(table):
    take(table, "tree", 4000, **TREE)
    take(table, "pinned", 4500, fixed={"pin": 20015})

    with pytest.raises(LeaseConflictError, match="pinned at /home/you/pinned is in"):
        take(table, "tree", 4000, 4010, **TREE)


def test_a_block_does_not_grow_over_the_end_of_the_range(table):
    blocks = PortRange(first=20000, last=20014)
    take(table, "tree", 4000, **TREE, blocks=blocks)

    with pytest.raises(LeaseConflictError, match="no block reaches there"):
        take(table, "tree", 4000, 4010, **TREE, blocks=blocks)


def test_a_block_does_not_grow_downwards(table):
    take(table, "tree", 4000, **TREE)

    with pytest.raises(LeaseConflictError, match="no block reaches there"):
        take(table, "tree", 3999, 4000, **TREE)


def test_a_block_does_not_grow_onto_a_port_that_browsers_refuse(table):
    fields: dict[str, Any] = {**TREE, "blocks": PortRange(first=6650, last=6699)}
    take(table, "tree", 4000, **fields)

    with pytest.raises(LeaseConflictError):
        take(table, "tree", 4000, 4015, **fields)  # 6665


def test_a_block_does_not_grow_onto_the_plans_own_ports(table):
    fields: dict[str, Any] = {**TREE, "blocks": PortRange(first=3980, last=4039)}
    first = take(table, "tree", 4000, **fields)
    assert first.block == PortRange(first=3980, last=3989)

    with pytest.raises(LeaseConflictError):
        take(table, "tree", 4000, 4020, **fields)  # it would reach 4000 itself


@pytest.mark.parametrize("kind", ["fixed", "shared"])
def test_a_port_that_does_not_move_is_no_other_services_of_the_checkout(kind, table):
    take(table, "tree", 4000, **TREE)
    still: dict[str, Any] = {kind: {"pin": 20000}}

    with pytest.raises(LeaseConflictError):
        take(table, "tree", 4000, **TREE, **still)

    moved = take(table, "tree", 4000, **TREE, **still, relocate=True)
    assert moved.service_ports()[20010] == "a"


def test_a_block_grows_into_what_is_gone(table):
    first = take(table, "tree", 4000, **TREE)
    gone = take(table, "gone", 4000, **TREE)
    facts = Facts(gone=frozenset({gone.number}))

    grown = take(table, "tree", 4000, 4010, **TREE, facts=facts)

    assert grown.block == PortRange(first=20000, last=20019)
    assert (grown.number, table.all()) == (first.number, (grown,))


def test_a_block_stays_as_long_as_it_is_when_services_go(table):
    take(table, "tree", 4000, 4010, **TREE)

    less = take(table, "tree", 4000, **TREE)

    assert less.block == PortRange(first=20000, last=20019)
    assert less.service_ports() == {20000: "a"}


def test_relocating_leaves_the_plan_for_a_block(table):
    first = take(table, "shop", 4000)

    moved = take(table, "shop", 4000, relocate=True)

    assert (moved.number, moved.shift) == (first.number, 16000)
    assert "portconf init --relocate" in reasons(moved)[0]
    assert table.all() == (moved,)


def test_relocating_leaves_a_block_for_another_one(table):
    first = take(table, "tree", 4000, **TREE)

    moved = take(table, "tree", 4000, **TREE, relocate=True)

    assert moved.number == first.number
    assert moved.block == PortRange(first=20010, last=20019)
    assert reasons(moved)[1:] == ["20000-20009: this checkout's own until now"]
    assert take(table, "heir", 4000, **TREE).block == first.block


def test_relocating_a_shifted_main_checkout_goes_back_to_the_plan_if_it_can(table):
    theirs = take(table, "theirs", 4000)
    take(table, "shop", 4000)
    table.drop(theirs.number)

    back = take(table, "shop", 4000, relocate=True)

    assert (back.shift, back.block, back.ports) == (0, None, {4000: "a"})


def test_a_relocation_that_finds_no_place_changes_nothing(table):
    blocks = PortRange(first=20000, last=20009)
    take(table, "tree", 4000, **TREE, blocks=blocks)
    before = table.copy().leases

    with pytest.raises(BlocksExhaustedError):
        take(table, "tree", 4000, **TREE, blocks=blocks, relocate=True)

    assert table.leases == before


def test_a_fixed_port_does_not_move_with_the_checkout(table):
    lease = take(table, "tree", 4000, **TREE, fixed={"pin": 5432})

    assert lease.service_ports() == {5432: "pin", 20000: "a"}
    moved = take(table, "tree", 4000, **TREE, fixed={"pin": 5432}, relocate=True)
    assert moved.service_ports() == {5432: "pin", 20010: "a"}


@pytest.mark.parametrize("fields", [{}, TREE])
def test_a_fixed_port_is_one_checkouts_and_the_second_is_told_whose(fields, table):
    take(table, "first", 4000, fixed={"pin": 5432})
    before = table.copy().leases

    with pytest.raises(LeaseConflictError) as caught:
        take(table, "second", 4001, fixed={"db": 5432}, **fields)

    error = caught.value
    assert error.message == (
        "port 5432 is fixed for 'db', but first at /home/you/first has it"
    )
    assert (error.port, error.service, error.holder) == (5432, "db", "/home/you/first")
    assert "portconf release --checkout /home/you/first" in (error.hint or "")
    assert table.leases == before


def test_a_service_that_becomes_fixed_is_refused_where_another_has_it(table):
    take(table, "first", 4000, fixed={"pin": 5432})
    take(table, "second", 4001)

    with pytest.raises(LeaseConflictError):
        take(table, "second", 4001, fixed={"db": 5432})


def test_a_fixed_port_may_lie_in_no_block_of_another(table):
    take(table, "pinned", 4000, fixed={"pin": 20005})

    lease = take(table, "tree", 4000, **TREE)

    assert lease.block == PortRange(first=20010, last=20019)


def test_a_shared_port_is_the_main_checkouts_and_conflicts_with_nobody(table):
    shared = {"db": 5432}

    tree = take(table, "tree", 4000, **TREE, shared=shared)
    main = take(table, "shop", 4000, shared=shared)
    other = take(table, "other", 4500, shared=shared)

    assert 5432 not in tree.ports
    assert main.ports == {4000: "a", 5432: "db"}
    assert other.ports == {4500: "a"}
    assert (main.shift, other.shift) == (0, 0)


def test_a_shared_port_is_leased_once_it_is_free(table):
    first = take(table, "first", 4000, shared={"db": 5432})
    take(table, "second", 4500, shared={"db": 5432})
    table.drop(first.number)

    lease = take(table, "second", 4500, shared={"db": 5432})

    assert lease.ports == {4500: "a", 5432: "db"}


def test_a_shared_port_moves_neither_with_a_shifted_main_checkout(table):
    take(table, "theirs", 4000)

    lease = take(table, "shop", 4000, shared={"db": 5432})

    assert lease.service_ports() == {5432: "db", 20000: "a"}


def test_a_number_is_not_given_again(table):
    first = take(table, "one", 4000, **TREE)
    table.drop(first.number)

    assert take(table, "two", 4000, **TREE).number > first.number


def test_a_checkout_that_is_gone_gives_way(table):
    gone = take(table, "gone", 4000)

    lease = take(table, "shop", 4000, facts=Facts(gone=frozenset({gone.number})))

    assert lease.shift == 0
    assert table.all() == (lease,)


def test_a_checkout_that_is_gone_gives_its_block_and_its_fixed_port(table):
    blocks = PortRange(first=20000, last=20009)
    gone = take(table, "gone", 4000, **TREE, blocks=blocks, fixed={"pin": 5432})
    facts = Facts(gone=frozenset({gone.number}))

    lease = take(
        table, "tree", 4000, **TREE, blocks=blocks, fixed={"pin": 5432}, facts=facts
    )

    assert lease.service_ports() == {5432: "pin", 20000: "a"}


def test_nobody_gives_way_to_who_has_what_it_needs(table):
    gone = take(table, "gone", 4000, **TREE)
    take(table, "tree", 4000, **TREE)
    before = table.copy().leases

    take(table, "tree", 4000, **TREE, facts=Facts(gone=frozenset({gone.number})))

    assert table.leases == before


def test_nobody_gives_way_to_who_is_refused(table):
    gone = take(table, "gone", 4000, **TREE)
    take(table, "first", 4000, fixed={"pin": 5432})
    before = table.copy().leases

    with pytest.raises(LeaseConflictError):
        take(
            table,
            "tree",
            4000,
            **TREE,
            fixed={"pin": 5432},
            facts=Facts(gone=frozenset({gone.number})),
        )

    assert table.leases == before


def moved_to(name: str, wanted: Wanted, *, succeeds: int | None = None) -> Wanted:
    """Return what the checkout wants from another folder, with the same key."""
    holder = replace(wanted.holder, root=f"/home/you/{name}")
    numbers = frozenset({succeeds} if succeeds else ())
    return replace(wanted, holder=holder, succeeds=numbers)


def test_a_moved_worktree_keeps_its_lease(table):
    wanted = make_wanted("tree", 4000, **TREE)
    first = grant(table, wanted, NOTHING)
    later = moved_to("elsewhere", wanted, succeeds=first.number)

    lease = grant(table, later, NOTHING)

    assert lease == replace(first, holder=later.holder)
    assert table.all() == (lease,)


def test_who_has_the_key_of_another_folder_has_to_look_again(table):
    wanted = make_wanted("tree", 4000, **TREE)
    grant(table, wanted, NOTHING)
    copy = moved_to("copy", wanted)

    with pytest.raises(OutdatedError):
        find(table, copy)
    with pytest.raises(OutdatedError):
        grant(table, copy, NOTHING)


def test_a_main_checkout_whose_git_directory_has_another_name_keeps_its_lease(table):
    wanted = make_wanted("shop", 4000)
    first = grant(table, wanted, NOTHING)
    holder = replace(wanted.holder, checkout="/moved/.git")
    later = replace(wanted, holder=holder, succeeds=frozenset({first.number}))

    lease = grant(table, later, NOTHING)

    assert lease == replace(first, holder=holder)
    assert table.all() == (lease,)


def test_a_lease_of_the_folder_that_is_not_succeeded_is_not_its(table):
    wanted = make_wanted("shop", 4000)
    grant(table, wanted, NOTHING)
    holder = replace(wanted.holder, checkout="/moved/.git")

    assert find(table, replace(wanted, holder=holder)) is None


def test_two_projects_of_one_checkout_have_leases_of_their_own(table):
    root = take(table, "shop", 4000)
    holder = make_holder("shop", project="api")

    inner = take(table, "shop", 4000, holder=holder)

    assert (root.shift, inner.shift) == (0, 16000)
    assert reasons(inner)[0].endswith("is leased to shop at /home/you/shop")


def test_a_plan_without_services_has_a_lease_without_ports(table):
    main, tree = take(table, "shop"), take(table, "tree", **TREE)

    assert main.ports == {}
    assert tree.service_ports() == {}
    assert tree.block == PortRange(first=20000, last=20009)
