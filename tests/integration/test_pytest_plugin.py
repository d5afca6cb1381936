"""The plugin in runs of the real pytest, in users' projects: without workers."""

from collections.abc import Callable

import pytest
from capability import needs
from checkouts import (
    SERVICES,
    Checkout,
    declaration,
    free_ports,
    leased,
    registry,
    repository,
    rows,
    server,
)
from patience import until
from suites import Suite, ran, write

from portconf import snapshot
from portconf.project import Project


pytestmark = needs("git")
SEES = "def test_sees(tell): tell()\n"
SETTINGS = ("[tool.portconf.pytest]",)


@pytest.fixture(autouse=True)
def _no_engine_of_this_machine(monkeypatch) -> None:
    """Its containers may publish what the tests listen on."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


def processes() -> list[tuple[object, ...]]:
    """Return the process leases, as the database has them."""
    return rows("SELECT number, pid FROM leases WHERE pid IS NOT NULL")


# What a run has

ASKS = """
import os, sqlite3

REGISTRY = os.environ["XDG_STATE_HOME"] + "/portconf/registry.sqlite3"


def holders(port):
    database = sqlite3.connect(REGISTRY)
    what = "SELECT pid FROM ports JOIN leases ON lease = number WHERE port = ?"
    return [pid for (pid,) in database.execute(what, [port])]

"""
ALL = """
import socket, subprocess, sys
import portconf
import pytest

LEFT = []


def test_all(ports, port, endpoints, tell):
    words = [sys.executable, "-m", "portconf", "get", "db"]
    tell(
        ports=dict(ports),
        port={name: port(name) for name in ports},
        endpoints={name: [e.host, e.port, e.url] for name, e in endpoints.items()},
        api={name: portconf.get_port(name) for name in ports},
        command=int(subprocess.run(words, capture_output=True, check=True).stdout),
    )
    with pytest.raises(portconf.PortconfError, match="did you mean 'web'"):
        port("wbe")
    with pytest.raises(TypeError):
        ports["web"] = 1


@pytest.mark.parametrize("nth", range(12))
def test_free(nth, free_port, tell):
    ours = socket.create_server(("127.0.0.1", free_port))
    tell(free=free_port, holders=holders(free_port))
    if nth:
        ours.close()
    else:
        LEFT.append(ours)  # as a server that nobody has stopped


def test_served(bound_socket, ports, tell):
    ours = bound_socket("web")
    with socket.create_connection(("127.0.0.1", ports["web"])) as asking:
        answering, _ = ours.accept()
        answering.sendall(b"web")
        assert asking.recv(3) == b"web"
        answering.close()
    tell(served=[ours.getsockname()[1], bound_socket("db").getsockname()[1]])


def test_after(ports):
    for name in ("web", "db"):
        socket.create_server(("127.0.0.1", ports[name])).close()


def test_taken(bound_socket, ports):
    with socket.create_server(("127.0.0.1", ports["db"])):
        bound_socket("db")
"""


def test_a_plain_run_has_the_ports_of_its_checkout(tmp_path, base):
    fixed = free_ports(1)
    text = f'web = {{ scheme = "http" }}\ndb = ""\nsso = {{ port = {fixed} }}'
    env = '[tool.portconf.env]\nDATABASE_URL = "postgresql://127.0.0.1:{db}/app"'
    shop = repository(tmp_path / "shop", base)
    shop.declare(declaration(base, table=f"{text}\n{env}"))
    (shop.root / "config/port_assignments.json").unlink()
    lease = shop.init()
    write(shop, ASKS + ALL)

    suite = ran(at=shop)

    expected = {"web": base, "db": base + 1, "sso": fixed}
    assert f"\nportconf: instance 0, {lease['ports']}\n" in suite.out
    assert suite.code == 1
    assert " 1 failed, 15 passed" in suite.out
    told = {each.test: each for each in suite.told}
    everything = told["test_all"]
    url = f"postgresql://127.0.0.1:{base + 1}/app"
    for seen in (everything.environ, everything.at_import):
        assert seen["DATABASE_URL"] == url
        assert {e: int(seen[f"{e.upper()}_PORT"]) for e in expected} == expected
        assert seen["PORTCONF_INSTANCE"] == "0"
        assert seen["PORTCONF_ROOT"] == str(shop.root)
        assert "PORTCONF_RUN" not in seen
    assert everything.more == {
        "ports": expected,
        "port": expected,
        "api": expected,
        "command": base + 1,
        "endpoints": {
            "web": ["127.0.0.1", base, f"http://127.0.0.1:{base}"],
            "db": ["127.0.0.1", base + 1, None],
            "sso": ["127.0.0.1", fixed, None],
        },
    }
    free = [told[f"test_free[{nth}]"] for nth in range(12)]
    numbers = {each.more["free"] for each in free}
    assert len(numbers) >= 10
    assert numbers.isdisjoint(expected.values())
    assert all(each.more["holders"] == [each.pid] for each in free)
    assert told["test_served"].more == {"served": [base, base + 1]}
    assert f"port {base + 1} of 'db' " in suite.out
    assert f"pid {everything.pid}" in suite.out
    assert {pid for _, pid in processes()} <= {everything.pid}  # which has ended


def test_a_run_from_above_the_project_has_its_ports(shop, base):
    shop.init()
    write(shop, "def test_sees(tell, port): tell(web=port('web'))")

    suite = ran("shop", at=shop.root.parent)

    (told,) = suite.told
    assert told.more == {"web": base}
    assert int(told.at_import["WEB_PORT"]) == base


MENTION = '[project]\nname = "x"\nversion = "1"\ndependencies = ["portconf"]\n'


@pytest.mark.parametrize("case", ["another project", "a mention"])
def test_the_project_of_the_tests_comes_before_that_of_the_current_folder(
    case, shop, base
):
    """Both lie in one repository."""
    here, there = shop.below("here"), shop.below("there")
    there.declare(declaration(base + 10))
    there.init()
    if case == "a mention":
        here.declare(MENTION)
    else:
        here.declare(declaration(base + 20))
        here.init()
    write(there.below("tests"), "def test_sees(tell, port): tell(web=port('web'))")

    suite = ran("../there/tests/test_shop.py::test_sees", at=here)

    assert suite.code == 0, suite.out
    (told,) = suite.told
    assert told.more == {"web": base + 10}
    assert int(told.at_import["WEB_PORT"]) == base + 10
    assert told.environ["PORTCONF_ROOT"] == str(there.root)


def test_tests_that_lie_in_no_project_have_the_ports_of_the_current_folder(shop, base):
    shop.init()
    there = shop.below("../there")
    there.declare(MENTION)
    write(there, "def test_sees(tell, port): tell(web=port('web'))")

    suite = ran("../there", at=shop)

    (told,) = suite.told
    assert told.more == {"web": base}


TWICE = """
import os, sys
import pytest

os.environ.pop("PYTEST_CURRENT_TEST", None)  # every run takes it away
before = dict(os.environ)
codes = [pytest.main(["--portconf-isolate=run", "-k", k]) for k in ("one", "two")]
print("\\nleft:", sorted({*os.environ.items()} ^ {*before.items()}))
sys.exit(any(codes))
"""


def test_a_second_run_of_one_process_is_no_part_of_the_first(shop):
    write(
        shop,
        "import portconf\n"
        "def test_one(tell, port): tell(web=[port('web'), portconf.get_port('web')])\n"
        "test_two = test_one\n",
    )
    (shop.root / "twice.py").write_text(TWICE, encoding="utf-8")
    shop.init()

    suite = ran(
        at=shop,
        program="twice",
        PYTHONPATH=str(shop.root),
        WEB_PORT="1",
        PORTCONF_INSTANCE="7",
    )

    assert suite.code == 0, suite.out
    assert "\nleft: []\n" in suite.out
    told = {each.test: each for each in suite.told}
    assert [*told] == ["test_one", "test_two"]
    assert all(each.more["web"] == [each.port()] * 2 for each in told.values())
    assert len({each.environ["PORTCONF_RUN"] for each in told.values()}) == 2
    assert processes() == []


def test_remembered_ports_are_the_computed_ones_and_a_change_counts_at_once(shop):
    write(shop, "import sys\ndef test_sees(tell): tell(loaded=[*sys.modules])")
    add(shop, *SETTINGS, 'isolate = "run"')
    shop.init()
    variables = [Project.find(str(shop.root)).variables()]
    remember(shop)

    remembered = ran("--portconf-isolate=off", at=shop)
    isolated = ran(at=shop)
    add(shop, "[tool.portconf.env]", 'URL = "http://127.0.0.1:{web}"')
    computed = ran("--portconf-isolate=off", at=shop)

    variables.append(Project.find(str(shop.root)).variables())
    told = [each.told[0] for each in (remembered, computed)]
    loaded = ["portconf.project" in each.more["loaded"] for each in told]
    assert loaded == [False, True]
    assert [ours(each.environ) for each in told] == variables
    assert variables[1]["URL"] == f"http://127.0.0.1:{shop.port()}"
    assert header(remembered) == header(computed)
    assert "PORTCONF_RUN" in isolated.told[0].environ


def remember(at: Checkout) -> None:
    """Ask until the answers are kept: no young file is remembered."""
    until(lambda: at.port() > 0 and snapshot.read(str(at.root)) is not None)


def add(shop: Checkout, *lines: str) -> None:
    with (shop.root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join((*lines, "")))


def ours(environ: dict[str, str]) -> dict[str, str]:
    """Return those variables that portconf has set."""
    more = {"URL", "COMPOSE_PROJECT_NAME"}
    return {
        name: value
        for name, value in environ.items()
        if name.endswith("_PORT") or name.startswith("PORTCONF_") or name in more
    }


def header(suite: Suite) -> str:
    (line,) = (e for e in suite.out.splitlines() if e.startswith("portconf: "))
    return line


def test_what_another_checkouts_shell_has_exported_does_not_leak_in(shop, monkeypatch):
    write(shop, SEES)
    tree = shop.worktree("../tree")
    shop.init()
    tree.init()
    (run,) = Project.find(str(tree.root)).isolated()
    expected = Project.find(str(shop.root)).variables()

    # Of a run with workers; these tests may be run by one themselves.
    stray = {"PORTCONF_CONTROLLER": "1@boot/space/1"}
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)

    suite = ran(at=shop, **run.variables(), **stray)
    run.end()

    (told,) = suite.told
    assert ours(told.at_import) == ours(told.environ) == expected
    assert "COMPOSE_PROJECT_NAME" in run.variables()


AWAY = """
import portconf
import pytest

@pytest.fixture(autouse=True)
def _nothing_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

def test_away(tell, port, endpoints, bound_socket, free_port):
    served = bound_socket("web").getsockname()[1]
    found = [port("web"), endpoints["web"].port, served, portconf.get_port("web")]
    tell(web=found, holders=holders(free_port))
"""


@pytest.mark.parametrize("words", ["-n0", "-n1"])
def test_ports_stay_with_the_run_where_a_test_moves_the_home(words, shop):
    """In it lies the registry: without it the worktree's lease is not to be seen."""
    tree = shop.worktree("../tree")
    shop.worktree("../earlier").init()
    write(tree, ASKS + AWAY)
    remember(tree)

    suite = ran(words, at=tree)

    assert suite.code == 0, suite.out
    (told,) = (each for each in suite.told if each.more)
    assert told.more == {"web": [told.port()] * 4, "holders": [told.pid]}
    assert ("PORTCONF_RUN" in told.environ) == (words == "-n1")


# Whose ports: isolate


def test_an_isolated_run_has_a_block_that_ends_with_it(shop, base):
    shop.init()
    test = """
import os, portconf
def test_sees(tell, ports): tell(ports=dict(ports), api=portconf.get_port("web"))
"""
    write(shop, test)
    add(shop, *SETTINGS, 'isolate = "run"')

    with server(base, at=shop.root.parent):  # is not in the way of its guard
        own = ran(at=shop)
        off = ran("--portconf-isolate=off", "--portconf-guard=off", at=shop)

    (told,), (shared,) = own.told, off.told
    web = told.port()
    assert "somebody else's" not in own.out + off.out
    assert told.more == {"ports": told.ports, "api": web}
    assert {*told.ports.values()}.isdisjoint(shared.ports.values())
    assert told.environ["PORTCONF_RUN"] == told.environ["PORTCONF_INSTANCE"]
    assert told.ports == {n: int(told.at_import[f"{n.upper()}_PORT"]) for n in SERVICES}
    assert header(own).endswith(", of this run")
    assert f" instance {told.environ['PORTCONF_RUN']}, {web}-" in header(own)
    assert shared.more["ports"] == {"web": base, "db": base + 1, "queue": base + 2}
    assert "PORTCONF_RUN" not in shared.environ
    assert processes() == []


def test_a_wrong_option_is_a_usage_error(shop):
    write(shop, SEES)

    suite = ran("--portconf-isolate=none", at=shop)

    assert suite.code == 4
    assert "argument --portconf-isolate: invalid choice: 'none' (choose" in suite.out
    assert suite.told == []


# What ends a run before it begins


def test_a_foreign_server_ends_the_run_before_anything_is_collected(shop):
    shop.init()
    write(shop, f"(TOLD := __import__('pathlib').Path('collected')).touch()\n{SEES}")
    with server(shop.port(), at=shop.root.parent) as pid:
        stopped = ran(at=shop)
        collected = (shop.root / "collected").exists()
        add(shop, *SETTINGS, 'guard = "warn"')
        warned = ran(at=shop)
        error = ran("--portconf-guard=error", "-q", at=shop)

    message = f"port {shop.port()} of 'web' is somebody else's: pid {pid}"
    for each in (stopped, error):
        assert each.code == 7
        assert f"portconf: {message}" in each.out
        assert f"\nhint: stop it: kill {pid}\n" in each.out
        assert "Traceback" not in each.out
        assert each.told == []
    assert not collected
    assert warned.code == 0
    assert f"portconf: warning: {message}" in warned.out
    assert len(warned.told) == 1


BEFORE: dict[str, tuple[Callable[[Checkout], object], str, str]] = {
    "a broken declaration": (
        lambda shop: shop.declare("[tool.portconf]\nprot = 1\n"),
        "portconf: pyproject.toml: unknown key tool.portconf.prot",
        "hint: see the configuration reference",
    ),
    "no plan": (
        lambda shop: (shop.root / "config/port_assignments.json").unlink(),
        "portconf: no port yet for 'web', 'db', 'queue'",
        "hint: run 'portconf init'",
    ),
    "a broken registry": (
        lambda _: registry().write_bytes(b"no database" * 1000),
        "portconf: the registry ",
        "hint: ",
    ),
}


@pytest.mark.parametrize("case", BEFORE)
def test_without_its_ports_no_run_begins(case, shop):
    spoil, message, hint = BEFORE[case]
    shop.init()
    write(shop, SEES)
    spoil(shop)

    suite = ran(at=shop)

    assert suite.code == 4
    assert message in suite.out
    assert hint in suite.out
    assert "Traceback" not in suite.out
    assert suite.told == []


# Who has no ports, and who only asks what there is

LOOKS = """
import os, sys
import pytest

def test_looks(tell, request):
    with pytest.raises(pytest.FixtureLookupError):
        request.getfixturevalue("ports")
    tell(loaded=sorted(each for each in sys.modules if each.startswith("portconf")))
    assert False
"""
WITHOUT: dict[str, str | None] = {
    "nothing": None,
    "another tool": "[tool.other]\nx = 1\n",
    "a mention": MENTION,
}


@pytest.mark.parametrize("case", WITHOUT)
def test_a_project_without_ports_sees_nothing_of_the_plugin(case, tmp_path):
    here = Checkout(tmp_path / "plain")
    here.root.mkdir()
    (here.root / ".git").mkdir()
    text = WITHOUT[case]
    if text is not None:
        here.declare(text)
    write(here, LOOKS)
    (here.root / "pytest.ini").write_text("[pytest]\n")

    suite = ran(at=here)

    assert "portconf:" not in suite.out
    assert suite.code == 1
    (told,) = suite.told
    assert ours(told.environ) == {}
    if case != "a mention":  # which is looked at more closely
        assert told.more["loaded"] == ["portconf", "portconf.pytest_plugin"]
    assert rows("SELECT * FROM leases") == []


LISTS = {
    "--collect-only": "::test_sees",
    "--fixtures": "The effective port of each service, by its name",
    "--help": "--portconf-guard={error,warn,off}",
    "--version": "pytest ",
}


@pytest.mark.parametrize("words", LISTS)
def test_a_listing_never_fails(words, shop):
    shop.declare("[tool.portconf]\nprot = 1\n")
    write(shop, SEES)

    suite = ran(words, at=shop)

    assert suite.code == 0, suite.out
    assert LISTS[words] in suite.out.replace("<Function ", "::")
    assert "ERROR" not in suite.out


def test_a_listing_takes_nothing(shop):
    tree = shop.worktree("../tree")
    write(tree, SEES)

    suite = ran("--collect-only", at=tree)

    assert suite.code == 0, suite.out
    assert leased() == {}


# Other plugins

THEIRS = "-p no:anyio -p no:cacheprovider -p no:hypothesispytest -p no:postgresql"
TOGETHER = """
import asyncio, os
import pytest

@pytest.mark.asyncio
async def test_async(ports, free_port, bound_socket, tell):
    server = await asyncio.start_server(lambda r, w: w.close(), sock=bound_socket("db"))
    async with server:
        await asyncio.open_connection("127.0.0.1", ports["db"])
    tell(ports=dict(ports), free=free_port)

def test_env(tell):
    tell(url=os.environ["URL"])
"""


@pytest.mark.parametrize("workers", [0, 1])
def test_it_goes_along_with_others_that_set_variables_and_shuffle(workers, shop):
    pytest.importorskip("pytest_asyncio")
    shop.init()
    write(shop, TOGETHER)
    add(shop, "[tool.pytest.ini_options]", 'env = ["URL=db at {DB_PORT}"]')

    suite = ran(f"-n{workers}", at=shop, PLUGINS=THEIRS)

    assert suite.code == 0, suite.out
    assert "--randomly-seed" in suite.out
    told = {each.test: each for each in suite.told}
    assert told["test_env"].more["url"] == f"db at {told['test_env'].port('db')}"
    assert told["test_env"].at_import["URL"] == told["test_env"].more["url"]
    assert told["test_async"].more["ports"] == told["test_async"].ports
    assert told["test_async"].more["free"] not in told["test_async"].ports.values()
