"""The API in checkouts: what it returns is this checkout's own, and is leased."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from capability import needs
from checkouts import Checkout, declaration, leased, registry, rows, server

import portconf
from portconf import (
    PortManager,
    assign_port,
    export_env_vars,
    get_next_port,
    get_port,
    reset_ports,
)
from portconf.errors import ForeignListenerError, LeaseConflictError
from portconf.project import Project
from portconf.settings import Guard


pytestmark = needs("git")


@pytest.fixture
def tree(shop, monkeypatch) -> Checkout:
    """A linked worktree without a lease; the current folder."""
    made: Checkout = shop.worktree("../tree")
    monkeypatch.chdir(made.root)
    return made


USES: dict[str, Callable[[], int]] = {
    "PortManager().get_port": lambda: PortManager().get_port("web") or 0,
    "PortManager().assign_port": lambda: PortManager().assign_port("web"),
    "PortManager().get_next_port": lambda: PortManager().get_next_port() - 3,
    "PortManager().export_env_vars": lambda: int(
        PortManager().export_env_vars()["WEB_PORT"]
    ),
    "get_port": lambda: get_port("web") or 0,
    "assign_port": lambda: assign_port("web"),
    "get_next_port": lambda: get_next_port() - 3,
    "export_env_vars": lambda: int(export_env_vars()["WEB_PORT"]),
    "Project.get": lambda: Project.find().get("web"),
    "Project.ports": lambda: Project.find().ports()["web"],
    "Project.variables": lambda: int(Project.find().variables()["WEB_PORT"]),
}


@pytest.mark.parametrize("use", USES)
def test_the_first_use_takes_a_lease_and_returns_its_number(tree, base, use):
    port = USES[use]()

    held = leased()[str(tree.root)]
    assert port in held
    assert base not in held
    assert port == tree.port()


def test_a_new_service_in_a_worktree_gets_a_number_of_its_block(tree, base):
    port = assign_port("cache", "Cache")

    lease = tree.lease()
    assert lease is not None
    assert port == base + 3 + lease["shift"]
    assert port in leased()[str(tree.root)]
    assert get_port("cache") == port
    plan = Project.find().plan()
    assert plan.services["cache"].port == base + 3  # the plan knows no shift


def test_a_new_service_is_in_the_lease_before_the_plan(shop, base, monkeypatch):
    """A number that the lease cannot hold is not kept in the plan either."""
    other = Checkout(shop.root.with_name("other"))
    other.root.mkdir()
    other.declare(declaration(base + 3))
    other.init()
    shop.init()
    monkeypatch.chdir(shop.root)

    with pytest.raises(
        LeaseConflictError, match=r"cannot grow .* other is in the way|other"
    ):
        assign_port("cache")

    assert get_port("cache") is None


@pytest.mark.usefixtures("tree")
def test_what_only_looks_takes_no_lease():
    found = Project.find()

    looked = [
        found.lease(),
        found.status().lease,
        found.check(),
        found.why("web", {}).port,
        found.listed_variables(),
    ]

    assert looked == [None, None, (), None, {}]
    assert not registry().exists()


def test_a_manager_sees_a_lease_that_another_process_moved(tree):
    manager = PortManager()
    before = manager.get_port("web")
    assert before is not None
    for _ in range(3):  # until it is remembered
        time.sleep(0.06)
        manager.get_port("web")

    moved = tree.init("--relocate")["services"]["web"]
    until = time.monotonic() + 5
    while manager.get_port("web") == before and time.monotonic() < until:
        time.sleep(0.005)

    assert manager.get_port("web") == moved != before


def test_a_manager_sees_that_its_lease_was_given_to_another(shop, tree):
    manager = PortManager()
    before = manager.get_port("web")
    tree.run("release", "--checkout", ".")
    other = shop.worktree("../other")
    assert other.port() == before
    time.sleep(0.03)  # a manager may look 20 ms late

    after = manager.get_port("web")

    assert after != before
    assert after in leased()[str(tree.root)]


@pytest.mark.usefixtures("tree")
def test_the_functions_answer_for_the_checkout_of_the_current_folder(
    shop, base, monkeypatch
):
    here = get_port("web")

    monkeypatch.chdir(shop.root)
    there = get_port("web")

    assert there == base != here


@pytest.mark.usefixtures("tree")
def test_reset_by_the_api_keeps_the_lease_for_what_comes():
    before = get_port("web")

    reset_ports()

    assert get_port("web") is None
    assert assign_port("web") == before


def test_the_variables_carry_the_instance_and_a_compose_project(shop, tree, base):
    main = Project.find(str(shop.root)).variables()
    mine = export_env_vars()

    lease = tree.lease()
    assert lease is not None
    assert main["PORTCONF_INSTANCE"] == "0"
    assert "COMPOSE_PROJECT_NAME" not in main
    assert mine["PORTCONF_INSTANCE"] == str(lease["number"])
    assert mine["COMPOSE_PROJECT_NAME"] == f"tree-{lease['number']}"
    assert mine["PORTCONF_ROOT"] == str(tree.root)
    assert mine["PORTCONF_STAMP"] != main["PORTCONF_STAMP"]
    assert mine["BASE_PORT"] == str(base + lease["shift"])
    assert mine["NEXT_PORT"] == str(base + 3 + lease["shift"])


def test_a_manager_without_a_declaration_is_plan_only(tmp_path, base):
    root = tmp_path / "plain"
    root.mkdir()

    port = PortManager(base, root=root).assign_port("web")

    assert port == base
    assert not registry().exists()


def test_two_processes_that_ask_at_once_have_one_lease(tree):
    code = "import portconf; print(portconf.get_port('web'))"

    asked = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=tree.root,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": _package()},
        )
        for _ in range(4)
    ]
    told = {each.communicate(timeout=60)[0] for each in asked}

    assert told == {f"{tree.port()}\n"}
    assert rows("SELECT count(*) FROM leases") == [(1,)]


def _package() -> str:
    return str(Path(portconf.__file__).parent.parent)


class TestProject:
    """`Project` in worktrees."""

    @pytest.mark.usefixtures("tree")
    def test_init_tells_of_the_lease_and_whether_it_is_new(self):
        first = Project.find().init()
        second = Project.find().init()

        assert first.lease is not None
        assert first.lease.holder.linked
        assert first.lease_before is None
        assert second.lease_before == second.lease == first.lease
        assert second.files == ()

    @pytest.mark.usefixtures("tree")
    def test_a_lease_knows_its_services_and_its_block(self, base):
        lease = Project.find().init().lease

        assert lease is not None
        assert lease.block is not None
        assert lease.service_ports() == {
            base + lease.shift + n: name
            for n, name in enumerate(("web", "db", "queue"))
        }
        assert len(lease.block) == 100

    def test_guard_takes_the_lease_and_passes_where_nobody_listens(self, tree):
        watched = Project.find().guard()

        assert watched.seen == ()
        assert str(tree.root) in leased()

    @pytest.mark.usefixtures("tree")
    def test_guard_names_the_checkout_whose_server_is_in_the_way(self, shop):
        port = Project.find().get("db")

        with (
            server(port, at=shop.root) as pid,
            pytest.raises(ForeignListenerError) as caught,
        ):
            Project.find().guard()

        (seen,) = caught.value.listeners
        assert (seen["service"], seen["port"], seen["pid"]) == ("db", port, pid)
        assert (seen["checkout"], seen["branch"]) == (str(shop.root), "main")
        assert f"kill {pid}" in (caught.value.hint or "")
        assert "portconf init --relocate" in (caught.value.hint or "")

    @pytest.mark.usefixtures("tree")
    def test_guard_that_warns_does_not_stop(self, shop):
        port = Project.find().get("db")

        with server(port, at=shop.root):
            watched = Project.find().guard(mode=Guard.WARN)

        assert "somebody else's" in watched.notes[0]

    def test_a_server_that_a_sibling_started_counts_as_the_checkouts(
        self, tree, tmp_path
    ):
        """As one that `portconf run` started from a folder in no checkout."""
        port = Project.find().get("db")

        with server(port, at=tmp_path, PORTCONF_ROOT=str(tree.root)):
            watched = Project.find().guard()

        assert [name for name, _ in watched.seen] == ["db"]

    def test_a_worktree_inside_the_main_checkout_is_not_the_main_checkouts(
        self, shop, base
    ):
        inner = shop.worktree(".worktrees/inner")
        shop.init()

        with (
            server(base, at=inner.root),
            pytest.raises(ForeignListenerError, match=r"\.worktrees/inner"),
        ):
            Project.find(str(shop.root)).guard()

    def test_check_finds_files_of_a_checkout_without_a_lease(self, tree):
        Project.find().init()
        tree.run("release", "--checkout", ".")

        found = Project.find().check()

        assert "no lease" in found[0]

    def test_check_finds_files_of_another_lease(self, shop, tree):
        Project.find().init()
        shop.run("release", "--checkout", str(tree.root))
        shop.worktree("../other").init()  # which has the block by now
        Project.find().get("web")

        found = Project.find().check()

        assert any(".env" in each for each in found)


NOXFILE = """
import nox
import portconf.nox

nox.options.default_venv_backend = "none"
portconf.nox.verbs()


@portconf.nox.session
def whole(session):
    session.run("sh", "-c", "echo $WEB_PORT", external=True)


@nox.session
@portconf.nox.with_ports
def decorated(session):
    session.run("sh", "-c", "echo $WEB_PORT", external=True)
"""
TASKS = """
import sys
from invoke import Collection, task
from portconf import tasks as ports


@task(pre=[ports.env])
def serve(c):
    c.run("echo $WEB_PORT")


ns = Collection.from_module(sys.modules[__name__])
ns.add_collection(ports)
ns.configure({"run": {"env": ports.environment()}})
"""


@pytest.mark.parametrize(
    ("program", "file", "text", "words", "lines"),
    [
        ("nox", "noxfile.py", NOXFILE, ["-s", "whole", "decorated"], 2),
        ("inv", "tasks.py", TASKS, ["serve"], 1),
    ],
)
def test_a_listing_takes_no_lease_and_a_run_does(
    tree, base, program, file, text, words, lines
):
    (tree.root / file).write_text(text)

    def started(*given: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name(program)), *given],
            cwd=tree.root,
            env={**os.environ, "PYTHONPATH": _package()},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    started("-l")
    after_listing = registry().exists()
    done = started(*words)

    assert not after_listing
    assert done.stdout == f"{tree.port()}\n" * lines
    assert tree.port() in leased()[str(tree.root)]
    assert base not in leased()[str(tree.root)]
