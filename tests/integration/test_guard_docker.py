"""Whose container publishes our ports: a stand-in for Docker, real listeners."""

import copy
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from capability import needs
from checkouts import Checkout, declaration, free_ports
from dockerstub import COMPOSED, DOCUMENTED, engine, says
from servers import needs_address, other_user, serve, without_privileges


pytestmark = [
    needs("git"),
    pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs unix sockets"),
]
ROOT = Path("/")
ANYWHERE = "0.0.0.0"  # noqa: S104 - what Docker writes
Publish = Callable[..., list[bytes]]


@pytest.fixture
def shop(tmp_path) -> Checkout:
    """A main checkout that has the plan's own ports."""
    made = Checkout(tmp_path / "shop")
    made.root.mkdir()
    made.git("init", "-q", "-b", "main", "--template=")
    made.declare(declaration(free_ports(3)))
    made.init()
    made.git("add", "pyproject.toml", "config")
    made.git("commit", "-qm", "ports")
    return made


@pytest.fixture
def publish(monkeypatch) -> Iterator[Publish]:
    """Let the engine answer with these containers; returns what it is asked."""
    with ExitStack() as stack:

        def make(*containers: dict[str, Any], **options: str) -> list[bytes]:
            path, asked = stack.enter_context(engine(says([*containers], **options)))
            monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
            return asked

        yield make


def composed(
    port: int, folder: Path, *, on: str = ANYWHERE, kind: str = "tcp"
) -> dict[str, Any]:
    """Return the recorded container of Compose, on our port and of a folder."""
    found = copy.deepcopy(COMPOSED[0])
    found["Ports"] = [{"IP": on, "PrivatePort": 5432, "PublicPort": port, "Type": kind}]
    labels = found["Labels"]
    labels["com.docker.compose.project.working_dir"] = str(folder)
    return found


def test_a_container_of_ours_passes(shop, publish):
    port = shop.port("db")
    publish(composed(port, shop.root))

    with serve(port, at=ROOT):  # as docker-proxy does
        done = shop.run("guard", "--json")

    assert done.code == 0
    (listener,) = done.data["listeners"]
    assert (listener["service"], listener["verdict"]) == ("db", "ours")
    assert (listener["container"], listener["pid"]) == ("shop-postgres-1", None)
    assert listener["folder"] == listener["checkout"] == str(shop.root)
    assert done.data["notes"] == []


def test_a_compose_file_in_a_sub_folder_is_ours(shop, publish):
    port = shop.port("db")
    publish(composed(port, shop.below("deploy").root))

    with serve(port, at=ROOT):
        done = shop.run("guard")

    assert done.err == "portconf: ours: db\n"


def test_a_container_of_another_checkout_is_told_with_all_that_mends_it(shop, publish):
    port = shop.port("db")
    sibling = shop.worktree("../feature")
    publish(composed(port, sibling.root))

    with serve(port, at=ROOT):
        done = shop.run("guard")

    who = f"container shop-postgres-1 of the Compose project shop in {sibling.root}"
    whose = f"of the checkout {sibling.root} (branch feature)"
    assert done.code == 7
    assert done.err.splitlines() == [
        f"portconf: port {port} of 'db' is somebody else's: {who}, {whose} listens there",
        "hint: stop it: docker stop shop-postgres-1",
        "or give this checkout other ports: portconf init --relocate",
    ]


def test_a_container_of_a_worktree_inside_of_ours_is_foreign(shop, publish):
    inner = shop.worktree("trees/inner")
    publish(composed(shop.port(), inner.root))

    with serve(shop.port(), at=ROOT):
        done = shop.run("guard", "--json")

    assert done.code == 7
    assert done.error["listeners"][0]["checkout"] == str(inner.root)


def test_a_container_of_a_removed_worktree_inside_of_ours_is_foreign(shop, publish):
    inner = shop.worktree("trees/inner")
    publish(composed(shop.port(), inner.root))

    with serve(shop.port(), at=ROOT):
        shutil.rmtree(inner.root)  # its containers run on
        done = shop.run("guard", "--json")

    assert done.code == 7
    assert done.error["listeners"][0]["folder"] == str(inner.root)


def test_a_container_of_a_folder_in_no_checkout_is_foreign(shop, tmp_path, publish):
    publish(composed(shop.port(), tmp_path))

    with serve(shop.port(), at=shop.root):  # where its proxy runs tells nothing
        done = shop.run("guard", "--json")

    assert done.code == 7
    (listener,) = done.error["listeners"]
    assert (listener["container"], listener["checkout"]) == ("shop-postgres-1", None)


def test_a_container_without_compose_is_a_warning(shop, publish):
    alone = copy.deepcopy(DOCUMENTED[0])
    alone["Ports"][0]["PublicPort"] = shop.port()
    publish(alone)

    with serve(shop.port(), at=ROOT):
        done = shop.run("guard")

    assert done.code == 0
    (warning,) = done.err.splitlines()
    assert "is perhaps not ours: container boring_feynman listens there" in warning


def test_the_container_counts_where_its_proxy_cannot_be_seen(shop, publish):
    user = other_user()
    publish(composed(shop.port(), shop.root))

    with serve(shop.port(), at=ROOT, user=user):
        done = subprocess.run(
            [sys.executable, "-m", "portconf", "guard"],
            cwd=shop.root,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=without_privileges,
        )

    assert done.stderr == "portconf: ours: web\n"
    assert done.returncode == 0


def test_a_container_of_ours_hides_no_foreign_server_on_another_address(
    shop, tmp_path, publish
):
    needs_address("::1")
    port = shop.port()
    publish(composed(port, shop.root, on="127.0.0.1"))

    with serve(port, at=ROOT), serve(port, at=tmp_path, on=["::1"]) as other:
        done = shop.run("guard", "--json")

    assert done.code == 7
    assert [each["pid"] for each in done.error["listeners"]] == [other.pid]


def test_a_container_that_publishes_udp_hides_no_foreign_server(
    shop, tmp_path, publish
):
    publish(composed(shop.port(), shop.root, kind="udp"))

    with serve(shop.port(), at=tmp_path) as other:
        done = shop.run("guard", "--json")

    assert done.code == 7
    assert [each["pid"] for each in done.error["listeners"]] == [other.pid]


def test_the_engine_is_not_asked_where_nobody_listens(shop, publish):
    asked = publish(composed(shop.port(), shop.root))

    done = shop.run("guard")

    assert done.code == 0
    assert asked == []


def test_an_engine_that_fails_leaves_the_process_to_judge(shop, publish):
    asked = publish(status="500 Internal Server Error")

    with serve(shop.port(), at=shop.root):
        done = shop.run("guard")

    assert done.err == "portconf: ours: web\n"
    assert len(asked) == 1


@pytest.mark.parametrize(("whose", "moves"), [("shop", False), ("feature", True)])
def test_at_the_first_lease_a_container_counts_as_any_server(
    shop, publish, whose, moves
):
    port = shop.port("db")
    publish(composed(port, shop.root.parent / whose))
    assert shop.run("release", "--checkout", str(shop.root)).code == 0

    with serve(port, at=ROOT):
        lease = shop.init()

    assert (lease["shift"] != 0) is moves


def test_reset_is_refused_while_a_container_of_ours_listens(shop, publish):
    port = shop.port("db")
    publish(composed(port, shop.root))

    with serve(port, at=ROOT):
        done = shop.run("reset", "--yes")

    assert done.code == 3
    assert "'db' (container shop-postgres-1 of the Compose project" in done.err
