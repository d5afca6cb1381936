"""Process leases: what runs and workers have of the machine, and when it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from capability import needs, unmeasured
from checkouts import (
    Checkout,
    declaration,
    free_ports,
    registry,
    repository,
    rows,
    server,
)
from patience import state, until
from tenants import crowd, family

import portconf
from portconf import runs, snapshot, sockets
from portconf.errors import BlocksExhaustedError, LeaseConflictError, RegistryError
from portconf.manager import PortManager
from portconf.project import Project
from portconf.registry.values import Lease


pytestmark = needs("git")
_HOLDER = """
import sys
from portconf.project import Project
project, *parts = Project.find(), *sys.argv[1:]
made = project.isolated(*parts)
ports = [port for each in made for port in each.ports().values()]
print(made[0].run.number, *ports, flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Running:
    """A process that has process leases."""

    process: subprocess.Popen[str]
    number: int
    ports: tuple[int, ...]

    def kill(self, *, reaped: bool = True) -> None:
        self.process.kill()
        if reaped:
            self.process.wait()
        else:
            until(lambda: state(self.process.pid) == "Z")


@contextmanager
def running(at: Checkout, *parts: str) -> Iterator[Running]:
    """Let a process in a checkout have a lease for each of its parts."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, *parts],
        cwd=at.root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            number, *ports = map(int, process.stdout.readline().split())
            yield Running(process, number, tuple(ports))
        finally:
            process.kill()


def project(at: Checkout) -> Project:
    return Project.find(str(at.root))


def numbers() -> set[int]:
    """Return the numbers of the process leases, as the database has them."""
    return {n for (n,) in rows("SELECT number FROM leases WHERE pid IS NOT NULL")}


@pytest.fixture
def made() -> Iterator[list[Project]]:
    """What a test leases to this process, given up at its end."""
    found: list[Project] = []
    yield found
    for each in found:
        each.end()


@pytest.fixture
def enter(monkeypatch, made) -> Callable[[Checkout], Project]:
    """Make this process one of an isolated run of a checkout."""

    def inside(at: Checkout) -> Project:
        (own,) = project(at).isolated()
        made.append(own)
        for name, value in own.variables().items():
            monkeypatch.setenv(name, value)
        return own

    return inside


def narrow(base: int, places: int, *services: str, **tables: str) -> str:
    """Return a declaration of which so many runs have a place."""
    plan = range(base, base + 40)  # whose block no run could have
    first = free_ports(10 * places + 10, without=plan) // 10 * 10 + 10
    settings = f'instance-range = "{first}-{first + 10 * places - 1}"\nblock-size = 10'
    return declaration(base, *services, settings=settings, **tables)


# Taking, and giving up


def test_each_part_gets_ports_of_its_own_and_the_checkout_keeps_its_state(
    shop, base, made
):
    before = {path: path.read_bytes() for path in shop.root.iterdir() if path.is_file()}

    made += project(shop).isolated("gw0", "gw1")

    first, second = (each.ports() for each in made)
    shifts = [
        {port - base - n for n, port in enumerate(e.values())} for e in (first, second)
    ]
    assert [len(each) for each in shifts] == [1, 1]
    assert shifts[0] != shifts[1]
    assert {*first.values()}.isdisjoint(second.values())
    assert rows("SELECT number FROM leases WHERE pid IS NULL") == []
    assert before == {p: p.read_bytes() for p in shop.root.iterdir() if p.is_file()}
    asked = rows("SELECT part, pid FROM leases ORDER BY number")
    assert asked == [("gw0", os.getpid()), ("gw1", os.getpid())]


def test_a_run_in_a_worktree_has_neither_its_ports_nor_the_main_checkouts(shop, made):
    tree = shop.worktree("../tree")
    shop.init()
    tree.init()

    made += project(tree).isolated()

    theirs = {*shop.ports().values(), *tree.ports().values()}
    assert theirs.isdisjoint(made[0].ports().values())
    names = made[0].variables()
    assert names["COMPOSE_PROJECT_NAME"] == f"tree-{names['PORTCONF_RUN']}"
    assert names["PORTCONF_INSTANCE"] == names["PORTCONF_RUN"]


def test_what_was_ended_is_free_at_once_and_the_rest_stays(shop, made):
    made += project(shop).isolated("a", "b")
    shop.init()

    made[0].end()

    assert made[1].run is not None
    assert numbers() == {made[1].run.number}
    project(shop).end()  # the checkout's own is none of that
    assert shop.lease() is not None


def test_nobody_ends_the_lease_of_another_process(shop):
    with running(shop) as theirs:
        opened = project(shop).leases().access().registry
        assert opened is not None
        (lease,) = opened.read(lambda table: table.runs())

        project(shop).runs().drop([lease])

        assert numbers() == {theirs.number}


def test_a_fixed_port_is_the_checkouts_and_another_checkouts_runs_are_refused(
    shop, base, made
):
    fixed = free_ports(1)
    shop.declare(declaration(base, table=f"web = {{}}\ndb = {{ port = {fixed} }}"))
    (shop.root / "config/port_assignments.json").unlink()
    project(shop).init()
    shop.git("commit", "-qam", "x")
    clone = shop.clone("../clone")

    made += project(shop).isolated()

    assert made[0].ports()["db"] == fixed
    with pytest.raises(LeaseConflictError, match=f"port {fixed} is fixed for 'db'"):
        project(clone).isolated()
    assert numbers() == {made[0].run.number}


def test_a_fixed_port_is_leased_to_the_checkout_before_its_run(shop, base, made):
    fixed = free_ports(1)
    shop.commit(base, "web")
    shop.declare(declaration(base, table=f"db = {{ port = {fixed} }}"))
    (shop.root / "config/port_assignments.json").unlink()
    project(shop).init()
    shop.run("release", "--checkout", ".")

    made += project(shop).isolated()

    kept = rows(
        "SELECT pid FROM ports JOIN leases ON lease = number WHERE port = ?", fixed
    )
    assert kept == [(None,)]


def test_where_not_all_have_room_none_is_kept(shop, base, made):
    shop.declare(narrow(base, 3))

    with pytest.raises(BlocksExhaustedError, match="no free block of 10 ports"):
        project(shop).isolated(*"abcd")

    assert rows("SELECT * FROM leases") == rows("SELECT * FROM ports") == []
    made += project(shop).isolated(*"abc")
    assert len(numbers()) == 3
    shop.git("commit", "-qam", "x")
    assert shop.worktree("../tree").run("init").code == 5


def test_what_a_probe_has_refused_for_a_moment_is_looked_at_again(shop, base, made):
    shop.declare(narrow(base, 3))
    refused: set[int] = set()

    def probe(lease: Lease) -> dict[int, str]:
        first = min(lease.service_ports())
        if first in refused:
            return {}
        refused.add(first)
        return {first: "another one's probe"}

    made += project(shop).isolated(probe=probe)

    (run,) = made
    assert len(refused) == 3  # every block that there is
    assert min(run.ports().values()) in refused
    assert numbers() == {run.run.number}


def test_what_a_probe_refuses_at_every_look_leaves_nothing_leased(shop, base):
    shop.declare(narrow(base, 3))
    asked: list[int] = []

    def probe(lease: Lease) -> dict[int, str]:
        asked.append(lease.number)
        return dict.fromkeys(lease.service_ports(), "who stays")

    with pytest.raises(BlocksExhaustedError):
        project(shop).isolated(probe=probe)

    assert 3 < len(asked) < 60
    assert numbers() == set()


def test_what_is_gone_makes_room_for_a_run(shop, base, made):
    shop.declare(narrow(base, 1))
    shop.git("commit", "-aqm", "x")
    tree = shop.worktree("../tree")
    tree.init()
    shop.git("worktree", "remove", "--force", str(tree.root))

    made += project(shop).isolated()

    assert len(numbers()) == len(rows("SELECT * FROM leases")) == 1


def test_without_a_registry_a_run_is_refused(shop, monkeypatch):
    monkeypatch.setenv("PORTCONF_REGISTRY", "off")

    with pytest.raises(RegistryError, match="registry is off"):
        project(shop).isolated()
    with pytest.raises(RegistryError, match="registry is off"):
        project(shop).free_ports()


def test_forty_processes_at_once_have_no_port_twice(tmp_path):
    """They bind every port that they were given, so the kernel is asked as well."""
    found = crowd(tmp_path, runs=30, checkouts=10)

    assert found.errors == []
    ports = [port for each in found.ports for port in each]
    assert len({*ports}) == len(ports) == 30 * 2 * 3 + 10 * 3
    # The second half came when the first had been killed with its servers listening.
    assert found.left == 15 * 2


# When it ends


@pytest.mark.parametrize("reaped", [True, False], ids=["gone", "zombie"])
@pytest.mark.parametrize("taken", ["run", "checkout", "free port"])
def test_the_lease_of_a_killed_run_is_gone_by_the_next_that_is_taken(
    taken, reaped, shop, made
):
    with running(shop, "a", "b") as theirs, running(shop) as other:
        theirs.kill(reaped=reaped)
        assert theirs.number in numbers()  # nobody watches

        if taken == "run":
            made += project(shop).isolated()
        elif taken == "checkout":
            shop.init()
        else:
            project(shop).free_ports()

        left = numbers() - {each.run.number for each in made}
        assert theirs.number not in left
        assert other.number in left
        assert len(left) == 2 if taken == "free port" else 1


def test_a_suspended_run_keeps_its_lease(shop, made):
    with running(shop) as theirs:
        theirs.process.send_signal(signal.SIGSTOP)
        until(lambda: state(theirs.process.pid) == "T")

        shop.init()
        made += project(shop).isolated()
        done = shop.run("gc")

        assert theirs.number in numbers()
        assert {*theirs.ports}.isdisjoint(made[0].ports().values())
        assert f"process {theirs.process.pid} runs" in done.err


@pytest.mark.parametrize("does", ["listen", "bind"])
def test_what_a_dead_run_has_left_listening_keeps_its_port_from_the_next(
    does, shop, base, made
):
    shop.declare(narrow(base, 2, "web"))
    (shop.root / "config/port_assignments.json").unlink()
    assert shop.run("init").code == 0
    with running(shop) as theirs, server(theirs.ports[0], at=shop.root, does=does):
        theirs.kill()

        made += project(shop).isolated()

        assert numbers() == {made[0].run.number}
        assert theirs.ports[0] not in made[0].run.ports
        with pytest.raises(BlocksExhaustedError):
            project(shop).isolated()
    made += project(shop).isolated()  # now that the server has ended


def test_gc_frees_what_has_ended_and_only_force_gives_up_what_runs(shop):
    with running(shop) as theirs, running(shop) as others:
        theirs.kill()

        dry = shop.run("gc", "--dry-run", "--json").data
        done = shop.run("gc")
        kept = shop.run("release", "--checkout", ".")
        left = numbers()
        shop.run("release", "--checkout", ".", "--force")

        assert [each["number"] for each in dry["freed"]] == [theirs.number]
        assert f"of shop at {shop.root}, process {theirs.process.pid}" in done.err
        assert left == {others.number}
        assert kept.code == 5
        assert "no checkout at" in kept.err
        assert numbers() == set()


def test_releasing_a_checkout_leaves_its_runs(shop):
    shop.init()
    with running(shop) as theirs:
        assert shop.run("release", "--checkout", ".").code == 0

        assert rows("SELECT number FROM leases") == [(theirs.number,)]


def test_the_runs_are_listed_with_their_processes(shop):
    shop.init()
    with running(shop, "gw0") as theirs, server(theirs.ports[1], at=shop.root):
        listed = shop.run("leases", "--json").data["leases"]
        shown = shop.run("leases").out.splitlines()
        looked = shop.run("status", "--all", "--json").data["leases"]
        table = shop.run("status", "--all").out

    pid = theirs.process.pid
    assert [each["process"] for each in listed] == [None, {"pid": pid, "part": "gw0"}]
    assert listed[1]["instance"] == theirs.number
    assert [*listed[1]["services"].values()] == [*theirs.ports]
    assert f"shop (process {pid} (gw0))" in shown[2]
    assert [[x["service"] for x in each["listening"]] for each in looked] == [
        [],
        ["db"],
    ]
    assert f"process {pid}" in table


# Within a run


USES: dict[str, Callable[[Checkout], object]] = {
    "get": lambda at: at.port("db"),
    "get --json": lambda at: at.run("get", "db", "--json").data["port"],
    "status": lambda at: {
        each["service"]: each["port"]
        for each in at.run("status", "--json").data["services"]
    }["db"],
    "export": lambda at: at.ports()["DB_PORT"],
    "get_port": lambda _: portconf.get_port("db"),
    "assign_port": lambda _: portconf.assign_port("db"),
    "export_env_vars": lambda _: int(portconf.export_env_vars()["DB_PORT"]),
    "a manager": lambda at: PortManager(root=at.root).get_port("db"),
    "a project": lambda at: project(at).get("db"),
    "its ports": lambda at: project(at).ports()["db"],
}


@pytest.mark.parametrize("use", USES)
def test_within_a_run_every_use_gives_the_ports_of_the_run(
    use, shop, enter, monkeypatch
):
    shop.init()
    expected = enter(shop).ports()["db"]
    monkeypatch.chdir(shop.below("src").root)

    got = USES[use](shop)

    assert got == expected == int(os.environ["DB_PORT"])


def test_a_manager_from_before_the_run_gives_its_ports_too(shop, enter):
    manager = PortManager(root=shop.root)
    before = settled(lambda: manager.get_port("db"))

    expected = enter(shop).ports()["db"]

    assert manager.get_port("db") == expected != before


def settled(ask: Callable[[], object]) -> object:
    """Ask until the answer is remembered, which no young file lets it be."""
    time.sleep(0.15)
    return ask()


@pytest.mark.parametrize("use", USES)
def test_after_the_run_has_ended_every_use_is_refused(use, shop, enter, monkeypatch):
    shop.init()
    enter(shop).end()
    monkeypatch.chdir(shop.root)

    # Of a command the helpers read an answer that is not there.
    with pytest.raises((RegistryError, AssertionError, KeyError)) as raised:
        USES[use](shop)

    done = shop.run("get", "db")
    assert (done.code, done.out) == (5, "")
    assert "has ended, or is not in" in done.err
    assert "its ports may be another's by now" in done.err
    assert "unset PORTCONF_RUN" in done.err
    if isinstance(raised.value, RegistryError):
        assert raised.value.message in done.err


def test_a_manager_sees_that_its_run_has_ended(shop, enter):
    own = enter(shop)
    manager = PortManager(root=shop.root)
    assert settled(lambda: manager.get_port("db")) == own.ports()["db"]

    own.end()
    until(lambda: _raises(lambda: manager.get_port("db")))


def _raises(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except RegistryError:
        return True
    return False


def test_in_another_projects_folder_that_projects_ports_count(shop, tmp_path, enter):
    other = repository(tmp_path / "other", free_ports(40))
    other.init()
    tree = shop.worktree("../tree")
    enter(shop)

    got, branch = other.port("db"), tree.port("db")

    assert [got] in [[p] for (p,) in rows(OF, os.fsencode(other.root))]
    assert [branch] in [[p] for (p,) in rows(OF, os.fsencode(tree.root))]
    assert str(got) != os.environ["DB_PORT"] != str(branch)


OF = "SELECT port FROM ports JOIN leases ON lease = number WHERE pid IS NULL AND root = ?"


def test_the_number_of_another_checkouts_run_is_not_ones_own(shop, enter):
    """As where the registry was made anew, or a sandbox has another one."""
    other = shop.clone("../other")
    enter(shop)
    registry().unlink()
    for end in ("-wal", "-shm"):
        registry().with_name(f"{registry().name}{end}").unlink(missing_ok=True)

    with running(other) as theirs:
        assert str(theirs.number) == os.environ["PORTCONF_RUN"]
        done = shop.run("get", "db")

    assert (done.code, done.out) == (5, "")


def test_a_service_that_comes_within_the_run_has_its_port_in_the_block_or_is_refused(
    shop, base, enter
):
    own = enter(shop)

    port = portconf_at(shop, "assign", "new")

    assert port in own.run.ports
    assert port == own.current().get("new")
    shop.declare(declaration(base, *(f"s{n}" for n in range(20))))
    assert shop.run("init").code == 0
    done = shop.run("get", "s19")
    assert done.code == 5
    assert "this run has" in done.err
    assert "start the run again" in done.err
    assert shop.run("init").code == 0  # which has nothing to do


def portconf_at(at: Checkout, verb: str, name: str) -> int | None:
    manager = PortManager(root=at.root)
    return manager.assign_port(name) if verb == "assign" else manager.get_port(name)


def test_what_changes_the_checkout_works_on_its_own_ports_also_within_a_run(
    shop, base, enter
):
    own = enter(shop)

    done = [shop.run("init"), shop.run("init"), shop.run("export"), shop.run("check")]

    assert [each.code for each in done] == [0] * 4, done
    text = (shop.root / ".env").read_text(encoding="utf-8")
    assert f"WEB_PORT={base}\n" in text
    assert "PORTCONF_RUN" not in text
    assert numbers() == {own.run.number}
    assert shop.port("web") != base
    assert shop.run("reset", "--yes").code == 0
    assert rows("SELECT number FROM leases WHERE pid IS NULL") == []
    assert numbers() == {own.run.number}


def test_a_reset_is_refused_while_the_checkouts_own_services_listen(shop, base, enter):
    shop.init()
    enter(shop)

    with server(base, at=shop.root):
        done = shop.run("reset", "--yes")

    assert done.code == 3


def test_a_server_on_the_checkouts_port_is_no_reason_for_the_guard_of_a_run(
    shop, base, tmp_path, enter
):
    shop.init()
    own = enter(shop)

    with server(base, at=tmp_path):
        beside = shop.run("guard")
    with server(own.ports()["web"], at=tmp_path):
        within = shop.run("guard")

    assert (beside.code, within.code) == (0, 7)


def test_the_hot_answers_of_the_checkout_are_neither_used_nor_spoilt(
    shop, base, tmp_path, enter, monkeypatch
):
    other = repository(tmp_path / "other", free_ports(40))
    shop.init()
    there = other.init()["services"]["web"]
    own = enter(shop)
    with monkeypatch.context() as outside:
        outside.delenv("PORTCONF_RUN")
        for each in (shop, other):
            settled(each.port)
        assert hot(shop, other) == [str(base), str(there)]

    inside = [shop.port(), other.port(), shop.run("init").code, other.run("init").code]

    assert inside == [own.ports()["web"], there, 0, 0]
    monkeypatch.delenv("PORTCONF_RUN")
    assert hot(shop, other) == [str(base), str(there)]


def hot(*checkouts: Checkout) -> list[str | None]:
    """Return the answers that need not be computed."""
    known = [snapshot.read(str(each.root)) for each in checkouts]
    return [found and found[0]["web"] for found in known]


def test_a_command_within_a_run_stays_in_it_and_for_another_project_leaves_it(
    shop, tmp_path, enter
):
    other = repository(tmp_path / "other", free_ports(40))
    own = enter(shop)

    inside, outside = (shown(each) for each in (shop, other))

    assert inside["PORTCONF_RUN"] == str(own.run.number)
    assert inside["WEB_PORT"] == str(own.ports()["web"])
    assert "PORTCONF_RUN" not in outside
    assert outside["WEB_PORT"] == str(other.port("web"))


def shown(at: Checkout) -> dict[str, str]:
    """Return the environment that a command gets from `portconf run`."""
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    with at.start("run", "--", sys.executable, "-c", code) as started:
        out, err = started.communicate(timeout=60)
    assert started.returncode == 0, err
    found: dict[str, str] = json.loads(out)
    return found


# Controllers and workers


_WORKER = """
import sys
from portconf.project import Project
controller, part = sys.argv[1:]
made = Project.find().adopted(controller, part)
print(made.run.number, *made.ports().values(), flush=True)
sys.stdin.read()
"""


def worker(at: Checkout, part: str, *, token: str = "") -> tuple[int, ...]:
    """Let a worker of this process say what it adopts."""
    done = subprocess.run(
        [sys.executable, "-c", _WORKER, token or runs.token(), part],
        cwd=at.root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(map(int, done.stdout.split()))[1:]


def test_a_worker_has_what_was_leased_for_it_and_its_replacement_another(shop, made):
    made += project(shop).isolated("gw0", "gw1")

    first, second = worker(shop, "gw1"), worker(shop, "gw1")

    assert first == tuple(made[1].ports().values())
    assert {*second}.isdisjoint((*first, *made[0].ports().values()))


def test_a_worker_keeps_its_ports_when_its_controller_is_killed(shop, made):
    with running(shop, "gw0", "gw1") as controller:
        pid = controller.process.pid
        token = f"{pid}@{sockets.started(pid)}"
        with subprocess.Popen(
            [sys.executable, "-c", _WORKER, token, "gw1"],
            cwd=shop.root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as adopter:
            assert adopter.stdout is not None
            number, *ports = map(int, adopter.stdout.readline().split())
            assert tuple(ports) == controller.ports[3:]
            controller.kill()

            made += project(shop).isolated()

            assert number in numbers()
            assert len(numbers()) == 2
            adopter.kill()


# Ports of nobody's


def test_threads_that_ask_at_once_get_no_free_port_twice(shop):
    shared = project(shop)

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(shared.free_ports, [1, 3] * 20))

    ports = [port for each in given for port in each]
    assert len({*ports}) == len(ports) == 80
    planned = {each.port for each in shared.plan().services.values()}
    assert planned.isdisjoint(ports)
    leased = {port for (port,) in rows("SELECT port FROM ports")}
    assert {*ports} <= leased


_FORKS = """
import os, sys, threading
from portconf import spare
from portconf.project import Project
project = Project.find()
ports = [*project.free_ports(3)]
# A fork may come in the very moment in which another thread asks.
held, go = threading.Event(), threading.Event()
stop = threading.Event()
def ask():
    while not stop.is_set():
        spare.pool(project.root)
threads = [threading.Thread(target=ask) for _ in range(3)]
for each in threads:
    each.start()
for _ in range(8):
    reader, writer = os.pipe()
    if os.fork() == 0:
        import signal
        signal.alarm(5)
        os.write(writer, " ".join(map(str, project.free_ports(2))).encode())
        os._exit(0)
    os.close(writer)
    ports += map(int, os.read(reader, 100).split())
stop.set()
print(*ports)
"""


def test_a_forked_child_has_free_ports_of_its_own(shop):
    done = subprocess.run(
        [sys.executable, "-c", _FORKS],
        cwd=shop.root,
        env=unmeasured(),  # coverage has a lock that a child never gets
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    ports = done.stdout.split()
    assert len(ports) == 3 + 8 * 2, done.stderr
    # Only what a child has let go may come again.
    assert {*ports[:3]}.isdisjoint(ports[3:])


def test_children_that_are_forked_while_threads_lease_have_ports_of_their_own(
    tmp_path,
):
    """SQLite's locks are the process's: a child would wait for ever, or have none."""
    found = family(tmp_path, children=12)

    ports = [port for each in found.ports for port in each]
    assert (found.hung, found.errors) == (0, [])
    assert len({*ports}) == len(ports) == 120
    assert found.rounds > 2  # else nothing was shown


def test_every_port_of_the_range_is_to_be_had_one_by_one(shop, base):
    shop.declare(narrow(base, 2))

    given = [port for _ in range(20) for port in project(shop).free_ports()]

    assert len({*given}) == 20
    with pytest.raises(BlocksExhaustedError):
        project(shop).free_ports()


def test_no_free_port_is_one_that_somebody_has(shop, base):
    shop.declare(narrow(base, 3))
    first = project(shop).settings.instance_range.first

    with server(first + 3, at=shop.root), server(first + 12, at=shop.root, does="bind"):
        given = project(shop).free_ports(8)

    assert {*given} < {*range(first + 20, first + 30)}
