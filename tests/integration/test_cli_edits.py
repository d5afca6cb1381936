"""`add`, `release` and `reset`: what becomes of the declaration and the plan."""

import tomllib
from typing import Any

import pytest
from commandline import run, state

from portconf import PortManager


COMMENTED = """\
# The shop.
[project]
name = "shop"   # ours

[tool.portconf]
base-port = 4000 # first

[tool.portconf.services] # in order
# the face
web   = { purpose = "Web", health = "/" } # stays first
db    = "Database"      # and second
cache = { port = 6379 }

# below: the linter
[tool.ruff]
line-length = 88
"""


def declared(sample: Any) -> Any:
    return tomllib.loads((sample.root / "pyproject.toml").read_text())["tool"][
        "portconf"
    ]["services"]


def text(sample: Any) -> str:
    data: bytes = (sample.root / "pyproject.toml").read_bytes()
    return data.decode()


def test_add_declares_assigns_and_writes(sample):
    run("init", at=sample.root)

    answer = run("add", "worker", "--purpose", "Queue", at=sample.root)

    assert answer.code == 0
    assert "portconf: worker: 4007\n" in answer.err
    assert declared(sample)["worker"] == "Queue"
    assert "\nWORKER_PORT=4007\n" in (sample.root / ".env").read_text()
    assert run("check", at=sample.root).code == 0


@pytest.mark.parametrize("there", ["", "[project]\nname = 'x'\n", "[tool.ruff]\n"])
def test_add_begins_a_declaration_where_there_is_none(make_sample, there):
    sample = make_sample(there)

    answer = run("-C", str(sample.root), "add", "web", at=sample.root.parent)

    assert answer.code == 0
    assert text(sample).startswith(there)
    assert declared(sample) == {"web": ""}
    assert run("get", "web", at=sample.root).out == "4000\n"


def test_add_without_a_pyproject_says_how_to_begin(tmp_path):
    answer = run("add", "web", at=tmp_path)

    assert answer.code == 2
    assert "no pyproject.toml in this folder or above" in answer.err
    assert "touch pyproject.toml" in answer.err
    assert state(tmp_path) == {}


def test_a_health_that_is_no_path_is_a_command(sample):
    run("add", "db", "--health", "pg_isready -h 'my host'", at=sample.root)

    assert declared(sample)["db"] == {"health": ["pg_isready", "-h", "my host"]}


def test_add_takes_each_key_of_a_service(sample):
    words = (
        "--purpose=A --env=GATE --port=8443 --shared --protocol=udp"
        " --container-port=443 --scheme=https --health=/up"
    )

    answer = run("add", "gateway", *words.split(), at=sample.root)

    assert answer.code == 0
    assert declared(sample)["gateway"] == {
        "purpose": "A",
        "env": "GATE",
        "port": 8443,
        "shared": True,
        "protocol": "udp",
        "container-port": 443,
        "scheme": "https",
        "health": "/up",
    }
    assert "\nGATE=8443\n" in (sample.root / ".env").read_text()


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ("redis", 2, "service 'redis' is declared already"),
        ("Web", 2, "name must be lower-case letters"),
        ("web --port 0", 2, "services.web.port must be an integer from 1 to 65535"),
        ("web --port 70000", 2, "services.web.port must be an integer from 1 to 65535"),
        ("web --port 4002", 3, "port 4002 is fixed for 'web' but assigned to 'mongo'"),
        ("web --health=", 2, "services.web.health must be"),
        ("web --env REDIS_PORT", 2, "variable 'REDIS_PORT' is of both"),
        ("base", 2, "variable 'BASE_PORT' is one that portconf sets itself"),
    ],
)
def test_a_service_that_cannot_be_is_refused_and_nothing_written(
    sample, words, code, why
):
    run("init", at=sample.root)
    before = state(sample.root)

    answer = run("add", *words.split(), at=sample.root)

    assert answer.code == code
    assert why in answer.err
    assert state(sample.root) == before


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_add_and_release_keep_all_the_rest(make_sample, newline):
    sample = make_sample()
    before = COMMENTED.replace("\n", newline)
    (sample.root / "pyproject.toml").write_bytes(before.encode())
    run("init", at=sample.root)

    run("add", "queue", at=sample.root)
    added = text(sample)
    run("release", "queue", at=sample.root)
    run("release", "db", at=sample.root)
    released = text(sample)

    line = f'queue = ""{newline}'
    assert added.replace(line, "") == before
    assert added.index("cache =") < added.index(line) < added.index("# below")
    assert released == before.replace(
        f'db    = "Database"      # and second{newline}', ""
    )


def test_a_released_number_is_not_given_again(sample):
    run("init", at=sample.root)

    done = run("release", "redis", at=sample.root)

    assert (done.code, done.out) == (0, "")
    assert "portconf: redis: gave 4003 up\n" in done.err
    assert "redis" not in declared(sample)
    assert "REDIS_PORT" not in (sample.root / ".env").read_text()
    assert "\nunset REDIS_PORT\n" in (sample.root / "port_exports.sh").read_text()
    assert run("add", "redis", "--json", at=sample.root).data["assigned"] == [
        {"service": "redis", "port": 4007, "before": None, "reason": None}
    ]


def test_a_service_that_a_template_names_is_not_released(sample):
    sample.declare("""
        [tool.portconf.services]
        web = ""
        db = ""
        [tool.portconf.env]
        DATABASE_URL = "postgresql://127.0.0.1:{db}/app"
    """)
    run("init", at=sample.root)
    before = state(sample.root)

    answer = run("release", "db", at=sample.root)

    assert answer.code == 2
    assert "tool.portconf.env.DATABASE_URL names 'db'" in answer.err
    assert state(sample.root) == before


@pytest.mark.parametrize(
    "form",
    ["services = ['web']", "services = { web = '' }", "[tool.portconf.services.web]"],
)
def test_the_last_service_can_be_released(make_sample, form):
    sample = make_sample(f"[tool.portconf]\n{form}\n")
    run("init", at=sample.root)

    answer = run("release", "web", at=sample.root)

    assert answer.code == 0
    assert len(declared(sample)) == 0
    assert run("check", at=sample.root).code == 0
    assert run("status", "--json", at=sample.root).data["services"] == []


def test_what_is_assigned_but_not_declared_is_released(sample):
    run("init", at=sample.root)
    PortManager(root=sample.root).assign_port("worker")
    before = text(sample)

    answer = run("release", "worker", at=sample.root)

    assert answer.code == 0
    assert text(sample) == before
    assert run("check", at=sample.root).code == 0


def test_reset_drops_the_plan_and_what_was_exported(sample):
    run("init", at=sample.root)
    (sample.root / ".env").write_text(
        "MINE=1\n" + (sample.root / ".env").read_text() + "MINE_TOO=1\n"
    )
    before = text(sample)

    answer = run("reset", "--yes", "--json", at=sample.root)

    assert [each["port"] for each in answer.data["released"]] == list(range(4000, 4007))
    env = (sample.root / ".env").read_text()
    assert env.startswith("MINE=1\n")
    assert env.endswith("MINE_TOO=1\n")
    assert "REDIS_PORT" not in env
    assert "\nunset REDIS_PORT\n" in (sample.root / "port_exports.sh").read_text()
    assert text(sample) == before
    assert run("get", "redis", at=sample.root).code == 3


def test_after_a_reset_the_declaration_is_numbered_afresh(sample):
    run("init", at=sample.root)
    sample.declare("[tool.portconf]\nbase-port = 5000\nservices = ['redis']")

    run("reset", "--yes", at=sample.root)
    run("init", at=sample.root)

    assert run("get", "redis", at=sample.root).out == "5000\n"


def test_reset_without_a_terminal_asks_nobody_and_does_nothing(sample):
    run("init", at=sample.root)
    before = state(sample.root)

    answer = run("reset", at=sample.root)

    assert answer.code == 2
    assert "no terminal to ask on" in answer.err
    assert "--yes" in answer.err
    assert state(sample.root) == before


@pytest.mark.parametrize(
    "content", ['{"format": 2, "services": {}}', "{"], ids=["newer", "broken"]
)
@pytest.mark.parametrize(
    "words", ["init", "export", "add web", "release redis", "reset --yes"]
)
def test_a_refused_assignments_file_is_left_untouched(sample, words, content):
    run("init", at=sample.root)
    sample.plan_file.write_text(content)
    before = state(sample.root)

    answer = run(*words.split(), at=sample.root)

    assert answer.code == 4
    assert answer.err.startswith("portconf: config/port_assignments.json ")
    assert "hint: " in answer.err
    assert state(sample.root) == before
