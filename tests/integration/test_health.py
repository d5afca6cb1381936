"""`health`: one look at real servers."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from answerers import answering, endless, said, silent, status
from checkouts import Checkout, declaration, leased, repository
from servers import serve

from portconf import Project


REFUSED = "connection refused on 127.0.0.1 and ::1"


@pytest.fixture(autouse=True)
def _no_engine_of_this_machine(monkeypatch) -> None:
    """Its containers may publish what the tests listen on."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


@pytest.fixture
def make_shop(tmp_path, base, monkeypatch) -> Callable[[str], Checkout]:
    """Make a checkout that this process stands in, so that its servers are ours."""

    def make(table: str) -> Checkout:
        shop = repository(tmp_path / "shop", base)
        (shop.root / "config" / "port_assignments.json").unlink()
        shop.declare(declaration(base, table=table))
        shop.init()
        monkeypatch.chdir(shop.root)
        return shop

    return make


@pytest.fixture
def shop(make_shop: Callable[[str], Checkout]) -> Checkout:
    """A checkout with a service for each kind of probe."""
    return make_shop(
        'web = { health = "/healthz" }\n'
        'db = { health = ["sh", "-c", "echo not yet; exit 2"] }\n'
        'queue = ""\n'
        'dns = { protocol = "udp" }'
    )


def test_what_does_not_answer_is_shown_and_ends_with_6(shop, base):
    with answering(said(status(204)), port=base):
        done = shop.run("health")

    assert done.code == 6
    assert done.out.splitlines() == [
        "service  port   probe    health       seen",
        f"web      {base}  http     healthy      HTTP 204 from /healthz on 127.0.0.1",
        f"db       {base + 1}  command  not healthy  sh exited with 2: not yet",
        f"queue    {base + 2}  tcp      not healthy  {REFUSED}",
        f"dns      {base + 3}  udp      not healthy  no UDP socket",
    ]
    assert done.err.splitlines() == [
        "portconf: 3 of 4 services are not healthy",
        "hint: start them; 'portconf status' shows who listens",
    ]


def test_where_all_answer_it_ends_with_0(shop, base):
    with answering(said(status(200)), port=base), answering(silent, port=base + 2):
        done = shop.run("health", "queue", "web")

    assert (done.code, done.err) == (0, "")
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == ["queue", "web"]


def test_a_program_reads_the_same_from_json(shop, base):
    with answering(silent, port=base + 2):
        done = shop.run("health", "queue", "--json")

    assert done.data["root"] == str(shop.root)
    assert done.data["notes"] == []
    assert done.data["seconds"] >= 0
    (queue,) = done.data["services"]
    assert 0 <= queue.pop("seconds") < 5
    assert queue == {
        "service": "queue",
        "port": base + 2,
        "probe": "tcp",
        "healthy": True,
        "seen": "accepts connections on 127.0.0.1",
    }


def test_a_program_reads_from_json_what_does_not_answer(shop):
    done = shop.run("health", "--json")

    assert (done.code, done.error["code"]) == (6, "health")
    assert "'db' on port" in done.error["message"]
    assert [each["healthy"] for each in done.error["services"]] == [False] * 4


@pytest.mark.usefixtures("shop")
def test_a_port_that_only_accepts_is_not_healthy_where_more_is_declared(base):
    # As docker-proxy: it takes the connection, and closes it.
    def proxy(_: object) -> None:
        """Close the connection."""

    with answering(proxy, port=base), answering(proxy, port=base + 1):
        report = Project.find().health(["web", "db"])

    assert [each.healthy for each in report.services] == [False, False]
    assert report.services[0].seen == (
        "no answer to GET /healthz: the connection was closed on 127.0.0.1"
    )


def test_a_shared_service_is_asked_too(make_shop, base, tmp_path):
    shop = make_shop("web = { shared = true }\ndb = { shared = true }")

    with serve(base, at=tmp_path):
        done = shop.run("health", "--json")

    assert [each["healthy"] for each in done.error["services"]] == [True, False]


def test_a_foreign_server_that_answers_is_told(shop, base, tmp_path):
    with serve(base + 2, at=tmp_path) as server:
        done = shop.run("health", "queue")

    assert done.code == 0
    assert done.err.startswith(
        f"portconf: warning: port {base + 2} of 'queue' is somebody else's:"
        f" pid {server.pid} "
    )


def test_an_answer_that_does_not_end_does_not_outlive_the_time(make_shop, base):
    make_shop('web = { health = "/" }\ndb = { health = ["sleep", "300"] }')
    began = time.monotonic()

    with answering(endless(b"", b"1"), port=base):
        report = Project.find().health(timeout=0.4)

    assert time.monotonic() - began < 5
    assert [each.seen.partition(" within ")[0] for each in report.services] == [
        "no answer to GET /",
        "sleep did not end",
    ]


def test_it_takes_the_lease_as_get_does(shop):
    shop.git("add", "-A")
    shop.git("commit", "-qm", "all")
    worktree = shop.worktree("../fix")

    done = worktree.run("health", "web", "--json")

    (asked,) = done.error["services"]
    assert asked["port"] in leased()[str(worktree.root)]
    assert asked["port"] == worktree.port("web") != shop.port("web")


def test_a_variable_of_another_checkout_does_not_reach_a_command(
    make_shop, base, monkeypatch
):
    monkeypatch.setenv("WEB_PORT", "1")
    monkeypatch.setenv("EXTRA", "2")
    shop = make_shop('web = { health = ["sh", "-c", "echo $WEB_PORT $EXTRA; exit 1"] }')

    done = shop.run("health", "--json")

    (web,) = done.error["services"]
    assert web["seen"] == f"sh exited with 1: {base} 2"


def test_an_assigned_service_that_is_not_declared_is_asked_by_its_name(shop, base):
    shop.declare(declaration(base, "other"))

    done = shop.run("health", "queue", "--json")

    assert done.error["services"][0]["port"] == base + 2


def test_the_tasks_of_invoke_take_services_one_by_one(shop, base):
    text = "from invoke import Collection\nfrom portconf import tasks as ports\n\n"
    (shop.root / "tasks.py").write_text(f"{text}ns = Collection(ports)\n")
    inv = str(Path(sys.executable).with_name("inv"))

    def invoke(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [inv, *words],
            cwd=shop.root,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    with answering(silent, port=base + 2):
        asked = invoke("ports.health", "--service", "queue", "--service", "dns")
        waited = invoke("ports.wait", "-s", "queue", "--timeout", "9")

    assert asked.returncode == 6
    assert [line.split()[0] for line in asked.stdout.splitlines()[1:]] == [
        "queue",
        "dns",
    ]
    assert waited.returncode == 0, waited
    assert waited.stderr.startswith("ports: queue: healthy after ")
