"""The envelope of `--json`, and the exit codes."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from checkouts import declaration, free_ports, server
from commandline import run
from filelock import FileLock


OUTCOME = {"root", "assigned", "released", "written", "notes", "dry_run", "lease"}
LEASE = {
    *("number", "instance", "shift", "block", "ports", "project", "folder", "linked"),
    *("since", "process", "services", "stepped_over"),
}
EXPLANATION = {
    "service",
    "port",
    "assigned",
    "variable",
    "declared",
    "rule",
    "stepped_over",
    "stored",
    "exported",
    "overridden",
    "leased",
    "lease",
    "listens",
}


@pytest.fixture
def ready(sample):
    assert run("init", at=sample.root).code == 0
    return sample


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("init", OUTCOME),
        ("init --dry-run", OUTCOME),
        ("export", OUTCOME),
        ("export --format sh", {"variables", "files"}),
        ("add web", OUTCOME),
        ("release redis", OUTCOME),
        ("reset --yes", OUTCOME),
        ("status", {"root", "base_port", "next_port", "services", "lease", "notes"}),
        ("status --all", {"leases"}),
        ("guard", {"root", "listeners", "notes"}),
        ("leases", {"leases"}),
        ("gc", {"freed", "kept", "dry_run"}),
        ("gc --dry-run", {"freed", "kept", "dry_run"}),
        ("release --checkout .", {"freed", "kept", "dry_run"}),
        ("init --relocate", OUTCOME),
        ("get redis", {"service", "port"}),
        ("check", {"findings"}),
        ("why redis", EXPLANATION),
        ("completion bash", {"shell", "script"}),
    ],
)
def test_each_verb_answers_in_the_envelope(ready, words, keys):
    verb = words.split()[0]

    answer = run(*words.split(), "--json", at=ready.root)

    assert answer.code == 0
    assert set(answer.data) == keys
    assert json.loads(answer.out)["command"] == verb


def test_what_init_did_is_data(sample):
    sample.declare('[tool.portconf]\nservices = ["web", "db"]')

    done = run("--json", "init", at=sample.root).data

    assert done["root"] == str(sample.root)
    assert done["assigned"] == [
        {"service": "web", "port": 4000, "before": None, "reason": None},
        {"service": "db", "port": 4001, "before": None, "reason": None},
    ]
    assert done["released"] == []
    assert done["written"] == [
        "config/port_assignments.json",
        ".env",
        ".env.compose",
        "port_exports.sh",
    ]
    assert ["git does not ignore" in note for note in done["notes"]] == [True]


def test_what_was_released_is_data(ready):
    done = run("release", "redis", "--json", at=ready.root).data

    assert done["released"] == [{"service": "redis", "port": 4003}]
    assert done["assigned"] == []


def test_a_status_is_data(ready):
    rows = run("status", "--json", at=ready.root).data["services"]

    assert [row["port"] for row in rows] == list(range(4000, 4007))
    assert rows[1] == {
        "service": "postgres",
        "port": 4001,
        "assigned": 4001,
        "variable": "POSTGRES_PORT",
        "purpose": "PostgreSQL Database",
        "declared": True,
        "state": "free",
        "owner": None,
    }


@pytest.mark.parametrize(
    "words", ["init", "init --dry-run", "export", "add web", "status", "why redis"]
)
def test_the_lease_is_data(ready, words):
    lease = run(*words.split(), "--json", at=ready.root).data["lease"]

    assert set(lease) == LEASE
    assert (lease["instance"], lease["shift"], lease["linked"]) == (0, 0, False)
    assert (lease["project"], lease["folder"]) == ("shop", str(ready.root))
    assert lease["services"]["redis"] == 4003
    assert (lease["block"], lease["stepped_over"]) == (None, [])


def test_a_shifted_lease_is_data_with_both_numbers(ready):
    assert run("init", "--relocate", at=ready.root).code == 0

    status = run("status", "--json", at=ready.root).data
    why = run("why", "redis", "--json", at=ready.root).data

    row = next(each for each in status["services"] if each["service"] == "redis")
    lease = status["lease"]
    assert (row["port"], row["assigned"]) == (20003, 4003)
    assert (why["port"], why["assigned"], why["lease"]) == (20003, 4003, lease)
    assert (lease["shift"], lease["block"]) == (16000, "20000-20099")
    assert lease["instance"] == lease["number"] > 0
    assert lease["services"]["redis"] == 20003
    assert [(each["first"], each["last"]) for each in lease["stepped_over"]] == [
        (4000, 4006)
    ]
    assert run("get", "redis", "--json", at=ready.root).data["port"] == 20003


def test_before_the_lease_no_port_is_data(ready):
    assert run("release", "--checkout", ".", at=ready.root).code == 0

    status = run("status", "--json", at=ready.root).data
    why = run("why", "redis", "--json", at=ready.root).data

    found = {(each["port"], each["state"]) for each in status["services"]}
    assert found == {(None, None)}
    assert [each["assigned"] for each in status["services"]] == list(range(4000, 4007))
    assert status["lease"] is why["lease"] is why["port"] is None
    assert why["assigned"] == 4003
    assert status["notes"] == ["this checkout has no lease yet: run 'portconf init'"]
    # None of the two has taken one.
    assert run("leases", "--json", at=ready.root).data == {"leases": []}


@pytest.fixture
def base():
    """A base port of one's own: other tests count on the plan's usual ports."""
    return free_ports(3)


@pytest.fixture
def served(make_sample, base):
    sample = make_sample(declaration(base, "web", "redis", "db"), git=True)
    assert run("init", at=sample.root).code == 0
    return sample


@pytest.mark.parametrize(("folder", "state"), [("shop", "ours"), (".", "foreign")])
def test_who_listens_is_data(served, base, folder, state):
    with server(base + 1, at=served.root.parent / folder) as pid:
        status = run("status", "--json", at=served.root).data
        why = run("why", "redis", "--json", at=served.root).data

    states = {each["service"]: each["state"] for each in status["services"]}
    assert states == {"web": "free", "redis": state, "db": "free"}
    (owner,) = (each["owner"] for each in status["services"] if each["owner"])
    assert owner == why["listens"]
    assert (owner["port"], owner["pid"], owner["verdict"]) == (base + 1, pid, state)
    assert owner["checkout"] == (str(served.root) if state == "ours" else None)


def test_a_server_of_ours_is_data_of_the_guard(served, base):
    with server(base + 1, at=served.root) as pid:
        (listener,) = run("guard", "--json", at=served.root).data["listeners"]

    assert (listener["service"], listener["pid"]) == ("redis", pid)
    assert listener["verdict"] == "ours"


def test_a_foreign_listener_is_data(served, base, tmp_path):
    with server(base + 1, at=tmp_path) as pid:
        answer = run("guard", "--json", at=served.root)

    assert (answer.code, answer.err) == (7, "")
    assert answer.error["code"] == "foreign_listener"
    (listener,) = answer.error["listeners"]
    assert (listener["service"], listener["pid"]) == ("redis", pid)
    assert answer.error["hint"].splitlines() == [
        f"stop it: kill {pid}",
        "or give this checkout other ports: portconf init --relocate",
    ]


def test_the_schema_is_data(tmp_path):
    schema = run("schema", "--json", at=tmp_path).data

    assert schema == json.loads(run("schema", at=tmp_path).out)


def broken_declaration(sample: Any) -> None:
    sample.declare("[tool.portconf]\nbase-port = 'x'\nprot = 1")


def no_declaration(sample: Any) -> None:
    sample.declare("")


def port_of_another(sample: Any) -> None:
    sample.declare("[tool.portconf.services]\nx = { port = 4001 }\npostgres = ''")


def small_range(sample: Any) -> None:
    sample.declare("[tool.portconf]\nlast-port = 4006\nservices = ['a']")


def not_a_plan(sample: Any) -> None:
    sample.plan_file.write_text("{")


def somebody_elses_script(sample: Any) -> None:
    (sample.root / "port_exports.sh").write_text("echo mine\n")


def undeclared_service(sample: Any) -> None:
    sample.declare("[tool.portconf]\nservices = ['http-server']")


def not_a_registry(_sample: Any) -> None:
    registry = Path(os.environ["XDG_STATE_HOME"], "portconf", "registry.sqlite3")
    registry.write_bytes(b"something else, and long enough" * 100)


def another_checkout(sample: Any, text: str) -> None:
    other = sample.root.with_name("other")
    (other / ".git").mkdir(parents=True)
    (other / "pyproject.toml").write_text(text)
    assert run("init", at=other).code == 0


def small_instance_range(sample: Any) -> None:
    text = (sample.root / "pyproject.toml").read_text()
    one = 'base-port = 4000\ninstance-range = "20000-20009"\nblock-size = 10'
    sample.declare(text.replace("base-port = 4000", one))
    another_checkout(sample, (sample.root / "pyproject.toml").read_text())


def fixed_and_taken(sample: Any) -> None:
    text = "[tool.portconf.services]\nx = { port = 6379 }"
    another_checkout(sample, text)
    sample.declare(text)


def nothing(_sample: Any) -> None: ...


BLOCKS = {"first", "last", "size"}


REFUSALS = [
    (nothing, "statsu", 2, "usage", {}),
    (nothing, "", 2, "usage", {}),
    (nothing, "status --bogus", 2, "usage", {}),
    (nothing, "export --format toml", 2, "usage", {}),
    (nothing, "init --lock-timeout x", 2, "usage", {}),
    (nothing, "reset", 2, "usage", {}),
    (no_declaration, "init", 2, "config", {"problems"}),
    (nothing, "get nope", 3, "assignment", {}),
    (port_of_another, "init", 3, "port_conflict", {"port", "services"}),
    (small_range, "init", 3, "range_exhausted", {"service", "first", "last"}),
    (not_a_plan, "status", 4, "store_format", {"path"}),
    (somebody_elses_script, "export", 4, "file_conflict", {"path"}),
    (undeclared_service, "check", 1, "check", {"findings"}),
    (nothing, "release", 2, "usage", {}),
    (nothing, "release redis --checkout .", 2, "usage", {}),
    (nothing, "run --json", 125, "not_run", {}),
    (not_a_registry, "status", 5, "registry", {"path"}),
    (not_a_registry, "init --relocate", 5, "registry", {"path"}),
    (small_instance_range, "init --relocate", 5, "blocks_exhausted", BLOCKS),
    (fixed_and_taken, "init", 5, "lease_conflict", {"port", "service", "holder"}),
]


@pytest.mark.parametrize(
    ("arrange", "words", "code", "name", "parts"),
    REFUSALS,
    ids=[f"{name}: {words}" for _, words, _, name, _ in REFUSALS],
)
def test_each_refusal_answers_in_the_envelope(ready, arrange, words, code, name, parts):
    arrange(ready)

    answer = run(*words.split(), "--json", at=ready.root)

    assert answer.code == code
    assert set(answer.error) == {"code", "message", "hint", *parts}
    assert answer.error["code"] == name
    assert json.loads(answer.out)["command"] == words.partition(" ")[0]
    assert answer.err == ""


def test_every_problem_of_a_declaration_is_data(ready):
    broken_declaration(ready)

    problems = run("status", "--json", at=ready.root).error["problems"]

    assert len(problems) == 2
    assert "tool.portconf.base-port must be an integer" in problems[0]
    assert "unknown key tool.portconf.prot" in problems[1]


def test_a_lock_that_is_held_is_data(ready):
    with FileLock(ready.root / ".git" / "portconf" / "lock"):
        answer = run("release", "redis", "--lock-timeout", "0", "--json", at=ready.root)

    assert answer.code == 4
    assert answer.error["code"] == "store_locked"
    assert answer.error["path"] == "config/port_assignments.json"


def test_without_the_option_a_refusal_is_two_lines(ready):
    answer = run("get", "nope", at=ready.root)

    assert answer.out == ""
    assert answer.err.splitlines() == [
        "portconf: no service is named 'nope'",
        "hint: 'portconf status' lists them; 'portconf add nope' adds one",
    ]


def test_an_option_after_two_dashes_is_a_name(ready):
    answer = run("get", "--", "--json", at=ready.root)

    assert (answer.code, answer.out) == (3, "")
    assert "no service is named '--json'" in answer.err


def test_what_is_not_text_in_a_path_is_still_json(tmp_path):
    root = tmp_path / os.fsdecode(b"caf\xe9")
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.portconf]\nservices = ['web']\n")

    answer = run("status", "--json", at=root)

    assert answer.data["root"] == str(root)
