"""Each call by which `init` and an assignment change files fails once, or is the last."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import faults
import pytest
from commandline import run
from contention import temporaries

from portconf import machine
from portconf.cli import INTERRUPTED
from portconf.project import Project
from portconf.registry.values import Lease


PLAN = "config/port_assignments.json"
FILES = (PLAN, ".env", ".env.compose", "port_exports.sh")
REGISTRY = "registry.sqlite3"
CALLS = {"open", "write", "fsync", "replace"}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch) -> None:
    """Hundreds of inits would each start git and wait for the disk."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def fresh(make_sample, tmp_path) -> Path:
    """A project that has a `.env`, and no ports; in an attempt to begin with."""
    root: Path = make_sample('[tool.portconf]\nservices = ["web", "db"]\n').root
    with faults.attempt(root, tmp_path) as work:
        (work / ".git").mkdir()
        (work / ".env").write_text("SECRET=1\n")
    return root


@pytest.fixture
def begun(fresh: Path, tmp_path) -> Path:
    """A project with its ports and its lease, which declares one service more."""
    with faults.attempt(fresh, tmp_path) as work:
        assert run("init", at=work).code == 0
        declaration = '[tool.portconf]\nservices = ["web", "db", "new"]\n'
        (work / "pyproject.toml").write_text(declaration)
    return fresh


def seen(attempt: Path, place: Path) -> tuple[dict[str, bytes | None], list[Lease]]:
    """Return what an attempt has: its files, and the leases of its registry."""
    with faults.attempt(attempt, place) as root:
        return contents(root), leases()


def leases() -> list[Lease]:
    every = (each.lease for each in machine.tenants(timeout=1))
    return [replace(each, since=0.0) for each in every]  # another in each attempt


def contents(root: Path) -> dict[str, bytes | None]:
    paths = {name: root / name for name in FILES}
    return {name: p.read_bytes() if p.exists() else None for name, p in paths.items()}


def check_whole(root: Path, before: Any, after: Any, *, call: str) -> None:
    """
    Check that files and lease are old or new, and that the next `init` does the rest.

    What follows from a lease is not written before it is kept.
    """
    left, kept = contents(root), leases()
    for name in FILES:
        assert left[name] in (before[0][name], after[0][name]), call
    assert left[PLAN] == after[0][PLAN] or left == before[0], call
    assert kept in (before[1], after[1]), call
    assert kept == after[1] or left == before[0], call

    project = Project.find(str(root), lock_timeout=1)
    project.init()
    assert project.check() == (), call
    # It is the same place in the end, whatever came between, and no second one.
    assert leases() == after[1], call
    assert temporaries(root) == [], call


BROKEN = OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize(
    ("template", "act", "error", "codes"),
    [
        ("fresh", "init", BROKEN, {2, 4, 5}),
        ("begun", "init", BROKEN, {2, 4, 5}),
        ("begun", "assign", BROKEN, {2, 4, 5}),
        ("begun", "init", KeyboardInterrupt(), {INTERRUPTED}),
    ],
    ids=["first init", "init", "assign", "interrupted init"],
)
def test_a_call_that_fails_leaves_every_file_old_or_new(
    template, act, error, codes, request, tmp_path, capsys
):
    project = request.getfixturevalue(template)
    before = seen(project, tmp_path)
    after = seen(faults.done(project, tmp_path, act), tmp_path)
    descriptors = os.listdir("/dev/fd")
    told = getattr(error, "strerror", "")
    names = set()

    for call, code, root in faults.failed(project, tmp_path, act, error):
        said = capsys.readouterr().err
        assert code == 0 or (code in codes and told in said), (call, said)
        assert code or (contents(root), leases()) == after, call
        assert temporaries(root) == [], call
        state = Path(os.environ["XDG_STATE_HOME"], "portconf")
        kept = {each.name for each in state.glob("*")} - {f"{REGISTRY}-queue"}
        assert kept in (set(), {REGISTRY}), call
        check_whole(root, before, after, call=call)
        capsys.readouterr()
        names.add(call.partition("(")[0])

    assert names >= CALLS
    assert os.listdir("/dev/fd") == descriptors


@pytest.mark.parametrize(
    ("template", "act"),
    [("fresh", "init"), ("begun", "init"), ("begun", "assign")],
    ids=["first init", "init", "assign"],
)
def test_a_command_killed_in_any_call_leaves_every_file_old_or_new(
    template, act, request, tmp_path
):
    project = request.getfixturevalue(template)
    before = seen(project, tmp_path)
    after = seen(faults.done(project, tmp_path, act), tmp_path)

    killed = faults.killed(project, tmp_path, act)

    assert len(killed) > len(CALLS)
    assert any(temporaries(attempt) for attempt in killed)
    for attempt in killed:
        with faults.attempt(attempt, tmp_path) as root:
            check_whole(root, before, after, call=attempt.name)
