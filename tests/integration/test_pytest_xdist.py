"""The plugin under pytest-xdist: a block for each worker, which ends with it."""

import os
import signal
from collections.abc import Iterable
from contextlib import ExitStack

import pytest
from capability import needs
from checkouts import (
    SERVICES,
    Checkout,
    declaration,
    free_ports,
    repository,
    rows,
    server,
)
from patience import until
from suites import Told, ran, started, write

from portconf import sockets
from portconf.project import Project


pytestmark = needs("git")
SEES = """
import os, subprocess, sys
import pytest

@pytest.mark.parametrize("nth", range({tests}))
def test_sees(nth, tell, ports, free_port):
    import portconf
    words = [sys.executable, "-m", "portconf", "get", "db"]
    command = subprocess.run(words, capture_output=True)
    api = portconf.get_port("web")
    tell(ports=dict(ports), api=api, command=int(command.stdout), free=free_port)
"""
TELLS = """
import pytest

@pytest.mark.parametrize("nth", range(2))
def test_tells(nth, tell):
    tell()
"""
MEETS = """
import pytest

@pytest.mark.parametrize("nth", range({tests}))
def test_meets(nth, tell, meet):
    tell()
    meet("all told")
"""


@pytest.fixture(autouse=True)
def _no_engine_of_this_machine(monkeypatch) -> None:
    """Its containers may publish what the tests listen on."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


def processes() -> dict[int, int]:
    """Return the process leases, as the database has them: pid by number."""
    return dict(rows("SELECT number, pid FROM leases WHERE pid IS NOT NULL"))


def disjoint(*sets: Iterable[int]) -> bool:
    every = [port for each in sets for port in each]
    return len(every) == len({*every})


def moving(told: Told) -> list[int]:
    """Return the ports that are a run's own."""
    return [told.port(name) for name in SERVICES]


def test_each_worker_has_a_block_of_its_own(shop, base):
    """A stranger on the checkout's own port is not in its way."""
    fixed, shared = free_ports(1), base + 3
    moving_ones = "\n".join(f'{name} = ""' for name in SERVICES)
    others = f"sso = {{ port = {fixed} }}\nmail = {{ shared = true }}"
    shop.declare(declaration(base, table=f"{moving_ones}\n{others}"))
    shop.init()
    write(shop, SEES.format(tests=2))

    with server(base, at=shop.root.parent):
        suite = ran("-n2", at=shop)

    assert suite.code == 0, suite.out
    workers = suite.by_worker
    controller = workers.pop("")
    still = {"sso": fixed, "mail": shared}
    planned = {name: base + nth for nth, name in enumerate(SERVICES)}
    assert controller.ports == planned | still
    assert "PORTCONF_RUN" not in controller.environ
    assert workers.keys() == {"gw0", "gw1"}
    for each in workers.values():
        shift = each.port() - base
        expected = {name: port + shift for name, port in planned.items()} | still
        assert each.ports == each.more["ports"] == expected
        assert (each.more["api"], each.more["command"]) == (
            each.port(),
            each.port("db"),
        )
        assert expected == {
            n: int(each.at_import[f"{n.upper()}_PORT"]) for n in expected
        }
        assert each.environ["PORTCONF_INSTANCE"] == each.environ["PORTCONF_RUN"]
        assert "PORTCONF_CONTROLLER" not in each.environ
    assert disjoint(*map(moving, (controller, *workers.values())))
    numbers = {each.environ["PORTCONF_RUN"] for each in workers.values()}
    assert len(numbers) == len({each.more["free"] for each in workers.values()}) == 2
    assert "; each worker has a block of its own\n" in suite.out
    assert "\nportconf: 2 blocks, from " in suite.out
    assert processes() == {}


@pytest.mark.parametrize("words", ["-pno:xdist", "-n1 --portconf-isolate=off"])
def test_where_no_worker_is_isolated_all_have_the_checkouts_ports(words, shop, base):
    shop.init()
    write(shop, TELLS)

    suite = ran(*words.split(), at=shop)

    assert suite.code == 0, suite.out
    assert {each.port() for each in suite.told} == {base}
    assert not any("PORTCONF_RUN" in each.environ for each in suite.told)
    assert "each worker" not in suite.out


def test_a_worker_of_an_isolated_run_shares_its_block(shop, base):
    shop.init()
    write(shop, TELLS)

    suite = ran("-n1", "--portconf-isolate=run", at=shop)

    assert suite.code == 0, suite.out
    (web,) = {each.port() for each in suite.told}
    assert web != base
    assert {*suite.by_worker} == {"", "gw0"}
    assert processes() == {}


def test_runs_at_the_same_time_have_no_port_in_common(shop):
    tree = shop.worktree("../tree")
    for each, tests in ((shop, 1), (tree, 2)):
        write(each, MEETS.format(tests=tests))
    shop.init()

    with ExitStack() as stack:
        suites = [
            stack.enter_context(started(*words, at=at))
            for at, *words in (
                (shop, "-n1"),
                (shop, "-n1"),
                (tree, "-n2", "--dist=loadscope"),
            )
        ]
        until(lambda: sum(len(each.told) for each in suites) == 3)
        held = processes()
        for each in suites:
            each.let("all told")
            each.end()

    assert [each.code for each in suites] == [0, 0, 0], [each.out for each in suites]
    told = [each for suite in suites for each in suite.told if each.worker]
    main = Project.find(str(shop.root)).ports().values()
    branch = Project.find(str(tree.root)).ports().values()
    # With loadscope one of its two workers has both tests.
    assert len(told) == 4
    owners = {each.pid: moving(each) for each in told}
    assert disjoint(main, branch, *owners.values())
    assert len(held) == 4
    assert owners.keys() <= {*held.values()}
    assert processes() == {}


CRASHES = """
import os
import pytest

@pytest.mark.parametrize("nth", range(2))
def test_crashes(nth, tell, ports):
    tell(ports=dict(ports))
    if not nth:
        os._exit(1)
"""


@pytest.mark.parametrize("isolated", [False, True], ids=["", "in an isolated run"])
def test_what_takes_the_place_of_a_crashed_worker_has_another_block(
    isolated, shop, base
):
    shop.init()
    write(shop, CRASHES)
    outer = Project.find(str(shop.root)).isolated() if isolated else ()
    environment = outer[0].variables() if outer else {}

    suite = ran("-n1", at=shop, **environment)

    workers = suite.by_worker
    controller = workers.pop("")
    assert suite.code == 1
    assert " 1 failed, 1 passed" in suite.out
    assert workers.keys() == {"gw0", "gw1"}
    assert all(each.more["ports"] == each.ports for each in workers.values())
    assert disjoint(*map(moving, (controller, *workers.values())))
    assert disjoint(range(base, base + 3), *map(moving, workers.values()))
    assert controller.port() == int(environment.get("WEB_PORT", base))
    assert {*processes().values()} == ({os.getpid()} if isolated else set())
    for each in outer:
        each.end()


def test_a_foreign_server_on_a_port_that_does_not_move_ends_the_run(shop, base):
    fixed = free_ports(1)
    shop.declare(declaration(base, table=f'web = ""\nsso = {{ port = {fixed} }}'))
    (shop.root / "config/port_assignments.json").unlink()
    shop.init()
    write(shop, MEETS.format(tests=1))

    with server(fixed, at=shop.root.parent) as pid:
        suite = ran("-n2", at=shop)

    assert suite.code == 7, suite.out
    assert f"port {fixed} of 'sso' is somebody else's: pid {pid}" in suite.out
    assert {each.worker for each in suite.told} <= {""}
    assert "Traceback" not in suite.out
    assert processes() == {}


def test_without_enough_ports_no_worker_starts(shop, base):
    first = free_ports(40) // 10 * 10 + 10
    narrow = f'instance-range = "{first}-{first + 19}"\nblock-size = 10'
    shop.declare(declaration(base, settings=narrow))
    shop.init()
    before = rows("SELECT * FROM leases")
    write(shop, MEETS.format(tests=1))

    suite = ran("-n3", at=shop)

    assert suite.code == 5, suite.out
    assert f"portconf: no free block of 10 ports in {first}-{first + 19}" in suite.out
    assert "hint: " in suite.out
    assert {each.worker for each in suite.told} <= {""}
    assert "Traceback" not in suite.out
    assert rows("SELECT * FROM leases") == before
    assert processes() == {}


NESTS = """
import os, subprocess, sys

def test_outer(tell):
    for at, *words in ([".", "-kinner"], [".", "-kinner", "-n1"], ["../other"]):
        words = [sys.executable, "-m", "pytest", *words]
        done = subprocess.run(words, cwd=at, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    tell()
"""


def test_a_test_that_runs_pytest_gives_it_the_right_ports(shop, base, tmp_path):
    other = repository(tmp_path / "other", free_ports(40))
    other.init()
    shop.init()
    write(shop, NESTS)
    (shop.root / "test_inner.py").write_text(
        "def test_inner(tell, ports): tell(ports=dict(ports))\n"
    )
    write(other, "def test_other(tell, ports): tell(ports=dict(ports))")

    suite = ran("-n1", "-kouter", at=shop)

    assert suite.code == 0, suite.out
    (outer,) = (each for each in suite.told if each.test == "test_outer")
    (theirs,) = (each for each in suite.told if each.test == "test_other")
    inner = [each for each in suite.told if each.test.startswith("test_inner")]
    plain = [each for each in inner if not each.worker]
    spread = [each for each in inner if each.worker]
    assert [each.ports for each in plain] == [outer.ports]
    assert len(spread) == 1
    assert disjoint(range(base, base + 3), *map(moving, (outer, *spread)))
    assert theirs.ports["web"] == other.port()
    assert "PORTCONF_RUN" not in theirs.environ
    controllers = [each for each in suite.told if each.test == "controller"]
    assert sorted(each.port() for each in controllers) == sorted([base, outer.port()])
    assert all(e.more.get("ports", e.ports) == e.ports for e in suite.told)
    assert processes() == {}


KILLED = """
import pytest

@pytest.mark.parametrize("nth", range(2))
def test_stays(nth, tell, meet):
    tell()
    meet("never")
"""


def test_what_a_killed_controller_has_leased_ends_with_its_workers(shop):
    """And what a worker has that was stopped stays."""
    shop.init()
    write(shop, KILLED)

    with started("-n2", at=shop) as suite:
        until(lambda: len(suite.told) == 2)
        (first, second), controller = suite.told, suite.process
        began = {each.pid: sockets.started(each.pid) or "" for each in suite.told}
        try:
            os.kill(first.pid, signal.SIGSTOP)
            controller.send_signal(signal.SIGSTOP)
            others = lease_and_end(shop)
            assert others.isdisjoint(moving(first) + moving(second))
            assert {*processes().values()} == {first.pid, second.pid}

            controller.kill()
            controller.wait()
            os.kill(second.pid, signal.SIGKILL)
            until(lambda: sockets.ended(second.pid, began[second.pid]))
            assert {*processes().values()} == {first.pid, second.pid}  # nobody watches
            others = lease_and_end(shop)
            assert {*processes().values()} == {first.pid}
            assert others.isdisjoint(moving(first))
        finally:
            os.kill(first.pid, signal.SIGKILL)
        until(lambda: sockets.ended(first.pid, began[first.pid]))
        lease_and_end(shop)

    assert processes() == {}


def lease_and_end(at: Checkout) -> set[int]:
    """Lease ports to this process, and give them up; return which they were."""
    (own,) = Project.find(str(at.root)).isolated()
    own.end()
    return {*own.ports().values()}
