import pytest

from portconf.errors import ConfigError, PortConflictError, RangeExhaustedError
from portconf.model import Assignment, Change, Plan, PortRange, Service
from portconf.plan import (
    BROWSER_BLOCKED,
    begin,
    extend,
    release,
    resume,
    stepped_over,
    why_not,
)


LAST = 32767


def services(*declared: str) -> tuple[Service, ...]:
    """Return services, of which "web=4010" is one with a fixed port."""
    pairs = [text.partition("=") for text in declared]
    return tuple(
        Service(name=name, port=int(port) if port else None) for name, _, port in pairs
    )


def planned(*declared: str, base: int = 4000) -> Plan:
    plan, _ = extend(begin(base), services(*declared), last_port=LAST)
    return plan


def plan_of(*, next_port: int, released: tuple[int, ...] = (), **ports: int) -> Plan:
    return Plan(
        base_port=4000,
        next_port=next_port,
        services={name: Assignment(port=port) for name, port in ports.items()},
        released=released,
    )


def ports(plan: Plan) -> dict[str, int]:
    return {name: each.port for name, each in plan.services.items()}


# Rule 1: in sequence.


def test_the_first_service_gets_the_base_port_and_each_new_one_the_next():
    plan, changes = extend(begin(4000), services("web", "db", "mq"), last_port=LAST)

    assert ports(plan) == {"web": 4000, "db": 4001, "mq": 4002}
    assert plan.next_port == 4003
    assert changes == (
        Change(name="web", port=4000),
        Change(name="db", port=4001),
        Change(name="mq", port=4002),
    )


def test_nothing_to_assign_changes_nothing():
    plan = planned("web", "db")

    assert extend(plan, services("web", "db"), last_port=LAST) == (plan, ())
    assert extend(plan, (), last_port=LAST) == (plan, ())


def test_the_declared_purpose_is_kept_with_the_port():
    plan = planned("web")
    web = Service(name="web", purpose="Main HTTP Server")

    renamed, changes = extend(plan, [web], last_port=LAST)

    assert renamed.services["web"] == Assignment(port=4000, purpose="Main HTTP Server")
    assert changes == ()


# Rule 2: persistence.


@pytest.mark.parametrize(
    "declared",
    [
        ("mq", "db", "web"),
        ("new", "db", "web", "mq"),
        ("db",),
        (),
    ],
)
def test_adding_reordering_and_removing_moves_nobody(declared):
    before = planned("web", "db", "mq")

    after, changes = extend(before, services(*declared), last_port=LAST)

    assert ports(before).items() <= ports(after).items()
    assert {change.name for change in changes} == {*declared} - {"web", "db", "mq"}


# Rule 3: no reuse before a reset.


def test_a_released_number_is_not_handed_out_again():
    plan = release(planned("web", "db"), "db")

    again, _ = extend(plan, services("web", "db"), last_port=LAST)

    assert ports(again) == {"web": 4000, "db": 4002}
    assert plan.released == ()


def test_a_released_number_above_the_next_one_is_remembered_until_it_is_past():
    plan = release(planned("web", "db=4003"), "db")
    assert (plan.next_port, plan.released) == (4001, (4003,))

    one, _ = extend(plan, services("web", "mq"), last_port=LAST)
    two, _ = extend(one, services("web", "mq", "a", "b"), last_port=LAST)

    assert (one.next_port, one.released) == (4002, (4003,))
    assert ports(two) == {"web": 4000, "mq": 4001, "a": 4002, "b": 4004}
    assert (two.next_port, two.released) == (4005, ())


def test_a_released_number_can_be_fixed_again():
    plan = release(planned("web", "db=4010"), "db")

    again, _ = extend(plan, services("web", "db=4010"), last_port=LAST)

    assert ports(again)["db"] == 4010
    assert again.released == ()


def test_a_service_that_is_not_assigned_cannot_be_released():
    with pytest.raises(KeyError, match="nope"):
        release(planned("web"), "nope")


def test_a_number_that_both_had_is_not_given_up_by_one_of_them():
    merged = plan_of(next_port=4001, a=4010, b=4010)

    assert release(merged, "a").released == ()


# Rule 4: what the sequence steps over.


@pytest.mark.parametrize(
    ("port", "reason"),
    [
        (80, "privileged"),
        (1023, "privileged"),
        (1024, None),
        (4044, None),
        (4045, "browsers refuse it"),
        (6667, "browsers refuse it"),
        (10080, "browsers refuse it"),
        (65535, None),
    ],
)
def test_privileged_and_browser_blocked_ports_are_never_handed_out(port, reason):
    assert why_not(port) == reason


def test_every_bad_port_of_the_fetch_standard_is_blocked():
    # https://fetch.spec.whatwg.org/#port-blocking, those above 1023
    low = [1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566]
    high = [6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080]
    assert sorted(BROWSER_BLOCKED) == [*low, *high]


@pytest.mark.parametrize(
    ("base", "expected", "following"),
    [
        (4044, [4044, 4046], 4047),
        (6664, [6664, 6670], 6671),
        (6000, [6001, 6002], 6003),
        (80, [1024, 1025], 1026),
        (1, [1024, 1025], 1026),
        (5059, [5059, 5062], 5063),
    ],
)
def test_the_sequence_steps_over_what_it_never_hands_out(base, expected, following):
    plan = planned("web", "db", base=base)

    assert list(ports(plan).values()) == expected
    assert plan.next_port == following
    assert plan.base_port == base


def test_the_next_port_is_one_that_will_be_handed_out():
    assert begin(4045).next_port == 4046
    assert planned("web", base=4044).next_port == 4046
    assert planned("web", "db=4001").next_port == 4002


def test_the_sequence_steps_over_fixed_ports_declared_later():
    assert ports(planned("web", "db=4000", "mq")) == {
        "db": 4000,
        "web": 4001,
        "mq": 4002,
    }


def test_the_sequence_steps_over_what_the_caller_avoids():
    plan, _ = extend(begin(4000), services("web"), last_port=LAST, avoid=[4000, 4001])

    assert ports(plan) == {"web": 4002}


def test_the_gap_below_a_port_is_explained():
    plan = release(planned("web", "db", "mq", base=4044), "db")

    assert stepped_over(plan, 4047) == (
        (4045, "browsers refuse it"),
        (4046, "released, or once fixed"),
    )
    assert stepped_over(plan, 4044) == ()


# Rule 5: fixed ports.


@pytest.mark.parametrize("port", [443, 4045, 40000, 65535])
def test_a_fixed_port_is_given_wherever_it_lies(port):
    plan = planned("web", f"db={port}", "mq")

    assert ports(plan) == {"web": 4000, "mq": 4001, "db": port}


def test_a_service_that_had_a_port_moves_to_its_fixed_one():
    plan = planned("web", "db")

    moved, changes = extend(plan, services("web", "db=5432"), last_port=LAST)

    assert ports(moved) == {"web": 4000, "db": 5432}
    assert changes == (
        Change(name="db", port=5432, before=4001, reason="its declaration fixes 5432"),
    )
    later, _ = extend(moved, services("web", "db=5432", "mq"), last_port=LAST)
    assert ports(later)["mq"] == 4002


def test_the_number_that_a_moved_service_leaves_is_not_handed_out():
    plan = planned("web", "db=4001")

    moved, _ = extend(plan, services("web", "db=5432", "mq"), last_port=LAST)

    assert ports(moved) == {"web": 4000, "mq": 4002, "db": 5432}


def test_a_service_whose_port_is_no_longer_fixed_keeps_it():
    plan = planned("web", "db=4010")

    assert extend(plan, services("web", "db"), last_port=LAST) == (plan, ())


def test_a_fixed_port_that_another_service_has_is_a_conflict():
    plan = planned("web", "db")

    with pytest.raises(PortConflictError) as caught:
        extend(plan, services("web", "db", "mq=4001"), last_port=LAST)

    assert str(caught.value) == "port 4001 is fixed for 'mq' but assigned to 'db'"
    assert caught.value.port == 4001
    assert caught.value.services == ("db", "mq")
    assert caught.value.hint is not None


@pytest.mark.parametrize("declared", [("a=4001", "b=4005"), ("b=4005", "a=4001")])
def test_a_port_that_its_holder_is_fixed_elsewhere_is_free_in_any_order(declared):
    plan = planned("a", "b")

    moved, _ = extend(plan, services(*declared), last_port=LAST)

    assert ports(moved) == {"a": 4001, "b": 4005}


# Rule 6: the base port.


def test_the_base_port_is_that_of_the_first_assignment():
    kept = planned("web")

    assert resume(kept, 5000) is kept
    assert resume(release(kept, "web"), 5000).base_port == 4000


def test_a_declared_base_port_counts_while_nothing_was_assigned():
    assert resume(None, 5000) == begin(5000)
    assert resume(begin(4000), 5000) == begin(5000)


# Rule 7: two services on one port.


@pytest.mark.parametrize(
    ("declared", "kept"),
    [
        (("a", "b"), "a"),
        (("b", "a"), "b"),
        (("a", "b=4001"), "b"),
        (("b",), "b"),
        ((), "a"),
    ],
)
def test_of_two_on_one_port_the_fixed_then_the_first_declared_keeps_it(declared, kept):
    merged = plan_of(next_port=4002, web=4000, a=4001, b=4001)
    lost = {"a": "b", "b": "a"}[kept]

    healed, changes = extend(merged, services("web", *declared), last_port=LAST)

    assert ports(healed) == {"web": 4000, kept: 4001, lost: 4002}
    assert healed.next_port == 4003
    told = {change.name: change for change in changes}
    if lost in told:
        assert told == {
            lost: Change(
                name=lost,
                port=4002,
                before=4001,
                reason=f"{kept!r} keeps 4001, which both had",
            )
        }


def test_whoever_loses_a_port_is_told_so_also_if_it_is_not_declared():
    merged = plan_of(next_port=4002, a=4001, b=4001)

    healed, changes = extend(merged, services("a"), last_port=LAST)

    assert ports(healed) == {"a": 4001, "b": 4002}
    assert [change.name for change in changes] == ["b"]


def test_an_undeclared_loser_keeps_its_purpose():
    merged = Plan(
        base_port=4000,
        next_port=4001,
        services={
            "a": Assignment(port=4000),
            "b": Assignment(port=4000, purpose="Queue"),
        },
    )

    healed, _ = extend(merged, services("a"), last_port=LAST)

    assert healed.services["b"] == Assignment(port=4001, purpose="Queue")


def test_three_on_one_port_and_two_on_another_are_all_healed():
    merged = plan_of(next_port=4003, a=4000, b=4000, c=4000, d=4001, e=4001, f=4002)

    healed, changes = extend(
        merged, services("f", "e", "d", "c", "b", "a"), last_port=LAST
    )

    assert ports(healed) == {
        "c": 4000,
        "e": 4001,
        "f": 4002,
        "d": 4003,
        "b": 4004,
        "a": 4005,
    }
    assert [change.name for change in changes] == ["d", "b", "a"]
    assert healed.duplicates() == {}


def test_a_merge_that_left_the_next_port_low_gives_no_number_twice():
    merged = plan_of(next_port=4001, a=4000, b=4001, c=4002)

    extended, _ = extend(merged, services("a", "b", "c", "d"), last_port=LAST)

    assert ports(extended)["d"] == 4003


# The ends of the range.


def test_the_last_port_is_handed_out_and_no_further_one():
    plan, _ = extend(begin(4000), services("a", "b"), last_port=4001)

    with pytest.raises(RangeExhaustedError) as caught:
        extend(plan, services("a", "b", "c"), last_port=4001)

    assert ports(plan) == {"a": 4000, "b": 4001}
    assert str(caught.value).startswith("no free port for 'c' in 4000-4001: 2 assigned")
    assert (caught.value.service, caught.value.first, caught.value.last) == (
        "c",
        4000,
        4001,
    )


def test_the_very_last_port_there_is_can_be_handed_out():
    plan, _ = extend(begin(65535), services("a"), last_port=65535)

    assert ports(plan) == {"a": 65535}
    assert plan.next_port == 65536


def test_a_full_range_still_keeps_fixes_and_renames():
    plan, _ = extend(begin(4000), services("a", "b"), last_port=4001)

    kept, _ = extend(plan, services("b", "a", "c=9000"), last_port=4001)

    assert ports(kept) == {"a": 4000, "b": 4001, "c": 9000}


def test_a_range_that_ends_before_it_begins_is_exhausted():
    with pytest.raises(RangeExhaustedError, match="no free port for 'a' in 80-1000"):
        extend(begin(80), services("a"), last_port=1000)


@pytest.mark.parametrize("ephemeral", ["32768-60999", "1024-4000", "5000-5000"])
def test_a_range_that_reaches_into_the_ephemeral_one_is_refused(ephemeral):
    outgoing = PortRange.parse(ephemeral)

    with pytest.raises(ConfigError) as caught:
        extend(begin(4000), services("a"), last_port=32768, ephemeral=outgoing)

    assert "4000-32768" in str(caught.value)
    assert ephemeral in str(caught.value)
    assert caught.value.hint is not None
    # Below 1024 there is nothing to move to: the kernel's range must give way.
    remedy = str(outgoing.first - 1) if outgoing.first > 1024 else "narrow the kernel's"
    assert remedy in caught.value.hint


def test_a_range_beside_the_ephemeral_one_is_taken():
    outgoing = PortRange.parse("32768-60999")

    plan, _ = extend(begin(4000), services("a"), last_port=32767, ephemeral=outgoing)

    assert ports(plan) == {"a": 4000}


def test_the_ephemeral_range_matters_only_where_a_number_is_needed():
    outgoing = PortRange.parse("4000-5000")
    plan = planned("a")

    kept, _ = extend(plan, services("a", "b=4500"), last_port=LAST, ephemeral=outgoing)

    assert ports(kept) == {"a": 4000, "b": 4500}


def test_planning_does_not_change_what_it_was_given():
    before = plan_of(next_port=4002, a=4001, b=4001)
    copy = plan_of(next_port=4002, a=4001, b=4001)

    extend(before, services("a", "b", "c=4009"), last_port=LAST)

    assert before == copy
