"""The hot commands: a snapshot answers as the computation would, or not at all."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir, closing
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

    first, asked = (run("get", "redis", at=other).out for _ in range(2))

    # The first takes the lease, which changes the registry that it was asked of.
    assert first == asked
    # Its block begins at 20000, and its plan at 4000.
    assert asked == "20303\n"
    assert answers(other)[0] == asked
    assert answers(other)[1] == "20000\n"
    assert answers(other) == computed(other)
    # A lease has changed, perhaps this one: it is looked up once.
    assert answers(ready.root) == [None, None, None]
    assert computed(ready.root) == answers(ready.root)
    assert answers(ready.root)[0] == "4003\n"
    assert len(snapshots(ready.root / ".git" / "worktrees" / "other")) == 1


def registry() -> Path:
    return Path(os.environ["XDG_STATE_HOME"]) / "portconf" / "registry.sqlite3"


@pytest.mark.parametrize(
    "words",
    [
        ["init", "--relocate"],
        ["reset", "--yes"],
        ["release", "--checkout", "."],
    ],
    ids=" ".join,
)
def test_a_snapshot_never_outlives_its_lease(ready, words):
    assert answers(ready.root)[0] == "4003\n"

    assert run(*words, at=ready.root).code == 0

    assert answers(ready.root)[0] != "4003\n"
    assert answers(ready.root) in ([None] * 3, computed(ready.root))


def test_a_snapshot_never_outlives_its_lease_while_others_read_the_registry(ready):
    with closing(sqlite3.connect(registry())) as other:
        # What is committed stays in the log for as long as this is open.
        assert len(other.execute("SELECT number FROM leases").fetchall()) == 1

        assert run("init", "--relocate", at=ready.root).code == 0

        assert answers(ready.root)[0] != "4003\n"
    assert run("get", "redis", at=ready.root).out == "20003\n"


def test_a_lease_of_another_checkout_is_no_reason_to_answer_wrongly(ready, make_sample):
    other = make_sample(name="other", git=True)

    run("init", at=other.root)

    asked = [run("get", "redis", at=each.root).out for each in (ready, other)]
    assert asked == ["4003\n", "20003\n"]
    assert [answers(each.root)[0] for each in (ready, other)] == asked


def test_a_registry_that_is_gone_is_not_answered_for(ready):
    registry().unlink()

    assert answers(ready.root) == [None, None, None]


@pytest.mark.parametrize("name", ["PORTCONF_REGISTRY", "XDG_STATE_HOME", "HOME"])
def test_another_registry_has_answers_of_its_own(ready, tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, str(tmp_path / "elsewhere"))

    assert answers(ready.root) == [None, None, None]
    assert run("get", "redis", at=ready.root).out == "4003\n"


@pytest.fixture
def finished(sample, _every_file_is_old):
    """A project whose snapshot tells that `init` has nothing to do."""
    run("init", "--gitignore", at=sample.root)
    run("init", at=sample.root)
    assert settled(sample.root)
    return sample


def settled(folder: Path) -> bool:
    """Tell whether the snapshot alone answers `init`."""
    with chdir(folder):
        return hot.answer(["init"]) == ""


def test_an_init_without_work_is_answered_as_the_whole_init_answers(finished):
    short = run("init", at=finished.root)
    whole = run("-C", ".", "init", at=finished.root)

    assert short == whole
    assert short.err == "portconf: nothing to do, all files are up to date\n"


@pytest.mark.parametrize("words", [["init", "--json"], ["init", "--dry-run"]])
def test_an_init_with_an_option_is_never_answered_from_the_snapshot(finished, words):
    with chdir(finished.root):
        assert hot.answer(words) is None


def release_the_lease(root: Path) -> None:
    assert run("release", "--checkout", ".", at=root).code == 0


def track_a_generated_file(root: Path) -> None:
    command = ["git", "add", "-f", ".env"]
    subprocess.run(command, cwd=root, check=True)


WORK: dict[str, Callable[[Path], object]] = {
    "the plan": lambda root: (root / "config" / "port_assignments.json").touch(),
    "a new service": lambda root: replaced(
        root / "pyproject.toml",
        "[tool.portconf.services]",
        "[tool.portconf.services]\nx=''",
    ),
    "another .env": lambda root: replaced(root / ".env", "4003", "4009"),
    "no .env": lambda root: (root / ".env").unlink(),
    "another .env.compose": lambda root: replaced(root / ".env.compose", "4003", "4"),
    "another script": lambda root: replaced(root / "port_exports.sh", "4003", "4"),
    "another .gitignore": lambda root: (root / ".gitignore").unlink(),
    "a tracked file": track_a_generated_file,
    "no lease": release_the_lease,
    "no registry": lambda _: registry().unlink(),
}


@pytest.mark.parametrize("give", WORK)
def test_an_init_that_may_have_work_looks(finished, give):
    WORK[give](finished.root)

    assert not settled(finished.root)
    first = run("init", at=finished.root)
    assert first.code == 0
    # What it does and what it tells is what it would without any snapshot.
    again, whole = (
        run(*words, at=finished.root) for words in (["init"], ["-C", ".", "init"])
    )
    assert again == whole


def test_an_init_that_warns_warns_each_time(sample, monkeypatch):
    monkeypatch.setattr(snapshot, "SETTLED_NS", -(10**15))
    (sample.root / ".gitignore").write_text("/.env\n")

    told = [run("init", at=sample.root).err for _ in range(3)]

    assert all("warning: git does not ignore .env.compose" in each for each in told)
    assert not settled(sample.root)


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
