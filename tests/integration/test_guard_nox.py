"""The guard before the sessions of the real nox, and as a task of the real invoke."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from capability import needs
from checkouts import Checkout, declaration, free_ports
from commandline import external
from servers import other_user, serve


pytestmark = needs("git")
NOXFILE = """\
import sys
import nox
import portconf.nox

nox.options.default_venv_backend = "none"
nox.options.reuse_existing_virtualenvs = True


def begin(session):
    session.run("sh", "-c", f"echo $WEB_PORT > ran-{session.name}", external=True)


@portconf.nox.session(venv_backend="none")
def tests(session):
    session.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")


@nox.session
@portconf.nox.with_ports
def decorated(session):
    begin(session)


@nox.session
def called(session):
    portconf.nox.with_ports(session)
    begin(session)


@portconf.nox.session(guard=False)
def unwatched(session):
    begin(session)


@nox.session
@portconf.nox.with_ports(guard=False)
def unwatched_decorated(session):
    begin(session)


@nox.session
def unwatched_called(session):
    portconf.nox.with_ports(session, guard=False)
    begin(session)
"""
TESTS = """\
import os
import pathlib

pathlib.Path("ran-tests").write_text(os.environ["WEB_PORT"])  # as it is collected


def test_nothing():
    pass
"""
TASKS = """\
from invoke import Collection
from portconf import tasks as ports

ns = Collection(ports)
"""
WATCHED = ("tests", "decorated", "called")
UNWATCHED = ("unwatched", "unwatched_decorated", "unwatched_called")


@pytest.fixture(autouse=True)
def _no_engine_of_this_machine(monkeypatch) -> None:
    """Its containers may publish what the tests listen on."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


@pytest.fixture
def shop(tmp_path) -> Checkout:
    """A main checkout with sessions, tests and tasks."""
    made = Checkout(tmp_path / "shop")
    made.root.mkdir()
    made.git("init", "-q", "-b", "main", "--template=")
    base = free_ports(4)
    table = 'web = ""\ndb = ""\nsso = { shared = true }'
    made.declare(declaration(base, table=table))
    made.init()
    for name, text in (
        ("noxfile.py", NOXFILE),
        ("test_shop.py", TESTS),
        ("tasks.py", TASKS),
    ):
        (made.root / name).write_text(text, encoding="utf-8")
    made.git("add", "pyproject.toml", "config")
    made.git("commit", "-qm", "ports")
    return made


@pytest.fixture
def sibling(shop: Checkout) -> Checkout:
    """A worktree beside it."""
    return shop.worktree("../feature")


def start(program: str, *words: str, at: Checkout) -> subprocess.CompletedProcess[str]:
    return external(
        Path(sys.executable).with_name(program),
        *words,
        at=at.root,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def ran(checkout: Checkout) -> set[str]:
    """Return the sessions whose bodies were begun."""
    return {path.name.removeprefix("ran-") for path in checkout.root.glob("ran-*")}


@pytest.mark.parametrize("session", WATCHED)
def test_a_foreign_server_stops_nox_before_the_session_begins(shop, sibling, session):
    with serve(shop.port(), at=sibling.root) as server:
        done = start("nox", "-s", session, "unwatched", at=shop)

    assert done.returncode == 7
    assert ran(shop) == set()  # and the next one was not begun either
    assert (
        f"portconf: port {server.port} of 'web' is somebody else's: pid {server.pid}"
        in done.stderr
    )
    assert f"of the checkout {sibling.root} (branch feature)" in done.stderr
    assert f"hint: stop it: kill {server.pid}\n" in done.stderr
    assert "or give this checkout other ports: portconf init --relocate" in done.stderr
    assert "Traceback" not in done.stderr


def test_our_own_server_does_not_and_a_shared_one_is_anybodys(shop, sibling):
    with (
        serve(shop.port("web"), at=shop.root),
        serve(shop.port("sso"), at=sibling.root),
    ):
        done = start("nox", "-s", *WATCHED, at=shop)

    assert done.returncode == 0
    assert ran(shop) == {*WATCHED}
    assert "portconf: " not in done.stderr


def test_another_users_server_is_a_warning(shop):
    user = other_user()

    with serve(shop.port(), at=shop.root.parent, user=user) as theirs:
        done = start("nox", "-s", "called", at=shop)

    assert done.returncode == 0
    assert ran(shop) == {"called"}
    (warning,) = (line for line in done.stderr.splitlines() if "portconf: " in line)
    assert (
        f"port {theirs.port} of 'web' is perhaps not ours: pid {theirs.pid}" in warning
    )
    assert " of user " in warning


def test_a_session_may_be_left_unwatched(shop, sibling):
    with serve(shop.port(), at=sibling.root):
        done = start("nox", "-s", *UNWATCHED, at=shop)

    assert done.returncode == 0
    assert ran(shop) == {*UNWATCHED}
    assert "somebody else's" not in done.stderr


@pytest.mark.parametrize(("mode", "warnings"), [("warn", 2), ("off", 0)])
def test_a_declaration_may_say_so_for_all(shop, sibling, mode, warnings):
    port = shop.port()
    text = (shop.root / "pyproject.toml").read_text()
    shop.declare(
        text.replace("[tool.portconf]\n", f'[tool.portconf]\nguard="{mode}"\n')
    )

    with serve(port, at=sibling.root):
        done = start("nox", "-s", "decorated", "called", at=shop)

    assert done.returncode == 0
    assert ran(shop) == {"decorated", "called"}
    assert done.stderr.count("somebody else's") == warnings


def test_the_task_of_invoke_ends_as_the_command_does(shop, sibling):
    with serve(shop.port(), at=sibling.root) as server:
        done = start("inv", "ports.guard", at=shop)
        its = shop.run("guard")

    assert (done.returncode, its.code) == (7, 7)
    assert f"pid {server.pid}" in done.stderr
    assert done.stderr == its.err.replace("portconf: ", "ports: ", 1)
