from typing import Any

import pytest

from portconf.alerts import PLACEHOLDERS, Ring
from portconf.model import Endpoint, Protocol
from portconf.ownership import Listener, Sighting, Verdict
from portconf.views import Site
from portconf.watching.events import Event, Kind, Notice, moved
from portconf.watching.states import Known, looked


def endpoint(name: str, port: int, **more: Any) -> Endpoint:
    made: dict[str, Any] = {"variable": "PORT", "assigned": port, "purpose": ""}
    return Endpoint(name=name, port=port, **made, **more)


WEB, DB = endpoint("web", 4000), endpoint("db", 4001)


def seen(port: int, verdict: Verdict = Verdict.OURS) -> dict[int, Sighting]:
    listener = Listener(port=port, protocol=Protocol.TCP, address="127.0.0.1")
    sighting = Sighting(port=port, verdict=verdict, text="pid 7", listener=listener)
    return {port: sighting}


NOBODY: dict[int, Sighting] = {}
OURS = seen(4000)
FOREIGN = seen(4000, Verdict.FOREIGN)
UNKNOWN = seen(4000, Verdict.UNKNOWN)


def told(*looks: dict[int, Sighting], of: Endpoint = WEB) -> list[str]:
    """Return what a row of looks tells, each as "kind" or "recovered from kind"."""
    known, found = Known(), list[str]()
    for look in looks:
        known, events = looked(known, (of,), look)
        found += [f"{e.kind} from {e.was}" if e.was else str(e.kind) for e in events]
    return found


@pytest.mark.parametrize(
    ("looks", "events"),
    [
        ([NOBODY] * 3, []),
        ([OURS], []),
        ([OURS] * 3, ["up"]),
        ([UNKNOWN] * 2, ["up"]),
        ([FOREIGN] * 3, ["foreign"]),
        ([*[OURS] * 2, *[NOBODY] * 3], ["up", "down"]),
        (
            [*[OURS] * 2, *[NOBODY] * 2, *[OURS] * 2],
            ["up", "down", "recovered from down"],
        ),
        ([*[FOREIGN] * 2, *[NOBODY] * 2], ["foreign", "recovered from foreign"]),
        (
            [*[OURS] * 2, *[FOREIGN] * 2, *[OURS] * 2],
            [
                "up",
                "down",
                "foreign",
                "recovered from foreign",
                "recovered from down",
            ],
        ),
        # What was down stays so while somebody else comes and goes.
        (
            [OURS, OURS, NOBODY, NOBODY, FOREIGN, FOREIGN, NOBODY, NOBODY, OURS, OURS],
            [
                "up",
                "down",
                "foreign",
                "recovered from foreign",
                "recovered from down",
            ],
        ),
        # Started anew between two looks, or shown wrongly by one alone.
        ([*[OURS] * 2, NOBODY, *[OURS] * 2], ["up"]),
        ([*[OURS] * 2, FOREIGN, *[OURS] * 2], ["up"]),
        ([OURS, NOBODY] * 3, []),
        # Served, and then another user's: it listens all the same.
        ([*[OURS] * 2, *[UNKNOWN] * 2], ["up"]),
    ],
)
def test_a_state_counts_once_two_looks_have_shown_it(looks, events):
    assert told(*looks) == events


def test_the_server_of_a_shared_service_is_never_foreign():
    shared = endpoint("web", 4000, shared=True)

    assert told(FOREIGN, FOREIGN, NOBODY, NOBODY, of=shared) == ["up", "down"]


def test_a_service_that_has_moved_is_looked_at_anew():
    known, _ = looked(Known(), (WEB,), OURS)
    known, _ = looked(known, (WEB,), OURS)
    there = endpoint("web", 20100)

    known, first = looked(known, (there,), OURS)
    known, second = looked(known, (there,), OURS)

    assert first == second == ()
    assert known.sure


@pytest.mark.parametrize("now", [(endpoint("web", 20100),), ()])
@pytest.mark.parametrize(
    ("looks", "over"),
    [
        ([FOREIGN] * 2, ["foreign"]),
        ([*[OURS] * 2, *[NOBODY] * 2], ["down"]),
        ([*[OURS] * 2, *[FOREIGN] * 2], ["foreign", "down"]),
        ([OURS] * 2, []),
        ([*[OURS] * 2, *[NOBODY] * 2, *[OURS] * 2], []),  # recovered before it left
    ],
)
def test_a_service_that_leaves_its_port_leaves_its_troubles(looks, over, now):
    known = Known()
    for look in looks:
        known, _ = looked(known, (WEB,), look)

    _, events = looked(known, now, NOBODY)

    assert [(e.kind, e.was, e.port) for e in events] == [
        ("recovered", was, 4000) for was in over
    ]


def test_of_services_that_are_gone_nothing_is_kept():
    known, _ = looked(Known(), (WEB, DB), OURS)

    known, _ = looked(known, (DB,), NOBODY)

    assert [*known.services] == ["db"]


def test_one_look_alone_is_not_sure():
    first, _ = looked(Known(), (WEB, DB), OURS)
    second, _ = looked(first, (WEB, DB), OURS)

    assert not first.sure
    assert second.sure


def test_what_has_moved_is_told_service_by_service():
    there, queue = endpoint("web", 20100), endpoint("queue", 4002)

    events = moved((WEB, DB), (there, queue))

    assert [(e.service, e.port, e.message) for e in events] == [
        ("web", 20100, "'web' moved from port 4000 to 20100"),
        ("queue", 4002, "'queue' has port 4002"),
        ("db", None, "'db' has given port 4001 up"),
    ]
    assert moved((WEB, DB), (WEB, DB)) == ()


def test_an_event_has_a_line_and_a_form_for_programs():
    known, _ = looked(Known(), (WEB,), FOREIGN)
    _, (event,) = looked(known, (WEB,), FOREIGN)

    form: dict[str, Any] = event.to_dict()

    message = "port 4000 of 'web' is somebody else's: pid 7 listens there"
    assert event.line == f"foreign: {message}"
    assert form["event"] == "foreign"
    assert form["owner"]["verdict"] == "foreign"
    assert (form["service"], form["port"]) == ("web", 4000)
    assert Event(kind=Kind.WATCHING, message="").to_dict()["service"] is None


def test_a_notice_says_where_it_happened():
    event = Event(
        kind=Kind.FOREIGN,
        service="web",
        port=4000,
        message="m",
        owner={"command": "nc -l 4000", "pid": 3},
    )
    site = Site(project="shop", root="/r", instance=3)

    notice = Notice(event=event, site=site, at=1.23456)

    assert notice.values() == {
        "event": "foreign",
        "was": "",
        "service": "web",
        "port": "4000",
        "message": "m",
        "owner": "nc -l 4000",
        "project": "shop",
        "root": "/r",
        "branch": "",
        "instance": "3",
    }
    form = notice.to_dict()
    assert form["portconf"] == 1
    assert form["at"] == 1.235
    assert form["owner"]["pid"] == 3


def test_a_notice_has_a_text_for_each_placeholder_of_a_command():
    owner = {"command": None, "container": "shop-web-1"}
    event = Event(kind=Kind.RECOVERED, was=Kind.FOREIGN, message="m", owner=owner)
    site = Site(project="shop", root="/r", branch="fix/a")

    values = Notice(event=event, site=site, at=0.0).values()

    assert values.keys() == {*PLACEHOLDERS}
    told = ("foreign", "shop-web-1", "fix/a", "")
    assert tuple(values[k] for k in ("was", "owner", "branch", "port")) == told


def test_what_can_ring_is_the_kind_of_an_event():
    assert {*Ring} < {*Kind}
