import json

import pytest

from portconf.model import Protocol
from portconf.ownership import (
    Container,
    Home,
    Listener,
    Process,
    Sighting,
    Verdict,
    judge,
    worst,
)


OURS = "/home/you/shop"
AT_HOME = Home(root=OURS, branch="main")
NEXT_DOOR = Home(root="/home/you/other")
LISTENER = Listener(port=4000, protocol=Protocol.TCP, address="127.0.0.1", uid=1000)


def process(**known) -> Process:
    return Process(**{"pid": 9, "user": "you", "mine": True, "command": "web", **known})


def sighted(
    owner: Process | Container | None, home: Home | None, *, ours: str = OURS
) -> Sighting:
    return judge(
        LISTENER,
        owner if isinstance(owner, Process) else None,
        owner if isinstance(owner, Container) else None,
        home=home,
        ours=ours,
    )


@pytest.mark.parametrize(
    ("known", "home", "verdict"),
    [
        ({"folder": OURS}, AT_HOME, Verdict.OURS),
        ({"folder": f"{OURS}/src"}, Home(root=OURS), Verdict.OURS),
        # A worktree inside the main checkout's folder is the inner one's.
        (
            {"folder": f"{OURS}/.trees/x"},
            Home(root=f"{OURS}/.trees/x"),
            Verdict.FOREIGN,
        ),
        ({"folder": "/home/you/other"}, NEXT_DOOR, Verdict.FOREIGN),
        # In no checkout at all.
        ({"folder": "/srv"}, None, Verdict.FOREIGN),
        ({"folder": "/srv", "marked": OURS}, AT_HOME, Verdict.OURS),
        ({"folder": "/srv", "marked": "/home/you/other"}, NEXT_DOOR, Verdict.FOREIGN),
        # In a folder that has been removed.
        ({"folder_gone": True}, None, Verdict.FOREIGN),
        ({"folder_gone": True, "marked": OURS}, AT_HOME, Verdict.OURS),
        ({"marked": "/home/you/other"}, NEXT_DOOR, Verdict.FOREIGN),
        # Of our own user, but with a folder that cannot be seen.
        ({}, None, Verdict.UNKNOWN),
        # Another user's: only what is ours for sure is ours.
        ({"mine": False, "folder": OURS}, AT_HOME, Verdict.OURS),
        ({"mine": False, "folder": "/home/you/other"}, NEXT_DOOR, Verdict.UNKNOWN),
        ({"mine": False, "folder": "/srv"}, None, Verdict.UNKNOWN),
        ({"mine": False, "folder_gone": True}, None, Verdict.UNKNOWN),
        ({"mine": False}, None, Verdict.UNKNOWN),
    ],
)
def test_a_process_is_the_innermost_checkout_s_or_foreign(known, home, verdict):
    owner = process(**known)

    found = sighted(owner, home)

    assert found.verdict is verdict
    assert (found.port, found.listener) == (4000, LISTENER)
    assert (found.process, found.container, found.home) == (owner, None, home)


@pytest.mark.parametrize(
    ("folder", "home", "verdict"),
    [
        (OURS, AT_HOME, Verdict.OURS),
        ("/home/you/other", NEXT_DOOR, Verdict.FOREIGN),
        ("/srv", None, Verdict.FOREIGN),
        (None, None, Verdict.UNKNOWN),
    ],
)
def test_a_container_is_its_compose_project_s(folder, home, verdict):
    owner = Container(name="db-1", project="shop", folder=folder)

    found = sighted(owner, home)

    assert found.verdict is verdict
    assert (found.process, found.container, found.home) == (None, owner, home)


def test_a_container_counts_more_than_the_process_that_publishes_its_port():
    proxy = process(user="root", mine=False, command="docker-proxy", folder="/")
    owner = Container(name="db-1", folder=OURS)

    found = judge(LISTENER, proxy, owner, home=AT_HOME, ours=OURS)

    assert found.verdict is Verdict.OURS
    assert found.process is None
    assert "docker-proxy" not in found.text


def test_what_cannot_be_seen_is_unknown():
    found = sighted(None, None)

    assert found.verdict is Verdict.UNKNOWN
    assert (found.process, found.container) == (None, None)


@pytest.mark.parametrize(
    ("owner", "home", "text"),
    [
        (None, None, "a process that cannot be seen, as another user's"),
        (process(), None, "pid 9 (web)"),
        (process(folder="/srv"), None, "pid 9 (web) in /srv"),
        (
            process(folder=OURS),
            AT_HOME,
            f"pid 9 (web) in {OURS}, of the checkout {OURS} (branch main)",
        ),
        (
            process(folder="/home/you/other"),
            NEXT_DOOR,
            "pid 9 (web) in /home/you/other, of the checkout /home/you/other",
        ),
        (
            process(folder_gone=True),
            None,
            "pid 9 (web) in a folder that has been removed",
        ),
        (
            # Linux tells where a removed folder was.
            process(folder="/srv/x", folder_gone=True),
            None,
            "pid 9 (web) in a folder that has been removed",
        ),
        (process(mine=False), None, "pid 9 (web) of user you"),
        (
            process(mine=False, user=None, folder="/srv"),
            None,
            "pid 9 (web) of user unknown in /srv",
        ),
        (Container(name="db-1"), None, "container db-1"),
        (
            Container(name="db-1", project="shop", folder=OURS),
            AT_HOME,
            (
                f"container db-1 of the Compose project shop in {OURS},"
                f" of the checkout {OURS} (branch main)"
            ),
        ),
        (Container(name="db-1", folder="/srv"), None, "container db-1 in /srv"),
    ],
)
def test_who_listens_is_told_in_words(owner, home, text):
    assert sighted(owner, home).text == text


def seen(verdict: Verdict, address: str = "127.0.0.1") -> Sighting:
    listener = Listener(port=4000, protocol=Protocol.TCP, address=address)
    return Sighting(port=4000, verdict=verdict, text="", listener=listener)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ("ours", "ours"),
        ("unknown", "unknown"),
        ("foreign", "foreign"),
        ("ours unknown", "unknown"),
        ("unknown ours", "unknown"),
        ("ours foreign", "foreign"),
        ("foreign ours", "foreign"),
        ("unknown foreign", "foreign"),
        ("foreign unknown", "foreign"),
        ("ours unknown foreign", "foreign"),
    ],
)
def test_of_several_listeners_the_most_foreign_counts(verdicts, expected):
    found = worst(seen(Verdict(each)) for each in verdicts.split())

    assert found.verdict is Verdict(expected)


def test_of_several_alike_the_first_counts():
    first, second = seen(Verdict.OURS), seen(Verdict.OURS, "::1")

    assert worst([first, second]) is first


@pytest.mark.parametrize(
    ("owner", "home", "parts"),
    [
        (
            process(folder=OURS),
            AT_HOME,
            {"pid": 9, "user": "you", "command": "web", "folder": OURS}
            | {"container": None, "checkout": OURS, "branch": "main"},
        ),
        (
            Container(name="db-1", project="other", folder="/home/you/other"),
            NEXT_DOOR,
            {"pid": None, "user": None, "command": None, "folder": "/home/you/other"}
            | {"container": "db-1", "checkout": "/home/you/other", "branch": None},
        ),
        (
            None,
            None,
            {"pid": None, "user": None, "command": None, "folder": None}
            | {"container": None, "checkout": None, "branch": None},
        ),
    ],
)
def test_a_sighting_has_a_json_form(owner, home, parts):
    found = sighted(owner, home)

    assert json.loads(json.dumps(found.to_dict())) == {
        "port": 4000,
        "verdict": found.verdict.value,
        "address": "127.0.0.1",
        **parts,
    }
