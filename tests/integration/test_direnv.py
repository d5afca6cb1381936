"""`portconf direnv`, in the hands of the real direnv."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from capability import needs
from checkouts import PLAN, Checkout, declaration, registry, rows
from commandline import external, run

from portconf.formats.posix import quote


pytestmark = [needs("direnv"), needs("bash")]


@dataclass
class Shell:
    """A shell with direnv's hook: what it does before each prompt is `enter`."""

    environment: dict[str, str] = field(default_factory=dict)

    def enter(self, folder: Path) -> str:
        """Go to a folder; return what the user is told."""
        done = _direnv("export", "json", at=folder, env=self.environment)
        for name, value in json.loads(done.stdout or "{}").items():
            if value is None:
                self.environment.pop(name, None)
            else:
                self.environment[name] = value
        return done.stderr

    @property
    def ports(self) -> dict[str, str]:
        return {k: v for k, v in self.environment.items() if k.endswith("_PORT")}


def _direnv(
    *words: str, at: Path, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return external("direnv", *words, at=at, env=env)


@pytest.fixture
def shell(tmp_path) -> Shell:
    """A shell whose direnv has the function in its library."""
    library = Path(os.environ["XDG_CONFIG_HOME"], "direnv", "lib")
    library.mkdir(parents=True)
    (library / "portconf.sh").write_text(run("direnv", at=tmp_path).out)
    programs = os.path.dirname(sys.executable)
    path = os.pathsep.join([programs, os.environ["PATH"]])
    return Shell({**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"})


def _envrc(checkout: Checkout, text: str = "use portconf\n") -> None:
    (checkout.root / ".envrc").write_text(text)
    assert _direnv("allow", at=checkout.root, env=dict(os.environ)).returncode == 0


def _long_ago(*files: Path) -> None:
    """Age files: direnv tells two states apart by the second in which they were made."""
    for file in files:
        if file.exists():
            os.utime(file, (1_700_000_000, 1_700_000_000))


def _ready(checkout: Checkout) -> dict[str, int]:
    """Take the lease, and let nothing have happened for a while."""
    ports = checkout.ports()
    _long_ago(checkout.root / "pyproject.toml", checkout.root / PLAN, registry())
    return ports


def _as_text(ports: dict[str, int]) -> dict[str, str]:
    return {name: str(port) for name, port in ports.items()}


def test_entering_exports_what_allowed_and_leaving_takes_it_back(shop, shell):
    (shop.root / ".envrc").write_text("use portconf\n")
    blocked = shell.enter(shop.root)
    before = {**shell.environment}
    _envrc(shop)

    told = shell.enter(shop.root)

    assert ".envrc is blocked" in blocked
    assert "portconf" not in before.get("WEB_PORT", "")
    assert "+WEB_PORT" in told
    assert shell.environment["WEB_PORT"] == str(shop.port())
    assert shell.environment["PORTCONF_ROOT"] == str(shop.root)
    shell.enter(shop.root.parent)
    assert "WEB_PORT" not in shell.environment
    assert "PORTCONF_ROOT" not in shell.environment


def test_a_changed_declaration_is_loaded_again_and_gone_names_are_unset(
    shop, base, shell
):
    _envrc(shop)
    _ready(shop)
    shell.enter(shop.root)
    assert shell.enter(shop.root) == ""  # nothing has changed

    shop.declare(declaration(base, "web", "mail"))
    shop.init()
    shop.run("release", "db")
    told = shell.enter(shop.root)

    assert "loading" in told
    assert shell.environment["MAIL_PORT"] == str(shop.port("mail"))
    assert "DB_PORT" not in shell.environment


def test_a_lease_that_has_moved_is_loaded_again(shop, shell):
    worktree = shop.worktree("../feature")
    _envrc(worktree)
    before = _ready(worktree)
    shell.enter(worktree.root)

    assert worktree.run("release", "--checkout", ".").code == 0
    assert shop.worktree("../other").init()  # which gets the block that is free now
    shell.enter(worktree.root)

    ports = _as_text(worktree.ports())
    assert ports != _as_text(before)
    assert {k: shell.environment[k] for k in ports} == ports


def test_two_worktrees_one_after_the_other_have_ports_of_their_own(shop, shell):
    places = [shop.worktree("../one"), shop.worktree("../one/two"), shop]
    expected = []
    for each in places:
        _envrc(each)
        expected.append(_as_text(_ready(each)))

    found = []
    for each in places:
        shell.enter(each.root)
        found.append({k: shell.environment[k] for k in expected[0]})

    assert found == expected
    assert len({each["WEB_PORT"] for each in found}) == len(places)
    assert "COMPOSE_PROJECT_NAME" not in shell.environment  # the main checkout's


def test_an_error_is_told_and_leaves_nothing_stale(shop, base, shell):
    _envrc(shop)
    _ready(shop)
    shell.enter(shop.root)

    shop.declare(declaration(base, "web", "mail"))
    told = shell.enter(shop.root)

    assert "portconf: no port yet for 'mail'" in told
    assert "direnv: use portconf: no ports are exported" in told
    assert "WEB_PORT" not in shell.environment
    shop.run("init")
    shell.enter(shop.root)
    assert shell.environment["MAIL_PORT"] == str(shop.port("mail"))


def test_a_broken_declaration_is_told_and_its_mending_noticed(shop, base, shell):
    _envrc(shop)
    _ready(shop)
    shell.enter(shop.root)

    shop.declare("broken")
    told = shell.enter(shop.root)

    assert "pyproject.toml: is not TOML" in told
    assert "direnv: use portconf: no ports are exported" in told
    assert "WEB_PORT" not in shell.environment
    shop.declare(declaration(base, "web", "db"))
    _long_ago(shop.root / "pyproject.toml")
    shell.enter(shop.root)
    assert shell.environment["WEB_PORT"] == str(shop.port())


def test_a_missing_program_is_told(shop, shell):
    _envrc(
        shop,
        f"PATH={os.path.dirname(sys.executable)}/none:/usr/bin:/bin\nuse portconf\n",
    )

    told = shell.enter(shop.root)

    assert "portconf is not on PATH" in told
    assert "WEB_PORT" not in shell.environment


def test_a_failure_is_direnv_s_too_where_the_envrc_is_strict(shop, shell):
    shop.declare("broken")
    _envrc(shop, "strict_env\nuse portconf\n")

    done = _direnv("exec", ".", "true", at=shop.root, env=shell.environment)

    assert done.returncode != 0


@pytest.mark.parametrize("before", ["", "strict_env\n", "set -eu\n"])
def test_an_envrc_needs_no_library_and_may_name_another_folder(
    before, tmp_path, base, shell
):
    # Not in the path of .envrc: direnv itself would take it for a command.
    name = "it's $HOME `touch pwned`"
    inner = Checkout(tmp_path / name)
    inner.root.mkdir()
    # Quotes in the folder's name are more than env files carry.
    no_files = "dotenv = false\ncompose-env = false"
    inner.declare(declaration(base, settings=no_files))
    assert inner.run("init").code == 0
    text = f'{before}eval "$(portconf direnv)"\nuse portconf {quote(name)}\n'
    _envrc(Checkout(tmp_path), text)

    told = shell.enter(tmp_path)

    assert "error" not in told
    assert shell.environment["WEB_PORT"] == str(inner.port())
    assert shell.environment["PORTCONF_ROOT"] == str(inner.root)
    assert not (tmp_path / "pwned").exists()


def test_a_folder_of_the_search_path_of_cd_is_not_taken(shop, shell, base, tmp_path):
    # `cd inner` would go to it, and tell nobody.
    theirs = Checkout(tmp_path / "theirs" / "inner")
    theirs.root.mkdir(parents=True)
    theirs.declare(declaration(base + 20))
    inner = Checkout(shop.root / "inner")
    inner.root.mkdir()
    inner.declare(declaration(base + 10))
    for each in (theirs, inner):
        each.init()
    _envrc(shop, "use portconf inner\n")
    shell.environment["CDPATH"] = str(tmp_path / "theirs")

    shell.enter(shop.root)

    assert shell.environment["PORTCONF_ROOT"] == str(inner.root)
    assert shell.environment["WEB_PORT"] == str(inner.port())


def test_what_the_exports_of_another_checkout_left_is_taken_back(shop, shell):
    _envrc(shop)
    shell.environment.update(
        PORTCONF_INSTANCE="3",
        PORTCONF_ROOT="/home/you/else",
        PORTCONF_RUN="7",
        COMPOSE_PROJECT_NAME="else-3",
    )

    shell.enter(shop.root)

    assert shell.environment["WEB_PORT"] == str(shop.port())
    assert "PORTCONF_RUN" not in shell.environment
    assert "COMPOSE_PROJECT_NAME" not in shell.environment


def test_a_compose_project_of_the_user_s_own_stays(shop, shell):
    _envrc(shop)
    shell.environment["COMPOSE_PROJECT_NAME"] = "mine"

    shell.enter(shop.root)

    assert shell.environment["COMPOSE_PROJECT_NAME"] == "mine"


def test_the_verb_itself_takes_no_lease(shop):
    printed = [shop.run("direnv"), shop.run("direnv", "--watch")]

    assert [each.code for each in printed] == [0, 0]
    assert rows("SELECT * FROM leases") == []
    assert printed[1].out.splitlines() == [
        f"watch_file {shop.root}/pyproject.toml",
        f"watch_file {shop.root / PLAN}",
        f"watch_file {registry()}",
    ]


def test_the_function_needs_no_project_and_the_watch_list_does(tmp_path):
    assert "use_portconf()" in run("direnv", at=tmp_path).out
    assert run("direnv", "--json", at=tmp_path).data["function"]
    assert run("direnv", "--watch", at=tmp_path).code == 2
