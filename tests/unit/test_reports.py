import json

import pytest

from portconf.model import Change, PortRange, Protocol
from portconf.ownership import Home, Listener, Process, Sighting, Verdict
from portconf.registry.values import Holder, Lease, Obstacle
from portconf.reports import Explanation, FileChange, Outcome, Place, lease_dict


ROOT = "/home/you/shop"
HOLDER = Holder(
    namespace="net:[1]",
    checkout="/home/you/shop/.git/worktrees/topic",
    project="services/web",
    root="/home/you/topic",
    name="shop/services/web",
    linked=True,
)
LEASE = Lease(
    number=7,
    holder=HOLDER,
    shift=16000,
    block=PortRange(first=20000, last=20099),
    ports={5432: "db", 20000: "web", 20001: "", 20002: "mq"},
    since=1.5,
    obstacles=(Obstacle(first=4000, last=4002, reason="somebody has them"),),
    anchors={"/home/you/topic": {"/home/you": [0, 1]}},
)
LEASE_SHOWN = {
    "number": 7,
    "instance": 7,
    "shift": 16000,
    "block": "20000-20099",
    "ports": "20000-20099",
    "project": "shop/services/web",
    "folder": "/home/you/topic/services/web",
    "linked": True,
    "since": 1.5,
    "process": None,
    "services": {"db": 5432, "web": 20000, "mq": 20002},
    "stepped_over": [{"first": 4000, "last": 4002, "reason": "somebody has them"}],
}


def test_an_outcome_names_the_files_and_keeps_their_content_to_itself():
    outcome = Outcome(
        root=ROOT,
        changes=(
            Change(name="web", port=4000),
            Change(name="db", port=5432, before=4001, reason="it is fixed"),
        ),
        gone=(("mq", 4002),),
        files=(FileChange(name=".env", before=None, after=b"SECRET=1\n"),),
        notes=("git tracks .env",),
        dry_run=True,
    )

    assert outcome.to_dict() == {
        "root": ROOT,
        "assigned": [
            {"service": "web", "port": 4000, "before": None, "reason": None},
            {"service": "db", "port": 5432, "before": 4001, "reason": "it is fixed"},
        ],
        "released": [{"service": "mq", "port": 4002}],
        "written": [".env"],
        "notes": ["git tracks .env"],
        "dry_run": True,
        "lease": None,
    }


def test_a_lease_has_a_json_form():
    assert json.loads(json.dumps(lease_dict(LEASE))) == LEASE_SHOWN
    assert lease_dict(None) is None


@pytest.mark.parametrize(
    ("ports", "shown"),
    [
        ({4000: "web"}, "4000"),
        ({4002: "", 4000: "web", 4001: "db"}, "4000-4002"),
        ({4000: "web", 4001: "db", 4003: "mq", 5432: "pg"}, "4000-4001, 4003, 5432"),
        ({}, "-"),
    ],
)
def test_a_lease_of_the_plan_as_it_stands_is_instance_0(ports, shown):
    found = lease_dict(Lease(number=7, holder=HOLDER, ports=ports))

    assert found is not None
    assert (found["number"], found["instance"], found["shift"]) == (7, 0, 0)
    assert (found["block"], found["ports"]) == (None, shown)


@pytest.mark.parametrize("before", [None, LEASE])
def test_an_outcome_tells_of_the_lease_new_or_not(before):
    outcome = Outcome(root=ROOT, lease=LEASE, lease_before=before)

    assert outcome.to_dict()["lease"] == LEASE_SHOWN


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place(file="a.toml", line=3), "a.toml:3"),
        (Place(file="a.toml", line=None), "a.toml"),
        (Place(file="a.toml", line=3, text="x = 1"), "a.toml:3: x = 1"),
        (Place(file="a.toml", line=None, text="x = 1"), "a.toml: x = 1"),
    ],
)
def test_a_place_is_written_as_editors_expect_it(place, text):
    assert str(place) == text


SEEN = Sighting(
    port=20000,
    verdict=Verdict.OURS,
    text="pid 9 (python)",
    listener=Listener(port=20000, protocol=Protocol.TCP, address="127.0.0.1"),
    process=Process(pid=9, user="you", mine=True, command="python", folder=ROOT),
    home=Home(root=ROOT, branch="main"),
)


@pytest.mark.parametrize("declared", [None, Place(file="a.toml", line=2, text="x")])
@pytest.mark.parametrize("lease", [None, LEASE])
@pytest.mark.parametrize("listens", [None, SEEN])
def test_an_explanation_has_a_json_form(declared, lease, listens):
    explanation = Explanation(
        service="web",
        port=20000,
        assigned=4000,
        variable="WEB_PORT",
        declared=declared,
        rule="fixed",
        stepped_over=((4045, "browsers refuse it"),),
        stored=Place(file="p.json", line=None),
        exported=(Place(file=".env", line=1, text="WEB_PORT=20000"),),
        overridden="WEB_PORT=1",
        leased="block 20000-20099",
        lease=lease,
        listens=listens,
    )

    assert json.loads(json.dumps(explanation.to_dict())) == {
        "service": "web",
        "port": 20000,
        "assigned": 4000,
        "variable": "WEB_PORT",
        "declared": declared and {"file": "a.toml", "line": 2, "text": "x"},
        "rule": "fixed",
        "stepped_over": [{"port": 4045, "reason": "browsers refuse it"}],
        "stored": {"file": "p.json", "line": None, "text": None},
        "exported": [{"file": ".env", "line": 1, "text": "WEB_PORT=20000"}],
        "overridden": "WEB_PORT=1",
        "leased": "block 20000-20099",
        "lease": lease and LEASE_SHOWN,
        "listens": listens
        and {
            "port": 20000,
            "verdict": "ours",
            "address": "127.0.0.1",
            "pid": 9,
            "user": "you",
            "command": "python",
            "folder": ROOT,
            "container": None,
            "checkout": ROOT,
            "branch": "main",
        },
    }
