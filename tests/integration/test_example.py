"""The example project, as its README has it: its stack, its tests, and both twice."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from capability import EXAMPLE, needs_servers, unmeasured
from checkouts import PLAN, Checkout
from commandline import run
from readers import compose_config, needs_compose


README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
# What a newcomer types, in the order of the README.
COMMANDS = re.findall(r"^\$ (.+)$", README, re.MULTILINE)
(UP,) = [each.split(" && ")[-1] for each in COMMANDS if each.endswith("invoke up")]
(TESTS,) = [each for each in COMMANDS if each.endswith("nox -s tests")]
# All workers of all runs begin together, and tell what they were given.
MEETING = """
import json, os, time
from pathlib import Path

meeting, expected = Path(os.environ["MEETING"]), int(os.environ["EXPECTED"])

def pytest_collection_finish(session):
    if not hasattr(session.config, "workerinput"):
        return
    told = {name: text for name, text in os.environ.items() if name.isupper()}
    (meeting / f"{os.getpid()}.part").write_text(json.dumps(told))
    (meeting / f"{os.getpid()}.part").rename(meeting / f"{os.getpid()}.json")
    deadline = time.monotonic() + 60
    while len([*meeting.glob("*.json")]) < expected:
        assert time.monotonic() < deadline, "the others did not come"
        time.sleep(0.01)
"""


@pytest.fixture(autouse=True)
def _as_a_user_starts_it(tmp_path, monkeypatch) -> None:
    """The outer pytest, nox and coverage would speak into the inner ones."""
    for name in {*os.environ} - {*unmeasured()}:
        monkeypatch.delenv(name)
    for name in list(os.environ):
        if name.startswith(("PYTEST_", "NOX_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_DEBUG_TEMPROOT", str(tmp_path))
    # What nox would install into an environment of the session's own.
    programs = [os.path.dirname(sys.executable), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(programs))


@pytest.fixture
def example(tmp_path) -> Checkout:
    """The example as a repository of its own, with this Python for its own."""
    made = Checkout(tmp_path / "shop")
    left_behind = (".*", "__pycache__", "port_exports.sh")
    shutil.copytree(EXAMPLE, made.root, ignore=shutil.ignore_patterns(*left_behind))
    shutil.copy(EXAMPLE / ".gitignore", made.root)
    made.git("init", "-q", "-b", "main")
    made.git("add", "-A")
    made.git("commit", "-qm", "The shop")
    return equipped(made)


def equipped(checkout: Checkout) -> Checkout:
    """Have in it what `pip install` makes of the README's first command."""
    (checkout.root / ".venv").symlink_to(sys.prefix)
    return checkout


def start(command: str, *, at: Checkout, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S602 - a line of the README
        command,
        shell=True,
        cwd=at.root,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
        encoding="utf-8",
    )


def done(process: subprocess.Popen[str]) -> str:
    try:
        said, _ = process.communicate(timeout=100)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 0, said
    return said


@contextmanager
def stack(checkout: Checkout) -> Iterator[httpx2.Client]:
    """The servers that the README's command starts, until the block ends."""
    try:
        (address,) = re.findall(
            r"^the shop is at (\S+)$", done(start(UP, at=checkout)), re.MULTILINE
        )
        with httpx2.Client(base_url=address) as client:
            yield client
    finally:
        done(start(UP.replace(" up", " down"), at=checkout))


def visit(client: httpx2.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.post("/visits/apples").json()
    return found


def owners(checkout: Checkout) -> dict[str, Any]:
    """Return the state of each service, and the pid of who listens."""
    services = run("status", "--json", at=checkout.root).data["services"]
    return {each["service"]: (each["state"], each["owner"]) for each in services}


@needs_servers("postgres", "redis-server")
def test_two_checkouts_are_tested_at_once_beside_the_stack(example, tmp_path):
    fix = equipped(example.worktree("../shop-fix"))
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    (meeting / "told.py").write_text(MEETING, encoding="utf-8")
    options = {"MEETING": str(meeting), "EXPECTED": "3", "PYTHONPATH": str(meeting)}
    nox = f"{TESTS} --no-venv --no-install -- -p told"

    with stack(example) as shop:
        before = visit(shop)
        with (
            start(nox, at=example, **options) as two_workers,
            start(f"{nox} -n 1", at=fix, **options) as one_worker,
        ):
            said = [done(two_workers), done(one_worker)]
        after = visit(shop)

    assert [re.findall(r"\d+ passed", each) for each in said] == [["5 passed"]] * 2
    told = [json.loads(each.read_bytes()) for each in meeting.glob("*.json")]
    assert sorted(each["PORTCONF_ROOT"] for each in told) == sorted(
        [str(example.root)] * 2 + [str(fix.root)]
    )
    # Nobody had a port of another worker, of another checkout or of the stack.
    ports = [
        each[f"{name}_PORT"] for each in told for name in ("WEB", "POSTGRES", "REDIS")
    ]
    ports += map(str, example.ports().values())
    assert len(set(ports)) == 3 * 4
    # Nor was the stack asked, or emptied.
    assert (before["stored"], before["counted"]) == (1, 1)
    assert (after["stored"], after["counted"]) == (2, 2)
    assert after["root"] == str(example.root)
    assert after["database"] == str(example.root / ".data" / "postgres")


@needs_servers("postgres", "redis-server")
def test_up_twice_starts_nothing_anew_and_down_ends_it(example):
    with stack(example):
        once = owners(example)
        done(start(UP, at=example))
        twice = owners(example)

    assert {state for state, _ in once.values()} == {"ours"}
    assert twice == once
    assert {state for state, _ in owners(example).values()} == {"free"}


@needs_compose
def test_its_compose_file_has_the_ports_of_the_checkout(example):
    assert example.run("init").code == 0

    services: dict[str, Any] = {
        **compose_config(example.root, "--env-file", example.root / ".env.compose")
    }

    published = {
        name: [each["published"] for each in service["ports"]]
        for name, service in services.items()
    }
    assert published == {
        name: [str(example.port(name))] for name in ("postgres", "redis")
    }


def test_its_committed_plan_is_what_it_declares(example):
    (example.root / PLAN).unlink()

    assert example.run("init").code == 0

    assert example.git("status", "--porcelain", "--", "config") == ""
