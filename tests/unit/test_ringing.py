from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from portconf.watching.events import Event, Kind
from portconf.watching.ringing import HOLD, Rung, ring


EVERY = ("conflict", "foreign", "down", "recovered")


def down(service: str = "web") -> Event:
    return Event(kind=Kind.DOWN, service=service, message="is down")


def up(service: str = "web", was: Kind = Kind.DOWN) -> Event:
    return Event(kind=Kind.RECOVERED, was=was, service=service, message="is back")


def rung(
    *steps: tuple[float, Iterable[Event]], on: Iterable[str] = EVERY
) -> tuple[list[tuple[float, str]], Mapping[Any, Rung]]:
    """Return what rings when, and what is remembered at the end."""
    known: Mapping[Any, Rung] = {}
    found = []
    for now, events in steps:
        rings = ring(known, events, on=[*on], now=now)
        known = rings.rung
        found += [(now, f"{each.kind} {each.service}") for each in rings.due]
    return found, known


def test_what_happens_rings_at_once():
    found, _ = rung((0, [down()]), (3, [up()]))

    assert found == [(0, "down web"), (3, "recovered web")]


def test_what_is_not_asked_for_does_not_ring():
    assert rung((0, [down()]), (3, [up()]), on=["recovered"])[0] == [
        (3, "recovered web")
    ]
    assert rung((0, [down()]), on=[])[0] == []
    assert rung((0, [Event(kind=Kind.WRITTEN, message=".env")]))[0] == []


def test_flapping_rings_once_for_each_kind_in_a_minute():
    steps = [(float(t), [up() if t % 2 else down()]) for t in range(60)]

    found, _ = rung(*steps)

    assert found == [(0, "down web"), (1, "recovered web")]


def test_what_came_too_soon_rings_later_if_it_still_holds():
    steps: list[tuple[float, list[Event]]] = [
        (0, [down()]),
        (3, [up()]),
        (5, [down()]),
        (HOLD - 1, []),
        (HOLD, []),
        (2 * HOLD, []),
    ]

    found, _ = rung(*steps)

    assert found == [(0, "down web"), (3, "recovered web"), (HOLD, "down web")]


def test_what_is_over_before_it_rang_never_rings():
    found, _ = rung(
        (0, [down()]), (3, [up()]), (5, [down()]), (8, [up()]), (HOLD + 3, [])
    )

    assert found == [(0, "down web"), (3, "recovered web")]


def test_an_owed_ring_is_dropped_also_where_its_end_does_not_ring():
    found, _ = rung(
        (0, [down()]), (3, [up()]), (5, [down()]), (8, [up()]), (HOLD, []), on=["down"]
    )

    assert found == [(0, "down web")]


def test_that_a_ring_is_owed_is_said_once():
    known: Mapping[Any, Rung] = {}
    held = []
    for now in range(60):
        rings = ring(known, [up() if now % 2 else down()], on=EVERY, now=now)
        known = rings.rung
        held += [(now, each.kind) for each in rings.held]

    assert held == [(2, "down")]


def test_services_and_troubles_do_not_hold_each_other():
    found, _ = rung(
        (0, [down(), down("db")]),
        (1, [up(was=Kind.FOREIGN), up()]),
    )

    assert found == [
        (0, "down web"),
        (0, "down db"),
        (1, "recovered web"),
        (1, "recovered web"),
    ]


@pytest.mark.parametrize("rounds", [10, 1000])
def test_nothing_is_remembered_for_longer_than_it_counts(rounds):
    steps = [(t * 1.0, [down(f"service-{t}")]) for t in range(rounds)]

    _, known = rung(*steps)
    _, later = rung(*steps, (rounds + HOLD, []))

    assert len(known) <= HOLD
    assert later == {}
