import json

import pytest

from portconf.model import Assignment, Plan, PortRange, Protocol, Service
from portconf.ownership import Listener, Process, Sighting, Verdict
from portconf.registry.values import Holder, Lease
from portconf.reports import lease_dict
from portconf.settings import Settings
from portconf.status import Row, Status, Watched


ROOT = "/home/you/shop"
LEASE = Lease(
    number=3,
    holder=Holder(
        namespace="", checkout=f"{ROOT}/.git", project="", root=ROOT, name="shop"
    ),
    shift=16000,
    block=PortRange(first=20000, last=20099),
    ports={20000: "web"},
)
SETTINGS = Settings(
    services=(
        Service(name="new", purpose="New"),
        Service(name="web", env="HTTP"),
        Service(name="also-new"),
    )
)
PLAN = Plan(
    base_port=4000,
    next_port=4002,
    services={
        "web": Assignment(port=4001, purpose="Main"),
        "old": Assignment(port=4000),
    },
)


def listens(verdict: Verdict, port: int) -> Sighting:
    return Sighting(
        port=port,
        verdict=verdict,
        text="pid 9 (python)",
        listener=Listener(port=port, protocol=Protocol.TCP, address="::1"),
        process=Process(pid=9, user="you", mine=True, command="python"),
    )


def row(
    name: str,
    port: int | None,
    variable: str,
    *,
    assigned: int | None = None,
    purpose: str = "",
    declared: bool = True,
    state: str | None = None,
    owner: Sighting | None = None,
) -> dict[str, object]:
    return {
        "service": name,
        "port": port,
        "assigned": assigned,
        "variable": variable,
        "purpose": purpose,
        "declared": declared,
        "state": state,
        "owner": owner and owner.to_dict(),
    }


def test_a_status_has_the_assigned_by_port_then_the_others_as_declared():
    ports = {"web": 4001, "old": 4000}

    status = Status.of(PLAN, SETTINGS, root=ROOT, ports=ports, seen={})

    assert status.to_dict() == {
        "root": ROOT,
        "base_port": 4000,
        "next_port": 4002,
        "lease": None,
        "services": [
            row("old", 4000, "OLD_PORT", assigned=4000, declared=False, state="free"),
            row("web", 4001, "HTTP", assigned=4001, purpose="Main", state="free"),
            row("new", None, "NEW_PORT", purpose="New"),
            row("also-new", None, "ALSO_NEW_PORT"),
        ],
        "notes": [],
    }
    assert isinstance(status.rows[0], Row)


def test_a_status_shows_both_numbers_and_who_listens_on_the_effective_one():
    ports = {"web": 20001, "old": 20000}
    seen = {
        20001: listens(Verdict.OURS, 20001),
        # What happens on the plan's own ports is another checkout's matter.
        4000: listens(Verdict.FOREIGN, 4000),
    }

    status = Status.of(
        PLAN,
        SETTINGS,
        root=ROOT,
        ports=ports,
        seen=seen,
        lease=LEASE,
        notes=("a note",),
    )

    assert [(each.port, each.assigned) for each in status.rows[:2]] == [
        (20000, 4000),
        (20001, 4001),
    ]
    assert [each.state for each in status.rows] == ["free", "ours", None, None]
    assert [each.owner for each in status.rows] == [None, seen[20001], None, None]
    shown = json.loads(json.dumps(status.to_dict()))
    assert shown["lease"] == lease_dict(LEASE)
    assert shown["notes"] == ["a note"]
    assert shown["services"][1]["owner"]["pid"] == 9


def test_without_a_lease_no_port_is_known_and_none_has_a_state():
    status = Status.of(PLAN, SETTINGS, root=ROOT, ports={}, seen={})

    found = [
        (each.service, each.port, each.assigned, each.state) for each in status.rows
    ]
    assert found == [
        ("old", None, 4000, None),
        ("web", None, 4001, None),
        ("new", None, None, None),
        ("also-new", None, None, None),
    ]


@pytest.mark.parametrize(
    ("service", "verdict", "state"),
    [
        (Service(name="web"), None, "free"),
        (Service(name="web"), Verdict.OURS, "ours"),
        (Service(name="web"), Verdict.FOREIGN, "foreign"),
        (Service(name="web"), Verdict.UNKNOWN, "unknown"),
        (Service(name="web", port=4001), Verdict.FOREIGN, "foreign"),
        (Service(name="web", shared=True), None, "free"),
        (Service(name="web", shared=True), Verdict.OURS, "ours"),
        (Service(name="web", shared=True), Verdict.FOREIGN, "shared"),
        (Service(name="web", shared=True), Verdict.UNKNOWN, "unknown"),
        (None, Verdict.FOREIGN, "foreign"),
    ],
)
def test_the_state_is_whose_the_port_is_at_this_moment(service, verdict, state):
    settings = Settings(services=(service,) if service else ())
    seen = {4001: listens(verdict, 4001)} if verdict else {}

    status = Status.of(PLAN, settings, root=ROOT, ports={"web": 4001}, seen=seen)

    (found,) = (each for each in status.rows if each.service == "web")
    assert found.state == state
    assert found.owner == seen.get(4001)


def test_what_the_guard_saw_has_a_json_form():
    seen = listens(Verdict.UNKNOWN, 4001)
    watched = Watched(root=ROOT, seen=(("web", seen),), notes=("a note",))

    assert json.loads(json.dumps(watched.to_dict())) == {
        "root": ROOT,
        "listeners": [{"service": "web", **seen.to_dict()}],
        "notes": ["a note"],
    }
