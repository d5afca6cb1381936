"""The Python API: the historical functions, and `PortManager`."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from commandline import run, state

import portconf
from portconf import (
    AssignmentError,
    ConfigError,
    PortManager,
    StoreError,
    assign_port,
    export_env_vars,
    get_next_port,
    get_port,
    reset_ports,
    snapshot,
)
from portconf.project import Project


REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def ready(sample, monkeypatch):
    """A project with its ports, which holds the current folder."""
    assert run("init", at=sample.root).code == 0
    monkeypatch.chdir(sample.root)
    return sample


def test_the_functions_work_on_the_project_that_holds_the_current_folder(
    ready, monkeypatch
):
    below = ready.root / "src"
    below.mkdir()
    monkeypatch.chdir(below)

    assert get_port("redis") == 4003
    assert get_port("worker") is None
    assert get_next_port() == 4007
    assert assign_port("worker", "Queue") == 4007
    assert assign_port("worker") == get_port("worker") == 4007
    assert get_next_port() == 4008
    assert export_env_vars()["WORKER_PORT"] == "4007"
    assert ready.project.plan().services["worker"].purpose == "Queue"
    reset_ports()
    assert get_port("redis") is None
    assert get_next_port() == 4000


def test_the_functions_follow_the_current_folder(make_sample, monkeypatch):
    one = make_sample("[tool.portconf]\nservices = ['web']", name="one")
    two = make_sample("[tool.portconf]\nbase-port = 5000", name="two")

    monkeypatch.chdir(one.root)
    first = assign_port("web")
    monkeypatch.chdir(two.root)
    second = assign_port("web")

    assert (first, second) == (4000, 5000)


@pytest.mark.parametrize(
    "ask", [lambda: get_port("web"), lambda: assign_port("web"), export_env_vars]
)
def test_the_functions_need_a_project(tmp_path, ask):
    with pytest.raises(ConfigError, match=r"no pyproject.toml with \[tool.portconf\]"):
        ask()

    assert state(tmp_path) == {}


@pytest.mark.usefixtures("ready")
def test_what_the_historical_callers_wrote_still_works():
    assert str(get_port("redis") or assign_port("redis", "Redis Cache")) == "4003"
    assert str(get_port("queue") or assign_port("queue", "Queue")) == "4007"


def test_the_historical_import_works_in_this_repository():
    code = (
        "from config import port_manager as m; print(*m.__all__);"
        "print(m.get_port('postgres'), m.PortManager().get_port('redis'))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    names, ports = done.stdout.splitlines()
    assert names.split() == [
        "PortManager",
        "assign_port",
        "export_env_vars",
        "get_next_port",
        "get_port",
        "reset_ports",
    ]
    assert ports == "4001 4003"


def test_a_manager_needs_no_pyproject(tmp_path):
    manager = PortManager()

    assert manager.get_port("web") is None
    assert manager.assign_port("web", "Web") == 4000
    assert manager.assign_port("db") == 4001
    assert manager.export_env_vars()["DB_PORT"] == "4001"
    assert manager.release_port("web") is True
    assert manager.release_port("web") is False
    assert manager.assign_port("web") == 4002
    assert set(state(tmp_path)) - {"config/.port_assignments.json.lock"} == {
        "config/port_assignments.json"
    }
    manager.reset_assignments()
    assert manager.get_port("db") is None
    assert manager.assign_port("db") == 4000


def test_a_manager_works_on_the_folder_it_is_given(sample, tmp_path):
    below = sample.root / "src"
    below.mkdir()

    assert PortManager(root=below).assign_port("web") == 4000
    assert PortManager(root=str(sample.root)).get_port("web") == 4000
    assert PortManager(root=tmp_path).get_port("web") is None


def test_the_base_port_is_that_of_who_comes_first(make_sample):
    declared = make_sample("[tool.portconf]\nbase-port = 6000")

    assert PortManager(5000).assign_port("web") == 5000
    assert PortManager(base_port=7000).assign_port("db") == 5001
    # 6000 is a port that browsers refuse.
    assert PortManager(7000, root=declared.root).assign_port("web") == 6001


def test_a_reset_begins_at_the_manager_s_base_port():
    PortManager(5000).assign_port("web")
    later = PortManager(7000)

    later.reset_assignments()

    assert later.assign_port("web") == 7000


@pytest.mark.parametrize("base_port", [0, -1, 65536, "4000", 4000.0, True, None])
def test_a_base_port_that_is_no_port_is_refused(base_port):
    with pytest.raises(ConfigError, match="base_port must be an integer from 1 to"):
        PortManager(base_port)


def test_a_base_port_in_the_kernel_s_range_is_refused(monkeypatch):
    kernel = portconf.PortRange(first=32768, last=60999)
    monkeypatch.setattr("portconf.sockets.ephemeral_range", lambda: kernel)

    with pytest.raises(ConfigError, match="ephemeral range 32768-60999"):
        PortManager(40000).assign_port("web")


def test_a_declared_service_gets_what_it_declares(make_sample):
    sample = make_sample("""
        [tool.portconf.services]
        db = { port = 5432, purpose = "Data" }
        web = "Web"
    """)
    manager = PortManager(root=sample.root)

    assert manager.assign_port("web", "something else") == 4000
    assert manager.assign_port("db") == 5432
    purposes = {
        name: each.purpose for name, each in sample.project.plan().services.items()
    }
    assert purposes == {"web": "Web", "db": "Data"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Web", "name must be lower-case letters"),
        ("../web", "name must be lower-case letters"),
        ("a" * 64, "at most 63 characters"),
        ("http_server", "variable 'HTTP_SERVER_PORT' of 'http_server'"),
        ("base", "variable 'BASE_PORT' is one that portconf sets itself"),
        (None, "name must be"),
    ],
)
def test_a_name_that_is_refused_changes_nothing(ready, name, message):
    before = state(ready.root)

    with pytest.raises(ConfigError, match=message):
        assign_port(name)

    assert state(ready.root) == before


def test_variables_wait_for_every_declared_service(sample):
    manager = PortManager(root=sample.root)
    manager.assign_port("redis")

    with pytest.raises(AssignmentError, match="no port yet for 'http-server'"):
        manager.export_env_vars()


@pytest.mark.parametrize(
    "act",
    [
        lambda manager: manager.get_port("web"),
        lambda manager: manager.assign_port("web"),
        lambda manager: manager.release_port("web"),
        lambda manager: manager.get_next_port(),
        lambda manager: manager.export_env_vars(),
        lambda manager: manager.reset_assignments(),
    ],
    ids=["get", "assign", "release", "next", "export", "reset"],
)
@pytest.mark.parametrize("content", ['{"format": 2}', ""], ids=["newer", "empty"])
def test_a_refused_assignments_file_is_an_error_and_stays(ready, act, content):
    ready.plan_file.write_text(content)

    with pytest.raises(StoreError, match=r"config/port_assignments\.json "):
        act(PortManager())

    assert ready.plan_file.read_text() == content


def test_threads_share_a_manager():
    manager = PortManager()
    names = [f"service-{number}" for number in range(40)]

    with ThreadPoolExecutor(8) as threads:
        ports = list(threads.map(manager.assign_port, names))

    assert sorted(ports) == list(range(4000, 4040))
    assert [PortManager().get_port(name) for name in names] == ports


@pytest.mark.usefixtures("ready")
def test_a_port_is_remembered_while_nothing_changes(monkeypatch):
    monkeypatch.setattr(snapshot, "SETTLED_NS", -(10**15))
    manager = PortManager()
    first = [manager.get_port("redis"), get_port("redis")]

    def unwanted(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(Project, "plan", unwanted)

    assert first == [manager.get_port("redis"), get_port("redis")] == [4003, 4003]
    assert manager.get_port("nobody") is None


def test_what_another_process_changes_is_seen_at_once(ready, monkeypatch):
    monkeypatch.setattr(snapshot, "SETTLED_NS", -(10**15))
    manager = PortManager()
    before = [manager.get_port("redis"), get_port("redis")]

    done = ready.run("release", "redis")

    assert done.returncode == 0
    assert before == [4003, 4003]
    assert [manager.get_port("redis"), get_port("redis")] == [None, None]


def test_a_nearer_project_is_seen_at_once(ready, monkeypatch):
    monkeypatch.setattr(snapshot, "SETTLED_NS", -(10**15))
    inner = ready.root / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    before = get_port("redis")

    (inner / "pyproject.toml").write_text("[tool.portconf]\nbase-port = 5000\n")

    assert before == 4003
    assert assign_port("redis") == 5000
    assert get_port("redis") == 5000


def test_an_edited_declaration_is_seen_at_once(ready, monkeypatch):
    monkeypatch.setattr(snapshot, "SETTLED_NS", -(10**15))
    before = assign_port("redis")

    ready.declare("[tool.portconf]\nassignments = 'other.json'\nbase-port = 5000")

    assert before == 4003
    assert get_port("redis") is None
    assert assign_port("redis") == 5000
