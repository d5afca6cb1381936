"""`status`, `check`, `why`, `get` and `completion`: what a reader is told."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from capability import needs
from checkouts import declaration, free_ports, server
from commandline import run

from portconf.cli import VERBS


@pytest.fixture
def ready(sample):
    assert run("init", at=sample.root).code == 0
    return sample


def plan(sample: Any) -> Any:
    return json.loads(sample.plan_file.read_text())


def keep(sample: Any, **changes: object) -> None:
    sample.plan_file.write_text(json.dumps({**plan(sample), **changes}))


def test_a_piped_status_is_columns(make_sample):
    sample = make_sample("[tool.portconf.services]\nweb = 'Web'\npostgres = ''")
    run("init", at=sample.root)

    assert run("status", at=sample.root).out == (
        "service   port  variable       state  purpose\n"
        "web       4000  WEB_PORT       free   Web\n"
        "postgres  4001  POSTGRES_PORT  free\n"
    )


def test_a_piped_status_of_a_shifted_checkout_has_both_numbers(make_sample):
    sample = make_sample("[tool.portconf.services]\nweb = 'Web'\ndb = { port = 5432 }")
    run("init", at=sample.root)
    run("init", "--relocate", at=sample.root)

    assert run("status", at=sample.root).out == (
        "service  port          variable  state  purpose\n"
        "web      20000 (4000)  WEB_PORT  free   Web\n"
        "db       5432          DB_PORT   free\n"
    )


@pytest.mark.parametrize(("folder", "state"), [("shop", "ours"), (".", "foreign")])
def test_who_listens_is_told(make_sample, folder, state):
    base = free_ports(2)  # other tests count on the plan's usual ports
    sample = make_sample(declaration(base, "web", "redis"), git=True)
    run("init", at=sample.root)

    with server(base + 1, at=sample.root.parent / folder) as pid:
        answer = run("status", at=sample.root)
        why = run("why", "redis", at=sample.root).out

    assert [line.split() for line in answer.out.splitlines()[1:]] == [
        ["web", str(base), "WEB_PORT", "free"],
        ["redis", str(base + 1), "REDIS_PORT", state],
    ]
    assert answer.err.startswith(f"portconf: redis: pid {pid} (")
    assert (f"of the checkout {sample.root}" in answer.err) == (state == "ours")
    assert f"\n  listens      {state}: pid {pid} (" in why


def test_status_lists_what_has_no_port_and_what_is_not_declared(make_sample):
    sample = make_sample("[tool.portconf.services]\nweb = 'Web'\ndb = 'Data'")
    run("init", at=sample.root)
    sample.declare("[tool.portconf.services]\nqueue = 'Jobs'\nweb = 'Web'")

    answer = run("status", at=sample.root)

    assert [line.split(maxsplit=4) for line in answer.out.splitlines()[1:]] == [
        ["web", "4000", "WEB_PORT", "free", "Web"],
        ["db", "4001", "DB_PORT", "free", "Data (not declared)"],
        ["queue", "-", "QUEUE_PORT", "-", "Jobs"],
    ]
    assert answer.err == "portconf: no port yet for queue: run 'portconf init'\n"


def test_a_status_before_the_first_init_writes_nothing(sample):
    answer = run("status", at=sample.root)

    assert answer.code == 0
    assert not sample.plan_file.exists()
    assert not Path(os.environ["XDG_STATE_HOME"]).exists()
    cells = [line.split() for line in answer.out.splitlines()[1:]]
    assert [(port, state) for _, port, _, state, *_ in cells] == [("-", "-")] * 7


def test_a_status_without_a_lease_shows_the_plan_and_takes_none(ready):
    assert run("release", "--checkout", ".", at=ready.root).code == 0

    answer = run("status", at=ready.root)

    cells = [line.split() for line in answer.out.splitlines()[1:]]
    assert [cell[1:3] for cell in cells] == [["-", f"({n})"] for n in range(4000, 4007)]
    assert answer.err == (
        "portconf: warning: this checkout has no lease yet: run 'portconf init'\n"
    )
    assert run("leases", "--json", at=ready.root).data == {"leases": []}


def two_on_one_port(sample: Any) -> None:
    services = plan(sample)["services"]
    services["redis"]["port"] = 4001
    keep(sample, services=services)


def declared_and_new(sample: Any) -> None:
    sample.declare("[tool.portconf]\nservices = ['http-server', 'web']")


def no_longer_declared(sample: Any) -> None:
    text = (sample.root / "pyproject.toml").read_text()
    sample.declare(text.replace('redis = "Redis Cache (future)"\n', ""))


def fixed_elsewhere(sample: Any) -> None:
    text = (sample.root / "pyproject.toml").read_text()
    sample.declare(text.replace('"Redis Cache (future)"', "{ port = 6379 }"))


def another_base(sample: Any) -> None:
    text = (sample.root / "pyproject.toml").read_text()
    sample.declare(text.replace("base-port = 4000", "base-port = 5000"))


def another_purpose(sample: Any) -> None:
    text = (sample.root / "pyproject.toml").read_text()
    sample.declare(text.replace("Redis Cache (future)", "Redis Cache"))


def stale(name: str) -> Callable[[Any], None]:
    def change(sample: Any) -> None:
        text = (sample.root / name).read_text()
        (sample.root / name).write_text(text.replace("4003", "4009"))

    return change


def set_outside_the_section(sample: Any) -> None:
    with (sample.root / ".env").open("a") as file:
        file.write("REDIS_PORT=6379\n")


def somebody_elses(sample: Any) -> None:
    (sample.root / "port_exports.sh").write_text("echo mine\n")


def shifted_by_hand(sample: Any) -> None:
    text = (sample.root / ".env").read_text()
    (sample.root / ".env").write_text(text.replace("=400", "=2000"))


DISAGREEMENTS = [
    (two_on_one_port, "port 4001 is assigned to both 'postgres' and 'redis'"),
    (declared_and_new, "'web' is declared but has no port"),
    (no_longer_declared, "'redis' has port 4003 but is not declared"),
    (fixed_elsewhere, "'redis' is declared with port 6379 but has 4003"),
    (another_base, "the plan began at 4000 but tool.portconf.base-port is 5000"),
    (another_purpose, "port_assignments.json is not what 'portconf init' would write"),
    (stale(".env"), ".env is not what 'portconf init' would write"),
    (stale(".env.compose"), ".env.compose is not what 'portconf init' would write"),
    (stale("port_exports.sh"), "port_exports.sh is not what 'portconf init' would"),
    (set_outside_the_section, "sets REDIS_PORT outside portconf's section, at line 16"),
    (somebody_elses, "port_exports.sh was not written by portconf"),
    (shifted_by_hand, ".env is not what 'portconf init' would write"),
]


@pytest.mark.parametrize(
    ("disturb", "told"), DISAGREEMENTS, ids=[told[:40] for _, told in DISAGREEMENTS]
)
def test_check_finds_a_disagreement(ready, disturb, told):
    agreed = run("check", at=ready.root)
    disturb(ready)

    answer = run("check", at=ready.root)

    assert (agreed.code, agreed.out) == (0, "")
    assert (answer.code, answer.out) == (1, "")
    assert told in answer.err


def test_check_finds_files_that_no_lease_stands_behind(ready):
    run("init", "--relocate", at=ready.root)
    agreed = run("check", at=ready.root)
    run("release", "--checkout", ".", at=ready.root)

    answer = run("check", at=ready.root)

    assert agreed.code == 0
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        "portconf: .env, .env.compose, port_exports.sh: written, but this checkout has"
        " no lease of ports\n"
    )
    assert run("leases", "--json", at=ready.root).data == {"leases": []}


@pytest.mark.parametrize(
    ("root", "stamp", "told"),
    [
        ("/home/you/other", "0123", "the exports of another checkout, /home/you/other"),
        (None, "0123", "older exports of this checkout"),
        (None, None, None),
    ],
    ids=["another checkout's", "older", "current"],
)
def test_a_stale_shell_is_told_of(ready, monkeypatch, root, stamp, told):
    kept = json.loads(run("export", "--format", "json", at=ready.root).out)
    monkeypatch.setenv("PORTCONF_ROOT", root or kept["PORTCONF_ROOT"])
    monkeypatch.setenv("PORTCONF_STAMP", stamp or kept["PORTCONF_STAMP"])

    checked = run("check", at=ready.root)
    shown, guarded = (run(verb, at=ready.root) for verb in ("status", "guard"))

    assert checked.code == (1 if told else 0)
    assert (shown.code, guarded.code) == (0, 0)
    for each in (checked, shown, guarded):
        assert (f"this shell has {told}" in each.err) == bool(told)
        assert told or "this shell" not in each.err


def test_check_of_a_fresh_clone_misses_no_generated_file(ready):
    for name in (".env", ".env.compose", "port_exports.sh"):
        (ready.root / name).unlink()

    assert run("check", at=ready.root).code == 0


def test_why_tells_where_a_number_comes_from(ready):
    told = run("why", "redis", at=ready.root).out

    assert told.splitlines() == [
        "redis has port 4003, as REDIS_PORT",
        "  declared     pyproject.toml:8: tool.portconf.services.redis",
        "  rule         in sequence from base port 4000; kept until it is released",
        "  stored       config/port_assignments.json:18",
        "  lease        the plan as it stands, 4000-4006 (instance 0)",
        "  exported     .env:8: REDIS_PORT=4003",
        "  exported     .env.compose:7: REDIS_PORT=4003",
        "  exported     port_exports.sh:8: export REDIS_PORT=4003",
    ]


def test_why_tells_of_the_block_and_what_it_stepped_over(ready):
    run("init", "--relocate", at=ready.root)

    told = run("why", "redis", at=ready.root).out

    block = "block 20000-20099 (instance 1), which shifts 4003 by 16000 to 20003"
    reason = "'portconf init --relocate' gave the plan's own ports up"
    assert told.splitlines() == [
        "redis has port 20003, as REDIS_PORT",
        "  declared     pyproject.toml:8: tool.portconf.services.redis",
        "  rule         in sequence from base port 4000; kept until it is released",
        "  stored       config/port_assignments.json:18",
        f"  lease        {block}",
        f"  stepped over 4000-4006: {reason}",
        "  exported     .env:8: REDIS_PORT=20003",
        "  exported     .env.compose:7: REDIS_PORT=20003",
        "  exported     port_exports.sh:8: export REDIS_PORT=20003",
    ]


@pytest.mark.parametrize(("value", "overridden"), [("4003", False), ("6379", True)])
def test_why_tells_what_the_shell_says_instead(ready, monkeypatch, value, overridden):
    monkeypatch.setenv("REDIS_PORT", value)

    told = run("why", "redis", at=ready.root).out

    line = f"  overridden   REDIS_PORT={value} in this shell's environment\n"
    assert (line in told) == overridden


def test_why_tells_which_numbers_were_stepped_over(make_sample):
    sample = make_sample(
        "[tool.portconf]\nbase-port = 4044\nservices = ['a', 'b', 'c']"
    )
    run("init", at=sample.root)
    run("release", "b", at=sample.root)

    assert "stepped over" not in run("why", "a", at=sample.root).out
    assert run("why", "c", "--json", at=sample.root).data["stepped_over"] == [
        {"port": 4045, "reason": "browsers refuse it"},
        {"port": 4046, "reason": "released, or once fixed"},
    ]
    assert (
        "  stepped over 4045: browsers refuse it\n"
        in run("why", "c", at=sample.root).out
    )


@pytest.mark.parametrize("verb", ["why", "get"])
def test_a_service_without_a_port_is_told_from_one_that_is_not(sample, verb):
    declared = run(verb, "redis", at=sample.root)
    unknown = run(verb, "nobody", at=sample.root)

    assert (declared.code, declared.out) == (3, "")
    assert "'redis' is declared but has no port yet" in declared.err
    assert "portconf init" in declared.err
    assert (unknown.code, unknown.out) == (3, "")
    assert "no service is named 'nobody'" in unknown.err


def test_get_prints_the_number_and_nothing_else(ready):
    answer = run("get", "redis", at=ready.root)

    assert (answer.code, answer.out, answer.err) == (0, "4003\n", "")


def test_get_of_one_service_does_not_mind_another_s_trouble(ready):
    declared_and_new(ready)

    assert run("get", "redis", at=ready.root).out == "4003\n"


def test_help_lists_the_verbs_and_the_exit_codes(tmp_path):
    answer = run("--help", at=tmp_path)

    assert answer.code == 0
    assert "release             give a service's number up, or a" in answer.out
    for verb in VERBS:
        assert f"\n    {verb} " in answer.out
    told = " ".join(answer.out.split())
    assert "exit codes: 0 done, 1 a check found something" in told
    assert "5 registry, 6 health or wait, 7 foreign listener" in told


@pytest.mark.parametrize(
    "shell", [pytest.param(name, marks=needs(name)) for name in ("bash", "zsh", "fish")]
)
def test_a_shell_accepts_its_completion_script(tmp_path, shell):
    script = tmp_path / "script"
    script.write_text(run("completion", shell, at=tmp_path).out)

    done = subprocess.run([shell, "-n", script], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


COMPLETE_IN_BASH = """
source "$1"
complete -p portconf
COMP_WORDS=(portconf st) COMP_CWORD=1
_shtab_portconf portconf st portconf; echo "${COMPREPLY[@]}"
COMP_WORDS=(portconf export --format powe) COMP_CWORD=3
_shtab_portconf portconf powe --format; echo "${COMPREPLY[@]}"
COMP_WORDS=(portconf init --dr) COMP_CWORD=2
_shtab_portconf portconf --dr init; echo "${COMPREPLY[@]}"
"""


@needs("bash")
def test_bash_completes_a_verb_a_choice_and_an_option(tmp_path):
    script = tmp_path / "script"
    script.write_text(run("completion", "bash", at=tmp_path).out)

    done = subprocess.run(
        ["bash", "-c", COMPLETE_IN_BASH, "bash", script],
        capture_output=True,
        text=True,
        check=True,
    )

    how, *completed = done.stdout.splitlines()
    assert how.endswith("-F _shtab_portconf portconf")
    assert completed == ["status", "powershell", "--dry-run"]
    assert done.stderr == ""


@needs("fish")
def test_fish_completes_a_verb(tmp_path):
    script = tmp_path / "script"
    script.write_text(run("completion", "fish", at=tmp_path).out)

    done = subprocess.run(
        ["fish", "-N", "-c", f"source {script}; complete -C 'portconf st'"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert (
        done.stdout
        == "status\tShow the services, their ports and who listens on them\n"
    )
