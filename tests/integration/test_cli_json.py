"""The envelope of `--json`, and the exit codes."""

import json
import os
from typing import Any

import pytest
from commandline import run
from filelock import FileLock


OUTCOME = {"root", "assigned", "released", "written", "notes", "dry_run"}
EXPLANATION = {
    "service",
    "port",
    "variable",
    "declared",
    "rule",
    "stepped_over",
    "stored",
    "exported",
    "overridden",
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
        ("export --format sh", {"variables"}),
        ("add web", OUTCOME),
        ("release redis", OUTCOME),
        ("reset --yes", OUTCOME),
        ("status", {"root", "base_port", "next_port", "services"}),
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
    }


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


def nothing(_sample: Any) -> None: ...


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
