"""The hot commands: a snapshot answers as the computation would, or not at all."""

import os
import sys
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import pytest
from commandline import run

from portconf import snapshot
from portconf.cli import hot


ASKED = (["get", "redis"], ["get", "http-server"], ["export", "--format", "sh"])


@pytest.fixture
def _every_file_is_old(monkeypatch) -> None:
    """Snapshots are made of files that have rested for two seconds: do not wait."""
    monkeypatch.setattr(snapshot, "SETTLED_NS", -(10**15))


def snapshots(folder: Path) -> list[Path]:
    """Return the snapshots in a git directory."""
    return sorted((folder / "portconf").glob("snapshot*"))


def answers(folder: Path) -> list[str | None]:
    """Return what the snapshot says to each question."""
    with chdir(folder):
        return [hot.answer(words) for words in ASKED]


def computed(folder: Path) -> list[str]:
    """Return what is answered without a snapshot."""
    return [run("-C", ".", *words, at=folder).out for words in ASKED]


@pytest.fixture
def ready(sample, _every_file_is_old):
    """A project with a snapshot."""
    run("init", at=sample.root)
    run("get", "redis", at=sample.root)
    assert len(snapshots(sample.root / ".git")) == 1
    return sample


def test_a_snapshot_answers_what_the_computation_answers(ready):
    below = ready.root / "src" / "deep"
    below.mkdir(parents=True)

    known = answers(ready.root)

    assert known == computed(ready.root)
    assert known[0] == "4003\n"
    assert answers(below) == known


def test_an_unknown_name_is_left_to_the_computation(ready):
    with chdir(ready.root):
        assert hot.answer(["get", "nobody"]) is None

    assert run("get", "nobody", at=ready.root).code == 3


def replaced(path: Path, old: str, new: str) -> None:
    """Edit a file as an editor does: a new file in the old one's place."""
    fresh = path.with_name("fresh")
    fresh.write_text(path.read_text().replace(old, new))
    fresh.replace(path)


EDITS: dict[str, Callable[[Path], object]] = {
    "the plan": lambda root: replaced(
        root / "config" / "port_assignments.json", "4003", "4303"
    ),
    "the declaration": lambda root: replaced(
        root / "pyproject.toml", '"Redis Cache (future)"', '{ env = "CACHE" }'
    ),
    "a touched declaration": lambda root: (root / "pyproject.toml").touch(),
    "no plan": lambda root: (root / "config" / "port_assignments.json").unlink(),
    "no declaration": lambda root: (root / "pyproject.toml").unlink(),
    "a checkout that moved": lambda root: root.rename(root.with_name("moved")),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_snapshot_never_outlives_what_it_was_made_of(ready, edit):
    EDITS[edit](ready.root)
    root = next(path.parent for path in ready.root.parent.glob("*/.git"))

    assert answers(root) == [None, None, None]
    asked = [run(*words, at=root) for words in ASKED]
    assert [each.out for each in asked] == computed(root)


def test_what_changed_a_moment_ago_is_not_remembered(sample, monkeypatch):
    assert snapshot.SETTLED_NS >= 2 * 10**9  # the coarsest clock of a file system
    monkeypatch.setattr(snapshot, "SETTLED_NS", 10**15)  # however slow this machine
    run("init", at=sample.root)
    before = os.stat(sample.plan_file)

    for port in range(4003, 4303, 30):
        text = sample.plan_file.read_bytes()
        at = text.index(b'"port": ', text.index(b'"redis"')) + 8
        with sample.plan_file.open("r+b") as file:  # in place, and of the same size
            file.seek(at)
            file.write(b"%d" % port)
        os.utime(sample.plan_file, ns=(before.st_atime_ns, before.st_mtime_ns))

        assert run("get", "redis", at=sample.root).out == f"{port}\n"
        assert snapshots(sample.root / ".git") == []


def test_a_nearer_project_is_not_answered_by_the_outer_one(ready):
    inner = ready.root / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text(
        "[tool.portconf]\nbase-port = 5000\nservices = ['redis']\n"
    )
    run("init", at=inner)

    asked = [run("get", "redis", at=folder).out for folder in (inner, ready.root)]

    assert asked == ["5000\n", "4003\n"]
    assert [answers(inner)[0], answers(ready.root)[0]] == asked


def test_a_snapshot_of_another_project_is_no_answer(ready):
    inner = ready.root / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[tool.portconf]\nservices = ['redis']\n")
    run("init", at=inner)
    run("get", "redis", at=inner)

    one, other = snapshots(ready.root / ".git")
    # As two folders of one checksum would have it.
    one_data, other_data = one.read_bytes(), other.read_bytes()
    one.write_bytes(other_data)
    other.write_bytes(one_data)

    assert answers(inner) == answers(ready.root) == [None, None, None]


def test_a_linked_worktree_has_a_snapshot_of_its_own(ready):
    ready.git("add", "pyproject.toml", "config")
    ready.git("commit", "-qm", "ports")
    ready.git("worktree", "add", "-q", "../other")
    other = ready.root.with_name("other")
    replaced(other / "config" / "port_assignments.json", "4003", "4303")

    asked = run("get", "redis", at=other).out

    assert asked == "4303\n"
    assert answers(other)[0] == asked
    assert answers(other) == computed(other)
    assert answers(ready.root)[0] == "4003\n"
    assert len(snapshots(ready.root / ".git" / "worktrees" / "other")) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:0],
        lambda data: data[: len(data) // 2],
        lambda data: bytes(len(data)),
        lambda data: data.replace(b"redis=4003", b"redis=4303"),
        lambda data: b"\xff" + data,
    ],
    ids=["empty", "half", "zeros", "changed", "no text"],
)
def test_a_spoilt_snapshot_is_no_answer(ready, spoil):
    (path,) = snapshots(ready.root / ".git")
    path.write_bytes(spoil(path.read_bytes()))

    assert answers(ready.root) == [None, None, None]
    assert run("get", "redis", at=ready.root).out == "4003\n"
    assert answers(ready.root)[0] == "4003\n"


@pytest.mark.usefixtures("_every_file_is_old")
def test_without_a_git_directory_nothing_is_kept(make_sample):
    sample = make_sample()
    run("init", at=sample.root)

    assert run("get", "redis", at=sample.root).out == "4003\n"
    assert answers(sample.root) == [None, None, None]


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that are no text")
@pytest.mark.usefixtures("_every_file_is_old")
def test_where_none_can_be_kept_nothing_is_left_behind(tmp_path):
    root = tmp_path / os.fsdecode(b"caf\xe9")
    (root / ".git").mkdir(parents=True)
    (root / "pyproject.toml").write_text(
        "[tool.portconf]\ndotenv = false\ncompose-env = false\nservices = ['web']\n"
    )
    run("init", at=root)

    assert run("get", "web", at=root).out == "4000\n"
    assert [path.name for path in (root / ".git" / "portconf").iterdir()] == ["lock"]


def test_asking_writes_to_the_git_directory_alone(ready):
    snapshots(ready.root / ".git")[0].unlink()
    before = {path: path.stat().st_mtime_ns for path in ready.root.rglob("*")}

    run("export", "--format", "sh", at=ready.root)

    kept = snapshots(ready.root / ".git")
    assert len(kept) == 1
    after = {path: path.stat().st_mtime_ns for path in ready.root.rglob("*")}
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed == {kept[0], kept[0].parent}
