"""The tasks, run by the real invoke in a user's project."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commandline import external, run, state

from portconf import tasks
from portconf.cli import VERBS


INVOKE = str(Path(sys.executable).with_name("inv"))
PORTS_ALONE = """\
from invoke import Collection
from portconf import tasks as ports

ns = Collection(ports)
"""
WITH_TASKS_OF_ITS_OWN = """\
import sys

from invoke import Collection, task
from portconf import tasks as ports


@task(pre=[ports.env])
def serve(c):
    c.run("echo plain $REDIS_PORT")
    c.run("echo more $REDIS_PORT $EXTRA", env={"EXTRA": "1"})
    c.run("echo clean $REDIS_PORT $HOME", replace_env=True)


@task
def bare(c):
    c.run("echo bare $REDIS_PORT")


ns = Collection.from_module(sys.modules[__name__])
ns.add_collection(ports)
"""
CONFIGURED = """\
import sys

from invoke import Collection, task
from portconf import PortconfError, export_env_vars, tasks as ports


@task
def serve(c):
    c.run("echo configured $REDIS_PORT")


ns = Collection.from_module(sys.modules[__name__])
ns.add_collection(ports)
try:
    ns.configure({"run": {"env": export_env_vars()}})
except PortconfError:
    pass  # before the first `inv ports.init`
"""
TASKS = [
    *("add", "adopt", "check", "env", "export", "gc", "get", "guard", "health", "init"),
    *("leases", "release", "reset", "schema", "status", "wait", "why"),
]


def invoke(
    *words: str, at: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    done = external(
        INVOKE,
        *words,
        at=at,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def user(sample):
    """A project whose `tasks.py` has tasks of its own."""
    (sample.root / "tasks.py").write_text(WITH_TASKS_OF_ITS_OWN)
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


@pytest.mark.parametrize(
    ("way", "text"),
    [
        ("-l", PORTS_ALONE),
        ("--complete -- inv ports.", WITH_TASKS_OF_ITS_OWN),
        ("-l", CONFIGURED),
    ],
    ids=["the ports alone", "completion", "configured"],
)
@pytest.mark.parametrize("arrange", BEFORE)
def test_a_listing_neither_fails_nor_writes_nor_complains(sample, arrange, way, text):
    (sample.root / "tasks.py").write_text(text)
    BEFORE[arrange](sample)
    before = state(sample.root, git=True)

    listed = invoke(*way.split(), at=sample.root)

    assert (listed.returncode, listed.stderr) == (0, "")
    words = listed.stdout.split()
    assert [name for name in TASKS if f"ports.{name}" not in words] == []
    assert state(sample.root, git=True) == before


def test_the_reference_names_the_verbs_that_are_no_tasks():
    page = Path(__file__, "../../../docs/reference/command-line.md").resolve()
    told = re.search(r"In invoke .*, but for (.*)\.\n", page.read_text())
    done = {*tasks.ns.task_names}

    assert told
    assert VERBS.keys() - done == {*re.findall(r"`(\w+)`", told[1])}


ALIKE = [
    ("init --gitignore --json", "init --gitignore --json"),
    ("init --relocate", "init --relocate"),
    ("status --json", "status --json"),
    ("status --all", "status --all"),
    ("guard --json", "guard --json"),
    ("leases", "leases"),
    ("gc --dry-run --json", "gc --dry-run --json"),
    ("export --format=fish", "export --format fish"),
    ("export --dry-run --force --json", "export --dry-run --force --json"),
    (
        "export --format=dotenv --output=made --all-checkouts",
        "export --format dotenv --output made --all-checkouts",
    ),
    ("export --format=nginx --listen=0", "export --format nginx --listen 0"),
    ("adopt --write --json", "adopt --write --json"),
    ("adopt --path=tasks.py --path=none.env", "adopt tasks.py none.env"),
    ("reset --yes", "reset --yes"),
    ("reset", "reset"),
    ("check", "check"),
    ("get redis", "get redis"),
    ("why redis", "why redis"),
    ("schema", "schema"),
    ("release redis", "release redis"),
    ("release-checkout . --force", "release --checkout . --force"),
    (
        "add web --purpose=Web --port=8000 --container-port=80 --variable=WEB",
        "add web --purpose=Web --port=8000 --container-port=80 --env=WEB",
    ),
]


@pytest.mark.parametrize(("task", "words"), ALIKE, ids=[task for task, _ in ALIKE])
def test_a_task_does_what_the_command_does(make_sample, monkeypatch, task, words):
    projects = [make_sample(name=name, git=True) for name in ("one", "two")]
    # Each on a machine of its own, as it were: one would have the other's ports.
    one, two = (
        str(sample.root.parent / f"state of {sample.root.name}") for sample in projects
    )
    for sample, registry in zip(projects, (one, two), strict=True):
        (sample.root / "tasks.py").write_text(PORTS_ALONE)
        monkeypatch.setenv("XDG_STATE_HOME", registry)
        run("init", at=sample.root)

    mine = invoke(*f"ports.{task}".split(), at=projects[0].root, XDG_STATE_HOME=one)
    its = run(*words.split(), at=projects[1].root)

    def same(text: str) -> str:
        # The folder's name is in PORTCONF_ROOT, and so in the stamp.
        text = re.sub(r"(STAMP\W+)[0-9a-f]{16}", r"\1", text)
        # A lease tells since when, and has the folder's name for its own.
        text = re.sub(r'("since": )[\d.]+', r"\1", text)
        text = text.replace("ports: ", "portconf: ")
        return re.sub(r"\bone\b", "two", text)

    assert mine.returncode == its.code
    assert same(mine.stdout) == same(its.out)
    assert same(mine.stderr) == same(its.err)
    mine_after, its_after = (
        {name: data for name, (_, data) in state(each.root).items()}
        for each in projects
    )
    assert mine_after.keys() == its_after.keys()
    assert mine_after["pyproject.toml"] == its_after["pyproject.toml"]
    plan = "config/port_assignments.json"
    assert mine_after[plan] == its_after[plan]


def test_a_port_of_a_task_is_a_port(ready):
    refused = invoke("ports.add", "web", "--port=http", at=ready.root)

    assert refused.returncode == 2
    assert "invalid int value: 'http'" in refused.stderr


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda sample: sample.declare("[tool.portconf]\nbase-port = 0"), 2),
        (lambda sample: sample.declare("[tool.portconf]\nservices = ['new']"), 3),
        (lambda sample: sample.plan_file.write_text("{"), 4),
    ],
)
def test_a_task_that_cannot_have_the_ports_does_not_run(ready, spoil, code):
    spoil(ready)

    refused = invoke("serve", at=ready.root)

    assert (refused.returncode, refused.stdout) == (code, "")
    assert refused.stderr.startswith("ports: ")


def test_a_check_that_finds_something_ends_with_1(ready):
    (ready.root / ".env").write_text("REDIS_PORT=1\n")

    assert invoke("ports.check", at=ready.root).returncode == 1


def test_a_task_after_env_has_the_ports_in_every_run(ready):
    below = ready.root / "src"
    below.mkdir()
    of_another_shell = {"REDIS_PORT": "9999"}

    served = invoke("serve", at=below, **of_another_shell)
    bare = invoke("bare", at=below, **of_another_shell)

    assert served.stdout.splitlines() == ["plain 4003", "more 4003 1", "clean 4003"]
    assert bare.stdout == "bare 9999\n"


def test_a_configured_collection_has_the_ports_once_there_are_some(sample):
    (sample.root / "tasks.py").write_text(CONFIGURED)

    before = invoke("serve", at=sample.root)
    done = invoke("ports.init", at=sample.root)
    after = invoke("serve", at=sample.root)

    assert (before.stdout, done.returncode) == ("configured\n", 0)
    assert after.stdout == "configured 4003\n"


def test_the_json_of_a_task_is_the_envelope(ready):
    answer = json.loads(invoke("ports.why", "redis", "--json", at=ready.root).stdout)

    assert (answer["command"], answer["data"]["port"]) == ("why", 4003)
