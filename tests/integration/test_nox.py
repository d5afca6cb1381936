"""The ports in the sessions of the real nox, in a user's project."""

import json
import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nox
import pytest
from commandline import external, run, state

import portconf.nox


NOX = str(Path(sys.executable).with_name("nox"))
NOXFILE = """\
import nox

import portconf.nox

nox.options.default_venv_backend = "none"
portconf.nox.verbs()


def tell(session, *words):
    words = " ".join(map(str, words))
    session.run("sh", "-c", f"echo {words} $REDIS_PORT $PORTCONF_ROOT", external=True)


@portconf.nox.session
def bare(session):
    tell(session, "bare")


@portconf.nox.session(name="called", tags=["mine"], python=False)
def of_another_name(session):
    \"\"\"Say that it was called.\"\"\"
    tell(session, "called")


@portconf.nox.session
@nox.parametrize("number", [1, 2])
def below(session, number):
    tell(session, "below", number)


@nox.parametrize("number", [1])
@portconf.nox.session
def above(session, number):
    tell(session, "above", number)


@nox.session
@portconf.nox.with_ports
def decorated(session):
    tell(session, "decorated")


@nox.session
def asked(session):
    ports = portconf.nox.with_ports(session)
    tell(session, "asked", ports["REDIS_PORT"])


@nox.session
def without(session):
    tell(session, "without")
"""


def start(
    *words: str, at: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return external(NOX, *words, at=at, env=env)


@pytest.fixture
def user(sample):
    """A project with a `noxfile.py`."""
    (sample.root / "noxfile.py").write_text(NOXFILE)
    return sample


@pytest.fixture
def ready(user):
    assert run("init", at=user.root).code == 0
    return user


BEFORE: dict[str, Callable[[Any], object]] = {
    "before the first init": lambda sample: sample.root,
    "with a broken declaration": lambda sample: sample.declare("[tool.portconf"),
    "without a pyproject": lambda sample: (sample.root / "pyproject.toml").unlink(),
}


@pytest.mark.parametrize("arrange", BEFORE)
def test_a_listing_neither_fails_nor_writes(user, arrange):
    BEFORE[arrange](user)
    before = state(user.root, git=True)

    listed = start("-l", at=user.root)

    assert (listed.returncode, listed.stderr) == (0, "")
    assert state(user.root, git=True) == before
    lines = listed.stdout.splitlines()
    # nox marks what a bare `nox` runs with a star.
    assert [line for line in lines if line.startswith("- ")] == [
        "- ports-init -> Assign what is declared, lease the ports, write the files.",
        "- ports-status -> Show the services, their ports and who listens on them.",
        "- ports-export -> Write the files, or print one format.",
        "- ports-reset -> Drop all assignments, and the lease.",
    ]
    assert "* called [mine] -> Say that it was called." in lines


def test_every_form_gives_a_session_the_ports_of_this_checkout(ready):
    of_another_shell = {"REDIS_PORT": "9999", "PORTCONF_ROOT": "/home/you/other"}

    done = start(at=ready.root, **of_another_shell)

    assert done.returncode == 0
    assert sorted(done.stdout.splitlines()) == sorted(
        [
            f"bare 4003 {ready.root}",
            f"called 4003 {ready.root}",
            f"below 1 4003 {ready.root}",
            f"below 2 4003 {ready.root}",
            f"above 1 4003 {ready.root}",
            f"decorated 4003 {ready.root}",
            f"asked 4003 4003 {ready.root}",
            "without 9999 /home/you/other",
        ]
    )


def test_a_session_by_tag_and_from_a_subfolder(ready):
    done = start("-f", "../noxfile.py", "-t", "mine", at=ready.root / "config")

    assert done.stdout == f"called 4003 {ready.root}\n"


@pytest.mark.parametrize(
    ("spoil", "message", "hint"),
    [
        (
            lambda sample: sample.plan_file.unlink(),
            "no port yet for 'http-server'",
            "run 'portconf init'",
        ),
        (
            lambda sample: sample.declare("[tool.portconf]\nprot = 1"),
            "unknown key tool.portconf.prot",
            "see the configuration reference",
        ),
    ],
    ids=["before init", "broken declaration"],
)
def test_a_session_that_cannot_have_the_ports_fails_clearly(
    ready, spoil, message, hint
):
    spoil(ready)

    done = start("-s", "bare", at=ready.root)

    assert (done.returncode, done.stdout) == (1, "")
    assert f"portconf: {message}" in done.stderr.replace("pyproject.toml: ", "")
    assert f"hint: {hint}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("init", ["--json"]),
        ("status", ["--json"]),
        ("export", ["--format", "json"]),
        ("reset", ["--dry-run", "--json"]),
    ],
)
def test_a_verb_as_a_session_answers_as_the_command_does(ready, verb, words):
    its = run(verb, *words, at=ready.root)

    mine = start("-s", f"ports-{verb}", "--", *words, at=ready.root)

    assert (mine.returncode, its.code) == (0, 0)
    assert json.loads(mine.stdout) == json.loads(its.out)


def test_a_verb_that_fails_fails_its_session(ready):
    done = start("-s", "ports-reset", "ports-status", at=ready.root)

    assert done.returncode == 1
    assert "here is no terminal to ask on" in done.stderr
    assert "ports-reset ended with exit code 2" in done.stderr
    assert "redis" in done.stdout


def test_help_of_a_verb_does_not_end_nox(ready):
    done = start("-s", "ports-init", "ports-status", "--", "--help", at=ready.root)

    assert done.stdout.count("usage: ") == 2


@pytest.fixture
def _no_sessions_of_this_process(monkeypatch) -> None:
    """A declared session stays in nox's registry."""
    monkeypatch.setattr("nox.registry._REGISTRY", OrderedDict())


@pytest.mark.usefixtures("_no_sessions_of_this_process")
@pytest.mark.parametrize("session", [nox.session, nox.session(python=False)])
def test_the_wrong_order_is_a_type_error_that_shows_the_right_one(session):
    @session
    def tests(session): ...

    with pytest.raises(TypeError, match=r"@nox.session\n +@with_ports\n +def tests"):
        portconf.nox.with_ports(tests)


@pytest.mark.parametrize("target", [42, "tests", [], {}])
def test_what_is_neither_session_nor_function_is_a_type_error(target):
    with pytest.raises(TypeError, match="with_ports stands below"):
        portconf.nox.with_ports(target)


@pytest.mark.parametrize(
    "decorator",
    [
        portconf.nox.with_ports,
        portconf.nox.with_ports(),
        portconf.nox.with_ports(guard=False),
    ],
    ids=["bare", "called", "without the guard"],
)
def test_a_decorated_function_keeps_its_name_its_text_and_its_result(decorator):
    @decorator
    def tests(session):
        """Run the tests."""

    assert tests.__name__ == "tests"
    assert tests.__doc__ == "Run the tests."
