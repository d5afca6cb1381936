"""`init`, and which project a command works on."""

import shutil
from pathlib import Path

import pytest
from commandline import run, state


REPOSITORY = Path(__file__).parents[2]
REFERENCE = [
    "BASE_PORT=4000",
    "NEXT_PORT=4007",
    "HTTP_SERVER_PORT=4000",
    "POSTGRES_PORT=4001",
    "MONGO_PORT=4002",
    "REDIS_PORT=4003",
    "ELASTICSEARCH_PORT=4004",
    "GRAFANA_PORT=4005",
    "PROMETHEUS_PORT=4006",
]
WRITTEN = ["config/port_assignments.json", ".env", ".env.compose", "port_exports.sh"]


def declare(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text)


def test_init_on_this_repository_writes_the_reference_values(make_sample):
    copy = make_sample("", git=True)
    for name in ("pyproject.toml", ".gitignore"):
        shutil.copy(REPOSITORY / name, copy.root)

    answer = run("init", at=copy.root)

    assert (answer.code, answer.out) == (0, "")
    assert "warning" not in answer.err
    committed = REPOSITORY / "config" / "port_assignments.json"
    assert copy.plan_file.read_bytes() == committed.read_bytes()
    for name in WRITTEN[1:]:
        lines = (copy.root / name).read_text().splitlines()
        found = [line.removeprefix("export ") for line in lines if line[0] != "#"]
        if name == "port_exports.sh":  # what another checkout's has set goes first
            assert found.pop(0).endswith("unset PORTCONF_RUN;")
        assert found[:9] == REFERENCE
        assert [line.partition("=")[0] for line in found[9:]] == [
            "PORTCONF_INSTANCE",
            "PORTCONF_ROOT",
            "PORTCONF_STAMP",
        ]


def test_a_second_init_changes_no_byte_and_no_time(sample):
    run("init", "--gitignore", at=sample.root)
    before = state(sample.root)

    answer = run("init", "--gitignore", at=sample.root)

    assert state(sample.root) == before
    assert answer.err == "portconf: nothing to do, all files are up to date\n"


def test_init_says_what_it_did(sample):
    sample.declare("[tool.portconf]\nservices = ['web', 'db']")

    told = run("init", at=sample.root).err.splitlines()

    assert told[:3] == [
        "portconf: web: 4000",
        "portconf: db: 4001",
        f"portconf: wrote {', '.join(WRITTEN)}",
    ]


def test_init_from_a_subfolder_works_on_the_project_above(sample):
    below = sample.root / "src" / "shop"
    below.mkdir(parents=True)

    answer = run("init", at=below)

    assert answer.code == 0
    assert sample.plan_file.exists()
    assert list(below.iterdir()) == []


@pytest.mark.parametrize(
    "words", ["-C shop get web", "get web -C shop", "get -Cshop web"]
)
def test_another_folder_is_named_before_or_after_the_verb(make_sample, tmp_path, words):
    sample = make_sample("[tool.portconf]\nservices = ['web']")
    run("init", at=sample.root)

    answer = run(*words.split(), at=tmp_path)

    assert (answer.code, answer.out) == (0, "4000\n")


def test_the_nearest_table_wins(sample):
    inner = sample.root / "inner"
    declare(inner, "[tool.portconf]\nbase-port = 5000\nservices = ['web']")

    done = run("init", "--json", at=inner).data

    assert done["root"] == str(inner)
    assert done["assigned"][0]["port"] == 5000


def test_a_nearer_pyproject_without_the_table_is_passed_by(sample):
    inner = sample.root / "inner"
    declare(inner, "[tool.ruff]\n")

    assert run("init", "--json", at=inner).data["root"] == str(sample.root)


def test_the_search_ends_at_the_root_of_the_checkout(sample):
    other = sample.root / "vendor" / "lib"
    (other / ".git").mkdir(parents=True)
    (other / "src").mkdir()

    answer = run("init", at=other / "src")

    assert answer.code == 2
    assert "no pyproject.toml with [tool.portconf]" in answer.err
    assert not sample.plan_file.exists()


@pytest.mark.parametrize("text", [None, "", "[project]\nname = 'shop'\n"])
def test_init_without_a_declaration_says_what_to_add(make_sample, text):
    sample = make_sample(text or "")
    if text is None:
        (sample.root / "pyproject.toml").unlink()
    before = state(sample.root)

    answer = run("init", at=sample.root)

    assert answer.code == 2
    assert "[tool.portconf]\n    services = " in answer.err
    assert "portconf add NAME" in answer.err
    assert state(sample.root) == before


DRY_RUNS = ["init", "init --gitignore", "export", "add web", "release redis", "reset"]


@pytest.mark.parametrize("words", DRY_RUNS)
@pytest.mark.parametrize("begun", [False, True])
def test_a_dry_run_shows_what_the_run_writes_and_writes_nothing(sample, words, begun):
    if begun:
        run("init", at=sample.root)
        (sample.root / ".env").write_text("MINE=1\n")
    before = state(sample.root, git=True)

    dry = run(*words.split(), "--dry-run", "--json", at=sample.root)
    diff = run(*words.split(), "--dry-run", at=sample.root)

    assert state(sample.root, git=True) == before
    yes = ["--yes"] if words == "reset" else []
    wet = run(*words.split(), *yes, "--json", at=sample.root)
    assert (dry.code, diff.code) == (wet.code, wet.code)
    if wet.code == 0:
        shown, done = dry.data, wet.data
        if not begun and done["lease"]:  # chosen twice, each time now
            shown_since = shown["lease"].pop("since")
            assert shown_since <= done["lease"].pop("since")
        assert shown == {**done, "dry_run": True}
        for name in wet.data["written"]:
            assert f"\n+++ b/{name}\n" in f"\n{diff.out}"


def test_a_dry_run_is_a_diff(sample):
    sample.declare("[tool.portconf]\nservices = ['web']")
    run("init", at=sample.root)

    answer = run("add", "db", "--dry-run", at=sample.root)

    assert answer.out.startswith("--- a/pyproject.toml\n+++ b/pyproject.toml\n@@ ")
    assert "\n+services = ['web', \"db\"]\n" in answer.out
    assert "\n+DB_PORT=4001\n" in answer.out
    assert "portconf: would write pyproject.toml, " in answer.err


def test_a_dry_run_shows_no_line_of_the_users_env_file(sample):
    sample.declare("[tool.portconf]\nservices = ['web']\ndotenv = 'conf/local'")
    (sample.root / "conf").mkdir()
    (sample.root / "conf" / "local").write_text("SECRET=1\n")

    answer = run("init", "--dry-run", at=sample.root)

    assert "\n+WEB_PORT=4000\n" in answer.out
    assert "SECRET" not in answer.out


def test_init_warns_of_a_generated_file_that_git_does_not_ignore(sample):
    (sample.root / ".gitignore").write_text(".env*\n")

    told = run("init", at=sample.root).err

    assert "git does not ignore port_exports.sh: 'portconf init --gitignore'" in told


def test_init_warns_of_a_generated_file_that_git_tracks(sample):
    (sample.root / ".gitignore").write_text("/.env.compose\n/port_exports.sh\n")
    (sample.root / ".env").write_text("MINE=1\n")
    sample.git("add", ".env")

    told = run("init", at=sample.root).err

    assert "warning: git tracks .env, which differs from checkout to checkout" in told
    assert "git rm --cached .env" in told
    assert "does not ignore" not in told


@pytest.mark.parametrize("before", ["", "*.pyc", "*.pyc\r\n", "# ours\n/.env\n"])
def test_the_lines_for_git_are_added(sample, before):
    (sample.root / ".gitignore").write_bytes(before.encode())

    told = run("init", "--gitignore", at=sample.root).err

    after = (sample.root / ".gitignore").read_bytes().decode()
    assert after.startswith(before)
    assert sorted(set(after.splitlines()) - set(before.splitlines())) == sorted(
        {"/.env", "/.env.compose", "/port_exports.sh"} - set(before.splitlines())
    )
    assert after.count("\r\n") == ("\r\n" in before) * after.count("\n")
    assert "warning" not in told
    assert sample.git("status", "--porcelain", "-uall").split()[1::2] == [
        ".gitignore",
        "config/port_assignments.json",
        "pyproject.toml",
    ]


def test_outside_of_git_nothing_is_said_of_git(make_sample):
    sample = make_sample()

    assert "git" not in run("init", at=sample.root).err


def test_a_file_of_somebody_elses_is_replaced_with_force_alone(sample):
    script = sample.root / "port_exports.sh"
    script.write_text("echo mine\n")
    before = state(sample.root)

    refused = run("init", at=sample.root)

    assert (refused.code, state(sample.root)) == (4, before)
    assert "port_exports.sh was not written by portconf" in refused.err
    assert "--force" in refused.err
    assert run("init", "--force", at=sample.root).code == 0
    assert "export REDIS_PORT=4003\n" in script.read_text()
