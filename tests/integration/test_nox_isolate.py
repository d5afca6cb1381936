"""Sessions of the real nox that have a block of ports of their own."""

from collections.abc import Iterable
from contextlib import ExitStack

import pytest
from capability import needs
from checkouts import SERVICES, Checkout, declaration, free_ports, rows, server
from patience import until
from suites import Suite, Told, ran, started, write

from portconf.project import Project


pytestmark = needs("git")
NOXFILE = """\
import sys

import nox

import portconf.nox

nox.options.default_venv_backend = "none"


def tell(session, *words):
    session.run(sys.executable, "tell.py", session.name, *words)


@portconf.nox.session(isolate=True)
def declared(session):
    tell(session, "api")
    session.run(sys.executable, "-m", "portconf", "get", "db")


@portconf.nox.session(isolate=True)
@nox.parametrize("number", [1, 2])
def several(session, number):
    tell(session)


@nox.session
@portconf.nox.with_ports(isolate=True)
def decorated(session):
    tell(session)


@nox.session
def called(session):
    ports = portconf.nox.with_ports(session, isolate=True)
    tell(session, ports["WEB_PORT"])


@nox.session
def returns(session):
    portconf.nox.with_ports(session, isolate=True)
    portconf.nox.with_ports(session)
    tell(session, "api")
    session.run(sys.executable, "-m", "portconf", "get", "db")


@portconf.nox.session(isolate=True)
def fails(session):
    tell(session)
    session.error("as it must")


@portconf.nox.session
def plain(session):
    tell(session)


@portconf.nox.session(isolate=True, tags=["meeting"])
@nox.parametrize("number", [1, 2])
def meets(session, number):
    tell(session, "meet")


@portconf.nox.session(isolate=True)
def guards(session):
    guard = [sys.executable, "-m", "portconf", "guard"]
    session.run(*guard)
    session.run(sys.executable, "stranger.py", *guard, success_codes=[7])


@portconf.nox.session(isolate=True)
def tests(session):
    tell(session)
    session.run(sys.executable, "-m", "pytest", *session.posargs)
"""
TELL = """\
import json, os, sqlite3, sys, time
from pathlib import Path

name, *words = sys.argv[1:]
folder = Path(os.environ["TOLD"])
database = sqlite3.connect(os.environ["XDG_STATE_HOME"] + "/portconf/registry.sqlite3")
runs = database.execute("SELECT number, part FROM leases WHERE pid IS NOT NULL")
more = {"runs": dict(runs.fetchall()), "words": words}
if words == ["api"]:
    import portconf

    more["api"] = portconf.get_port("web")
path = folder / f"{os.getpid()}-{name}.json"
known = {"test": name, "worker": "", "pid": os.getpid(), "more": more}
known |= {"environ": dict(os.environ), "at_import": {}}
path.with_suffix(".part").write_text(json.dumps(known))
path.with_suffix(".part").rename(path)
while words == ["meet"] and not (folder / "all told").exists():
    time.sleep(0.01)
"""
STRANGER = """\
import os, subprocess, sys

serve = '''
import socket, sys
found = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("up", flush=True)
sys.stdin.read()
'''
with subprocess.Popen(
    [sys.executable, "-S", "-c", serve, os.environ["WEB_PORT"]],
    cwd="../other",
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
) as stranger:
    stranger.stdout.readline()
    code = subprocess.call(sys.argv[1:])
    stranger.kill()
sys.exit(code)
"""
ISOLATED = ("declared", "several(number=1)", "several(number=2)", "decorated")


@pytest.fixture(autouse=True)
def _no_engine_of_this_machine(monkeypatch) -> None:
    """Its containers may publish what the tests listen on."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


def equip(*checkouts: Checkout) -> None:
    """Give checkouts their sessions."""
    for each in checkouts:
        for name, text in (
            ("noxfile.py", NOXFILE),
            ("tell.py", TELL),
            ("stranger.py", STRANGER),
        ):
            (each.root / name).write_text(text, encoding="utf-8")


def sessions(*names: str, at: Checkout) -> Suite:
    return ran("-s", *names, at=at, program="nox")


def processes() -> list[tuple[object, ...]]:
    """Return the process leases, as the database has them."""
    return rows("SELECT number, part FROM leases WHERE pid IS NOT NULL")


def disjoint(*sets: Iterable[int]) -> bool:
    every = [port for each in sets for port in each]
    return len(every) == len({*every})


def number(told: Told) -> int:
    return int(told.environ["PORTCONF_RUN"])


def test_every_form_gives_a_session_a_block_that_ends_with_it(shop, base):
    shop.init()
    equip(shop)

    suite = sessions("declared", "several", "decorated", "fails", "plain", at=shop)

    assert suite.code == 1, suite.out  # as one of them fails
    told = {each.test: each for each in suite.told}
    plain = told.pop("plain")
    assert told.keys() == {*ISOLATED, "fails"}
    for name, each in told.items():
        shift = each.port() - base
        expected = {service: base + n + shift for n, service in enumerate(SERVICES)}
        assert each.ports == expected
        assert each.environ["PORTCONF_INSTANCE"] == each.environ["PORTCONF_RUN"]
        assert disjoint(each.ports.values(), plain.ports.values())
        assert each.more["runs"] == {str(number(each)): name}  # and no earlier one
    assert told["declared"].more["api"] == told["declared"].port()
    assert f"\n{told['declared'].port('db')}\n" in suite.out
    assert plain.ports == {service: base + n for n, service in enumerate(SERVICES)}
    assert "PORTCONF_RUN" not in plain.environ
    assert plain.more["runs"] == {}
    assert processes() == []


def test_a_session_that_calls_for_a_block_has_it_until_nox_ends(shop, base):
    shop.init()
    equip(shop)

    suite = sessions("called", "declared", "plain", at=shop)

    assert suite.code == 0, suite.out
    told = {each.test: each for each in suite.told}
    called, declared, plain = (told[e] for e in ("called", "declared", "plain"))
    assert called.more["words"] == [str(called.port())]
    assert disjoint(*(each.ports.values() for each in told.values()))
    assert plain.port() == base
    mine = {str(number(called)): "called"}
    assert called.more["runs"] == plain.more["runs"] == mine
    assert declared.more["runs"] == mine | {str(number(declared)): "declared"}
    (other,) = Project.find(str(shop.root)).isolated()  # drops what has ended
    other.end()
    assert processes() == []


def test_a_session_that_calls_for_the_checkouts_ports_has_them_again(shop, base):
    shop.init()
    equip(shop)

    suite = sessions("returns", at=shop)

    assert suite.code == 0, suite.out
    (told,) = suite.told
    assert told.ports == {service: base + n for n, service in enumerate(SERVICES)}
    assert told.more["api"] == base
    assert f"\n{base + 1}\n" in suite.out
    assert told.environ["PORTCONF_INSTANCE"] == "0"
    assert "PORTCONF_RUN" not in told.environ


def test_sessions_at_the_same_time_have_no_port_in_common(shop):
    """Two of one nox, one of another in the same checkout, and one in a worktree."""
    tree = shop.worktree("../tree")
    shop.init()
    equip(shop, tree)

    with ExitStack() as stack:
        suites = [
            stack.enter_context(started(*words, at=at, program="nox"))
            for at, *words in (
                (shop, "-j2", "--allow-parallel", "-t", "meeting"),
                (shop, "-s", "meets(number=1)"),
                (tree, "-s", "meets(number=1)"),
            )
        ]
        until(lambda: sum(len(each.told) for each in suites) == 4)
        held = processes()
        for each in suites:
            each.let("all told")
            each.end()

    assert [each.code for each in suites] == [0, 0, 0], [each.out for each in suites]
    told = [each for suite in suites for each in suite.told]
    main = Project.find(str(shop.root)).ports().values()
    branch = Project.find(str(tree.root)).ports().values()
    assert disjoint(main, branch, *(each.ports.values() for each in told))
    assert sorted(held) == sorted((number(each), each.test) for each in told)
    assert processes() == []


def test_the_guard_of_an_isolated_session_is_for_its_own_ports(shop, base):
    shop.init()
    equip(shop)
    shop.worktree("../other")

    with server(base, at=shop.root.parent):
        suite = sessions("guards", at=shop)

    assert suite.code == 0, suite.out
    assert suite.out.count("is somebody else's") == 1  # the one that it is shown
    assert f"port {base} " not in suite.out
    assert processes() == []


def test_a_foreign_server_on_a_port_that_does_not_move_ends_nox(shop, base):
    fixed = free_ports(1)
    shop.declare(declaration(base, table=f'web = ""\nsso = {{ port = {fixed} }}'))
    (shop.root / "config/port_assignments.json").unlink()
    shop.init()
    equip(shop)

    with server(fixed, at=shop.root.parent) as pid:
        suite = sessions("declared", at=shop)

    assert suite.code == 7, suite.out
    assert f"port {fixed} of 'sso' is somebody else's: pid {pid}" in suite.out
    assert suite.told == []
    assert processes() == []


def test_pytest_in_an_isolated_session_has_its_ports_and_its_workers_their_own(
    shop, base
):
    shop.init()
    test = "def test_sees(tell, ports): tell(ports=dict(ports))"
    write(shop, test)
    equip(shop)

    suite = ran("-s", "tests", "--", "-n1", at=shop, program="nox")

    assert suite.code == 0, suite.out
    told = {each.test: each for each in suite.told}
    session, controller, worker = (
        told[each] for each in ("tests", "controller", "test_sees")
    )
    assert controller.ports == session.ports
    assert worker.more["ports"] == worker.ports
    assert disjoint(
        range(base, base + 3), session.ports.values(), worker.ports.values()
    )
    assert processes() == []
