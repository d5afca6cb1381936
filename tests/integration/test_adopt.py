"""`adopt`: what it shows, what it writes, and what it leaves alone."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from commandline import Ran, run, state

from portconf import locks


COMPOSE = """\
services:
  db:
    image: postgres:16   # the elephant
    ports:
      - "5432:5432"
      - "8000-8001:8000-8001"
"""
ENV = "SECRET=x\nPOSTGRES_PORT=5432\nURL=pg://localhost:${POSTGRES_PORT}/x\n"


@pytest.fixture
def shop(tmp_path) -> Path:
    root: Path = tmp_path / "shop"
    root.mkdir()
    return root


def write(root: Path, **files: str | bytes) -> None:
    """Write files; a name has `__` for a dot, as in `compose__yaml`."""
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (root / name.replace("__", ".")).write_bytes(data)


def declared(root: Path) -> Any:
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["tool"]["portconf"]["services"]


def test_without_write_it_shows_a_diff_and_writes_nothing(shop):
    write(shop, compose__yaml=COMPOSE, __env=ENV)
    before = state(shop)

    done = run("adopt", at=shop)

    assert done.code == 0
    assert "+++ b/pyproject.toml\n" in done.out
    assert '-      - "5432:5432"\n' in done.out
    assert '+      - "${DB_PORT:?run portconf init}:5432"\n' in done.out
    assert '+POSTGRES_PORT = "{db}"\n' in done.out
    assert "-POSTGRES_PORT=5432\n" in done.out
    assert "SECRET" not in done.out + done.err
    assert ".env:2: POSTGRES_PORT is 5432, the port of 'db'\n" in done.err
    assert "not adopted: compose.yaml:6: 'db' publishes the range 8000-8001" in done.err
    assert "'portconf adopt --write' does\n" in done.err
    assert state(shop) == before


def test_with_write_it_declares_replaces_and_says_what_is_next(shop):
    write(shop, compose__yaml=COMPOSE, __env=ENV)

    done = run("adopt", "--write", at=shop)

    assert done.code == 0
    assert done.out == ""
    assert "wrote pyproject.toml, compose.yaml, .env\n" in done.err
    assert done.err.endswith("next: portconf init\n")
    assert ".env:2: POSTGRES_PORT=5432 is portconf's now\n" in done.err
    assert declared(shop) == {
        "db": {"purpose": "PostgreSQL Database", "container-port": 5432}
    }
    assert (shop / "compose.yaml").read_text() == COMPOSE.replace(
        "5432:", "${DB_PORT:?run portconf init}:"
    )


def test_after_init_a_line_that_refers_to_the_variable_still_finds_it(shop):
    write(shop, compose__yaml=COMPOSE, __env=ENV)
    run("adopt", "--write", at=shop)

    done = run("init", at=shop)

    assert done.code == 0, done.err
    lines = (shop / ".env").read_text().splitlines()
    port = next(i for i, line in enumerate(lines) if line.startswith("POSTGRES_PORT="))
    assert port < lines.index("URL=pg://localhost:${POSTGRES_PORT}/x")


def test_the_json_form_has_proposal_edits_and_what_is_unread(shop):
    write(shop, compose__yaml=COMPOSE, __env=ENV)

    data = run("adopt", "--json", at=shop).data

    assert data["read"] == ["compose.yaml", ".env"]
    assert data["services"] == [
        {
            "service": "db",
            "variable": "DB_PORT",
            "declared": False,
            "keys": {"purpose": "PostgreSQL Database", "container-port": 5432},
            "found": [{"file": "compose.yaml", "line": 5}],
        }
    ]
    assert data["variables"] == {"POSTGRES_PORT": "db"}
    assert data["edits"] == [
        {
            "file": "compose.yaml",
            "line": 5,
            "before": "5432",
            "after": "${DB_PORT:?run portconf init}",
        },
        {"file": ".env", "line": 2, "before": "POSTGRES_PORT=5432", "after": None},
    ]
    assert [(each["file"], each["line"]) for each in data["unread"]] == [
        ("compose.yaml", 6)
    ]
    assert data["written"] == ["pyproject.toml", "compose.yaml", ".env"]
    assert data["dry_run"] is True


def test_comments_and_layout_of_a_declaration_are_kept(shop):
    text = (
        "# ours\n[project]\nname = 'shop'\n\n[tool.portconf.services] # in order\n"
        "web = 'Web' # the first\n\n# the linter\n[tool.ruff]\n"
    )
    write(shop, compose__yaml=COMPOSE, pyproject__toml=text.replace("\n", "\r\n"))

    run("adopt", "--write", at=shop)

    new = 'db = {purpose = "PostgreSQL Database", container-port = 5432}\n'
    wanted = text.replace("# the first\n", f"# the first\n{new}").replace("\n", "\r\n")
    assert (shop / "pyproject.toml").read_bytes() == wanted.encode()


def test_a_folder_of_python_is_read_when_it_is_named(shop):
    (shop / "src" / "venv").mkdir(parents=True)
    (shop / "src" / ".hidden").mkdir()
    source = 'import os\nos.getenv("{}_PORT", "{}")\n'
    for name in ("src/a.py", "src/venv/b.py", "src/.hidden/c.py"):
        (shop / name).write_text(source.format(Path(name).stem.upper(), 8000))
    (shop / "src" / "venv" / "pyvenv.cfg").touch()
    (shop / "src" / "bad.py").write_text("def (\n")
    (shop / "src" / "elsewhere").symlink_to("/")

    assert run("adopt", "--json", at=shop).data["services"] == []
    done = run("adopt", "src", "--write", at=shop)

    assert declared(shop) == {"a": ""}
    assert "not adopted: src/bad.py:1: is not Python: invalid syntax\n" in done.err


def test_only_what_is_named_is_read(shop):
    write(shop, compose__yaml=COMPOSE, __env="WEB_PORT=8000\n", pyproject__toml="")
    (shop / "below").mkdir()

    data = run("adopt", "../.env", "--json", at=shop / "below").data

    assert data["read"] == [".env"]
    assert [each["service"] for each in data["services"]] == ["web"]


def test_a_line_of_env_goes_also_where_only_compose_is_named(shop):
    write(shop, stack__yml=COMPOSE, __env="DB_PORT=5432\n")

    run("adopt", "stack.yml", "--write", at=shop)

    assert (shop / ".env").read_text() == ""
    assert run("init", at=shop).code == 0


def test_another_env_file_stays_as_it_is_which_is_told(shop):
    write(shop, web__env="WEB_PORT=8000\n")

    done = run("adopt", "web.env", "--write", at=shop)

    assert (shop / "web.env").read_text() == "WEB_PORT=8000\n"
    assert "web.env:1: WEB_PORT stays here" in done.err


def test_a_stack_in_another_folder_needs_an_option_which_is_told(shop):
    write(shop, pyproject__toml="")
    (shop / "deploy").mkdir()
    write(shop / "deploy", compose__yaml=COMPOSE)

    done = run("adopt", "deploy/compose.yaml", at=shop)

    assert "deploy/compose.yaml:1: Compose looks for .env beside this file" in done.err


@pytest.mark.parametrize(
    "inside",
    [
        "environment: {URL: 'pg://db:${PORT:-1}/'}",
        "environment: [PORT]",
        "environment: {PORT: }",
        "build: {args: [PORT]}",
        "command: serve $PORT",
        "env_file: .env",
        "env_file: [{path: ./web.env, required: false}]",
    ],
)
def test_the_variable_of_a_container_stays_the_users(shop, inside):
    text = (
        "services:\n  web:\n    image: web\n    ports: ['${PORT:-3000}:3000']\n"
        f"    {inside}\n"
    )
    write(shop, compose__yaml=text, __env="PORT=3000\n", web__env="PORT=1\n")

    done = run("adopt", "--write", at=shop)

    assert declared(shop) == {"web": {"container-port": 3000}}
    assert (
        "'${WEB_PORT:?run portconf init}:3000'" in (shop / "compose.yaml").read_text()
    )
    assert (shop / ".env").read_text() == "PORT=3000\n"
    assert ".env:1: PORT goes into containers, and stays yours" in done.err


def test_what_portconf_writes_for_compose_is_no_variable_of_the_users(shop):
    text = (
        "services:\n  db:\n    image: x\n    ports: ['5432:5432']\n    env_file: {}\n"
    )
    write(shop, compose__yaml=text.replace("{}", "[.env, .env.compose]"))
    run("adopt", "--write", at=shop)
    run("init", at=shop)
    before = state(shop)

    again = run("adopt", "--write", at=shop)

    assert "nothing to adopt" in again.err
    assert state(shop) == before


def test_the_variable_of_a_container_is_not_given_to_a_host_port(shop):
    text = (
        "services:\n  api:\n    image: api\n    ports:\n"
        '      - "${API_PORT:-3000}:${API_PORT:-3000}"\n      - "9229:9229"\n'
    )
    write(shop, compose__yaml=text)

    run("adopt", "--write", at=shop)

    assert declared(shop)["api"]["env"] == "API_HOST_PORT"


def test_nothing_to_adopt_is_said_and_leaves_no_trace(shop):
    for words in (["adopt"], ["adopt", "--write"]):
        done = run(*words, at=shop)

        assert done == Ran(0, "", f"portconf: there is nothing to read in {shop}\n")
    assert state(shop) == {}
    assert list(shop.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["nowhere.yaml"], "there is no 'nowhere.yaml'"),
        (["Makefile"], "Makefile is of no kind that is read"),
        (["../other.yaml"], "'../other.yaml' lies outside of the project"),
        (["/"], "'/' lies outside of the project"),
        ([""], "there is no ''"),
        (["--rite"], "there is no option '--rite' here; did you mean '--write'?"),
    ],
)
def test_a_wrong_command_line_is_refused(shop, words, why):
    write(shop, Makefile="", compose__yaml=COMPOSE)
    write(shop.parent, other__yaml=COMPOSE)
    before = state(shop.parent)

    done = run("adopt", "--write", *words, at=shop)

    assert done.code == 2
    assert f"portconf: {why}" in done.err
    assert state(shop.parent) == before


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[[", "pyproject.toml: is not TOML"),
        (
            '[tool.portconf]\nservices = ["web"]\n',
            "services is a list, which has no place",
        ),
        ("[tool.portconf]\nports = 1\n", "unknown key tool.portconf.ports"),
    ],
)
def test_a_declaration_that_cannot_be_added_to_stops_everything(shop, text, why):
    write(shop, compose__yaml=COMPOSE, __env=ENV, pyproject__toml=text)
    before = state(shop)

    done = run("adopt", "--write", at=shop)

    assert done.code == 2
    assert why in done.err
    assert state(shop) == before


def test_a_read_only_file_stops_everything_before_anything_is_written(shop):
    write(shop, compose__yaml=COMPOSE, __env=ENV)
    (shop / ".env").chmod(0o444)

    done = run("adopt", "--write", at=shop)

    assert done.code == 4
    assert ".env cannot be written: it is read-only" in done.err
    assert (shop / "compose.yaml").read_text() == COMPOSE
    assert not (shop / "pyproject.toml").exists()


@pytest.mark.parametrize("name", ["pyproject.toml", "compose.yaml", ".env"])
def test_nothing_is_written_through_a_link_that_leads_out(shop, name):
    files = {"compose.yaml": COMPOSE, ".env": ENV, "pyproject.toml": ""}
    for each, text in files.items():
        (shop / each).write_text(text)
    outside = shop.parent / "outside"
    (shop / name).rename(outside)
    (shop / name).symlink_to(outside)

    done = run("adopt", "--write", at=shop)

    assert "is a link that leads out of the checkout" in done.err
    assert done.code == (4 if name == "pyproject.toml" else 0)
    assert outside.read_text() == files[name]
    assert (shop / name).is_symlink()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xff\xfe\x00s", id="binary"),
        pytest.param(b" " * 3_000_000, id="huge"),
        pytest.param(b"a: [\n", id="broken"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\0\0\0", id="zeroes"),
        pytest.param(
            b"a0: &a0 [x]\n"
            + b"".join(
                b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 40)
            )
            + b"services: {w: {image: x, ports: *a39}}\n",
            id="bomb",
        ),
    ],
)
def test_files_that_are_not_what_their_names_say_are_listed(shop, content):
    (shop / ".devcontainer").mkdir()
    names = ["compose.yaml", ".env", "Procfile", ".devcontainer/devcontainer.json"]
    for name in names:
        (shop / name).write_bytes(content)
    (shop / "a.py").write_bytes(content)
    before = state(shop)

    usual = run("adopt", "--write", at=shop)
    named = run("adopt", "--write", "a.py", "compose.yaml", at=shop)

    assert usual.code == named.code == 0
    assert "not adopted: compose.yaml:" in usual.err
    assert state(shop) == before


def test_a_folder_in_the_place_of_a_file_is_listed(shop):
    for name in ("compose.yaml", ".env", "Procfile"):
        (shop / name).mkdir()

    done = run("adopt", "--write", at=shop)

    assert done.code == 0
    for name in ("compose.yaml", ".env", "Procfile"):
        assert f"not adopted: {name}:1: is not a regular file\n" in done.err


def test_a_named_pipe_does_not_hang(shop):
    os.mkfifo(shop / "compose.yaml")

    assert "compose.yaml:1: is not a regular file" in run("adopt", at=shop).err


def test_a_compose_file_of_another_checkout_is_left_alone(shop):
    (shop / ".git").mkdir()
    write(shop / ".git", HEAD="ref: refs/heads/main\n")
    inner = shop / "vendor"
    (inner / ".git").mkdir(parents=True)
    write(inner / ".git", HEAD="ref: refs/heads/main\n")
    for root in (shop / ".git", inner / ".git"):
        (root / "objects").mkdir()
        (root / "refs").mkdir()
    write(shop, compose__yaml="include: [vendor/compose.yaml]\n")
    write(inner, compose__yaml=COMPOSE)

    done = run("adopt", "--write", at=shop)

    assert "vendor/compose.yaml:5: stays as it is: it belongs to another" in done.err
    assert (inner / "compose.yaml").read_text() == COMPOSE
    assert not (shop / "pyproject.toml").exists()


@pytest.mark.skipif(os.name == "nt", reason="no modes there")
def test_a_compose_file_that_cannot_be_written_is_left_alone(shop):
    write(shop, compose__yaml=COMPOSE, __env="PGPORT=5432\nWEB_PORT=8000\n")
    (shop / "compose.yaml").chmod(0o444)

    done = run("adopt", "--write", at=shop)

    assert "compose.yaml:5: stays as it is: it cannot be written" in done.err
    assert ".env:1: PGPORT is 5432, as at compose.yaml:5, which stays" in done.err
    assert list(declared(shop)) == ["web"]
    assert (shop / ".env").read_text() == "PGPORT=5432\n"


def test_other_compose_files_are_named_in_one_note(shop):
    names = ["docker-compose.prod.yml", "my compose.yaml", "compose.portconf.yaml"]
    write(shop, compose__yaml=COMPOSE)
    for name in names:
        (shop / name).write_text(COMPOSE)

    done = run("adopt", at=shop)

    assert done.err.count("is not read") == 1
    assert "'portconf adopt docker-compose.prod.yml 'my compose.yaml'' does" in done.err


def test_what_another_command_declared_meanwhile_is_not_lost(shop, monkeypatch):
    write(shop, compose__yaml=COMPOSE, pyproject__toml="")
    lock = locks.locked

    @contextmanager
    def after_another(*given: Any, **options: Any) -> Iterator[None]:
        """Stand for waiting until another command has released the lock."""
        with lock(*given, **options):
            write(shop, pyproject__toml='[tool.portconf]\nservices = { web = "Web" }\n')
            yield

    monkeypatch.setattr(locks, "locked", after_another)

    done = run("adopt", "--write", at=shop)

    assert done.code == 0, done.err
    assert list(declared(shop)) == ["web", "db"]


def test_two_adoptions_at_once_declare_each_service_once(make_sample):
    sample = make_sample("", git=True)
    (sample.root / "compose.yaml").write_text(COMPOSE)
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "portconf", "adopt", "--write"],
            cwd=sample.root,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(4)
    ]

    codes = [each.wait(timeout=60) for each in running]

    assert codes == [0, 0, 0, 0]
    assert list(declared(sample.root)) == ["db"]
