"""Shells that have sourced the exports of another checkout, or older ones."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from capability import needs
from checkouts import Checkout, declaration, free_ports
from commandline import external


pytestmark = [needs("bash"), needs("git")]
Variables = dict[str, str]
NOXFILE = """\
import portconf.nox


@portconf.nox.session(venv_backend="none")
def tests(session):
    session.run("env", "-0", external=True)
"""
MEND = "source this checkout's exports again, or use another shell"
PORTCONF = [sys.executable, "-m", "portconf"]
NOX = [str(Path(sys.executable).with_name("nox")), "-s", "tests"]
RUN = [*PORTCONF, "run", "--", "env", "-0"]
STARTS = {"run": RUN, "nox": NOX}
# The format, the shell, and how it takes a file of it.
EVALUATIONS = {
    **{
        shell: ("sh", [shell, *options, "-euc"], 'eval "$(cat FILE)"')
        for shell, options in {"sh": [], "dash": [], "bash": [], "zsh": ["-f"]}.items()
    },
    "unquoted": ("sh", ["sh", "-euc"], "eval $(cat FILE)"),
    "fish": ("fish", ["fish", "--no-config", "-c"], "cat FILE | source"),
    "tcsh": ("tcsh", ["tcsh", "-fc"], 'eval "`cat FILE`"'),
    "csh": ("tcsh", ["tcsh", "-fc"], "source FILE"),
    "nu": ("nushell", ["nu", "--no-config-file", "-c"], "overlay use FILE"),
    "pwsh": ("powershell", ["pwsh", "-NoProfile", "-c"], "cat FILE | Out-String | iex"),
}


@pytest.fixture
def shop(tmp_path) -> Checkout:
    """A main checkout, which has the plan's own ports."""
    made = Checkout(tmp_path / "shop")
    made.root.mkdir()
    made.git("init", "-q", "-b", "main", "--template=")
    made.declare(declaration(free_ports(5)))
    made.init()
    (made.root / "noxfile.py").write_text(NOXFILE, encoding="utf-8")
    made.git("add", "pyproject.toml", "config", "noxfile.py")
    made.git("commit", "-qm", "ports")
    return made


@pytest.fixture
def sibling(shop: Checkout) -> Checkout:
    """A worktree with a block and a Compose project of its own."""
    made = shop.worktree("../feature")
    made.init()
    return made


@pytest.fixture
def source(monkeypatch) -> Callable[..., Variables]:
    """Let bash source exports one after the other; its variables become ours."""

    def make(*checkouts: Checkout) -> Variables:
        done = subprocess.run(
            ["bash", "--norc", "-ec", 'for f; do . "$f"; done; env -0', "bash"]
            + [str(each.root / "port_exports.sh") for each in checkouts],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        )
        assert done.stderr == ""
        found = variables(done.stdout)
        for name in {*os.environ} - {*found}:
            monkeypatch.delenv(name)
        for name, value in found.items():
            monkeypatch.setenv(name, value)
        return found

    return make


@pytest.fixture(
    params=[pytest.param(each, marks=needs(x[1][0])) for each, x in EVALUATIONS.items()]
)
def evaluate(request, tmp_path) -> Callable[..., Variables]:
    """Let a shell evaluate what is printed for checkouts, one after the other."""
    name, shell, way = EVALUATIONS[request.param]

    def make(*checkouts: Checkout, **environment: str) -> Variables:
        script = []
        for number, each in enumerate(checkouts):
            file = tmp_path / f"{number}.nu"  # as Nushell will have it
            file.write_text(each.run("export", "--format", name).out)
            script.append(way.replace("FILE", str(file)))
        env0 = "^env -0" if name == "nushell" else "env -0"
        done = subprocess.run(
            [*shell, "\n".join([*script, env0])],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        )
        assert done.stderr == ""
        return variables(done.stdout)

    return make


def variables(text: str) -> Variables:
    """Return what `env -0` printed."""
    return dict(each.split("=", 1) for each in text.split("\0") if each)


def own(checkout: Checkout) -> Variables:
    """Return the variables of a checkout, as it exports them."""
    done = checkout.run("export", "--format", "json", "--json")
    found: Variables = done.data["variables"]
    return found


def start(words: list[str], *, at: Checkout) -> Variables:
    """Run a program that prints its variables."""
    done = external(*words, at=at.root)
    assert done.returncode == 0, done
    return variables(done.stdout)


def warnings(err: str) -> list[str]:
    start = "portconf: warning: "
    return [
        line.removeprefix(start) for line in err.splitlines() if line.startswith(start)
    ]


def test_a_shell_of_another_checkout_is_told_by_all_that_look(shop, sibling, source):
    source(shop)

    status, guard, check = (sibling.run(verb) for verb in ("status", "guard", "check"))

    told = f"this shell has the exports of another checkout, {shop.root}: {MEND}"
    assert (status.code, guard.code) == (0, 0)
    assert warnings(status.err) == warnings(guard.err) == [told]
    assert (check.code, check.err) == (1, f"portconf: {told}\n")


@pytest.mark.parametrize("change", [("init", "--relocate"), ("add", "cache")])
def test_an_older_export_of_the_same_checkout_is_told(shop, source, change):
    source(shop)
    assert shop.run(*change).code == 0

    status, guard, check = (shop.run(verb) for verb in ("status", "guard", "check"))

    told = f"this shell has older exports of this checkout: {MEND}"
    assert (status.code, guard.code) == (0, 0)
    assert warnings(status.err) == warnings(guard.err) == [told]
    assert (check.code, check.err) == (1, f"portconf: {told}\n")


def test_a_program_reads_the_same_from_json(shop, sibling, source):
    source(shop)

    status, guard = (sibling.run(verb, "--json").data for verb in ("status", "guard"))
    (finding,) = sibling.run("check", "--json").error["findings"]

    assert status["notes"] == guard["notes"] == [finding]
    assert str(shop.root) in finding


def test_to_source_this_checkouts_exports_mends_it(shop, sibling, source):
    found = source(sibling, shop)

    checks = [shop.run(verb) for verb in ("status", "guard", "check")]

    assert {name: found.get(name) for name in own(shop)} == own(shop)
    assert [each.code for each in checks] == [0, 0, 0]
    assert [warnings(each.err) for each in checks] == [[], [], []]


def test_exports_take_the_compose_project_of_another_checkout_away(
    shop, sibling, source
):
    assert "COMPOSE_PROJECT_NAME" in source(sibling)

    found = source(sibling, shop)

    assert "COMPOSE_PROJECT_NAME" not in found


def test_every_shell_that_evaluates_forgets_the_other_checkout(shop, sibling, evaluate):
    expected = own(shop)

    found = evaluate(sibling, shop, PORTCONF_RUN="7")

    assert {name: found.get(name) for name in expected} == expected
    assert "COMPOSE_PROJECT_NAME" not in found
    assert "PORTCONF_RUN" not in found


def test_every_shell_that_evaluates_has_the_compose_project_of_the_last(
    shop, sibling, evaluate
):
    other = shop.worktree("../other")
    other.init()
    expected = own(other)

    found = evaluate(shop, sibling, other)

    assert {name: found.get(name) for name in expected} == expected
    assert found["COMPOSE_PROJECT_NAME"].startswith("other-")


def test_every_shell_that_evaluates_keeps_a_compose_project_of_the_users_own(
    shop, evaluate
):
    found = evaluate(shop, shop, COMPOSE_PROJECT_NAME="mine")

    assert found["COMPOSE_PROJECT_NAME"] == "mine"


def test_a_shell_without_exports_hears_nothing(shop):
    checks = [shop.run(verb) for verb in ("status", "guard", "check")]

    assert [each.code for each in checks] == [0, 0, 0]
    assert [warnings(each.err) for each in checks] == [[], [], []]


def test_get_and_export_answer_for_the_folder_not_for_the_shell(shop, sibling, source):
    before = own(sibling)
    source(shop)

    assert sibling.port() == int(before["WEB_PORT"])
    assert own(sibling) == before


@pytest.mark.parametrize("program", STARTS)
def test_what_is_started_has_this_checkouts_values(shop, sibling, source, program):
    source(shop)

    found = start(STARTS[program], at=sibling)

    assert {name: found.get(name) for name in own(sibling)} == own(sibling)


def test_what_is_started_after_a_relocation_has_the_new_values(shop, source):
    before = source(shop)
    shop.init("--relocate")

    found = start(RUN, at=shop)

    assert found["WEB_PORT"] == str(shop.port()) != before["WEB_PORT"]
    assert {name: found.get(name) for name in own(shop)} == own(shop)


@pytest.mark.parametrize("program", STARTS)
def test_nothing_of_another_checkouts_shell_leaks_in(shop, sibling, source, program):
    # The main checkout has no such variable: `docker compose down` would else end
    # the other's containers.
    theirs = source(sibling)["COMPOSE_PROJECT_NAME"]

    found = start(STARTS[program], at=shop)

    assert found["WEB_PORT"] == str(shop.port())
    assert found.get("COMPOSE_PROJECT_NAME") != theirs


def test_a_compose_project_of_the_users_own_stays(shop, source, monkeypatch):
    source(shop)
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "mine")

    found = start(RUN, at=shop)

    assert found["COMPOSE_PROJECT_NAME"] == "mine"


def test_a_command_that_run_starts_is_in_order_again(shop, sibling, source):
    source(shop)

    done = subprocess.run(
        [*PORTCONF, "run", "--", *PORTCONF, "check"],
        cwd=sibling.root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert "shell" not in done.stderr
