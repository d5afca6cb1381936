"""Each call by which `init` and an assignment change files fails once, or is the last."""

import errno
import os
from pathlib import Path

import faults
import pytest
from commandline import run
from contention import temporaries

from portconf.cli import INTERRUPTED
from portconf.project import Project


PLAN = "config/port_assignments.json"
FILES = (PLAN, ".env", ".env.compose", "port_exports.sh")
CALLS = {"open", "write", "fsync", "replace"}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch) -> None:
    """Hundreds of inits would each start git and wait for the disk."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def fresh(make_sample) -> Path:
    """A project that has a `.env`, and no ports."""
    root: Path = make_sample('[tool.portconf]\nservices = ["web", "db"]\n').root
    (root / ".git").mkdir()
    (root / ".env").write_text("SECRET=1\n")
    return root


@pytest.fixture
def begun(fresh: Path) -> Path:
    """A project with its ports, which declares one service more."""
    assert run("init", at=fresh).code == 0
    declaration = '[tool.portconf]\nservices = ["web", "db", "new"]\n'
    (fresh / "pyproject.toml").write_text(declaration)
    return fresh


def contents(root: Path) -> dict[str, bytes | None]:
    paths = {name: root / name for name in FILES}
    return {name: p.read_bytes() if p.exists() else None for name, p in paths.items()}


def check_whole(
    root: Path, before: dict[str, bytes | None], after: dict[str, bytes | None]
) -> None:
    """Check that every file is old or new, and that the next `init` does the rest."""
    left = contents(root)
    for name in FILES:
        assert left[name] in (before[name], after[name])
    assert left[PLAN] == after[PLAN] or left == before

    project = Project.find(str(root), lock_timeout=1)
    project.init()
    assert project.check() == ()
    assert temporaries(root) == []


BROKEN = OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize(
    ("template", "act", "error", "codes"),
    [
        ("fresh", "init", BROKEN, {2, 4}),
        ("begun", "init", BROKEN, {2, 4}),
        ("begun", "assign", BROKEN, {2, 4}),
        ("begun", "init", KeyboardInterrupt(), {INTERRUPTED}),
    ],
    ids=["first init", "init", "assign", "interrupted init"],
)
def test_a_call_that_fails_leaves_every_file_old_or_new(
    template, act, error, codes, request, tmp_path, capsys
):
    project = request.getfixturevalue(template)
    before, after = contents(project), contents(faults.done(project, tmp_path, act))
    descriptors = os.listdir("/dev/fd")
    told = getattr(error, "strerror", "")
    names = set()

    for call, code, root in faults.failed(project, tmp_path, act, error):
        said = capsys.readouterr().err
        assert code == 0 or (code in codes and told in said), (call, said)
        assert code or contents(root) == after, call
        assert temporaries(root) == [], call
        check_whole(root, before, after)
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
    before, after = contents(project), contents(faults.done(project, tmp_path, act))

    killed = faults.killed(project, tmp_path, act)

    assert len(killed) > len(CALLS)
    assert any(temporaries(root) for root in killed)
    for root in killed:
        check_whole(root, before, after)
