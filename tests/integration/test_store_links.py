"""Links, pipes and folders where a file of the project should be."""

import os
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import run, state
from contention import temporaries

from portconf import PortManager, StoreError


PLAN = "config/port_assignments.json"
FILES = (PLAN, ".env", ".env.compose", "port_exports.sh")


@pytest.fixture(autouse=True)
def _no_hanging() -> Iterator[None]:
    """A pipe that nobody writes to would be read for ever."""

    def fail(*_: object) -> None:
        raise AssertionError("hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def elsewhere(tmp_path):
    """A folder outside of the checkout, with what is somebody else's."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in FILES:
        (folder / os.path.basename(name)).write_text("THEIRS=1\n")
    return folder


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("is_there", [True, False], ids=["file", "dangling"])
def test_a_link_out_of_the_checkout_is_refused(sample, elsewhere, name, is_there):
    (sample.root / "config").mkdir()
    target = elsewhere / (os.path.basename(name) if is_there else "absent")
    (sample.root / name).symlink_to(target)
    before = state(sample.root), state(elsewhere)

    answer = run("init", "--force", at=sample.root)

    assert answer.code == 4
    assert answer.err == (
        f"portconf: {name} is a link that leads out of the checkout, to {target}\n"
        f"hint: replace the link by a file of this checkout's own: rm {name}\n"
    )
    assert (state(sample.root), state(elsewhere)) == before


def test_a_folder_that_is_a_link_out_of_the_checkout_is_refused(sample, elsewhere):
    (sample.root / "config").symlink_to(elsewhere)
    before = state(elsewhere)

    answer = run("init", at=sample.root)

    assert answer.code == 4
    assert f"{PLAN} is a link that leads out of the checkout" in answer.err
    with pytest.raises(StoreError, match="leads out of the checkout"):
        PortManager(root=sample.root).assign_port("web")
    assert state(elsewhere) == before


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("is_there", [True, False], ids=["file", "dangling"])
def test_a_link_within_the_checkout_is_followed_and_stays(sample, name, is_there):
    (sample.root / "local").mkdir()
    (sample.root / "config").mkdir()
    if is_there:
        assert run("init", at=sample.root).code == 0
        (sample.root / name).rename(sample.root / "local" / "real")
    sample.declare('[tool.portconf]\nservices = ["web"]\n')
    link = sample.root / name
    link.symlink_to(os.path.relpath(sample.root / "local" / "real", link.parent))

    answer = run("init", at=sample.root)

    assert answer.code == 0
    assert link.is_symlink()
    assert b"web" in link.read_bytes().lower()
    assert list((sample.root / "local").iterdir()) == [sample.root / "local" / "real"]
    assert "nothing to do" in run("init", at=sample.root).err


def test_a_link_to_the_folder_of_the_project_changes_nothing(sample, tmp_path):
    (tmp_path / "link").symlink_to(sample.root)
    assert run("init", at=sample.root).code == 0

    answer = run("init", at=tmp_path / "link")

    assert "nothing to do" in answer.err
    (tmp_path / "link").unlink()
    assert run("-C", "shop", "check", at=tmp_path).code == 0


@pytest.mark.parametrize(
    ("name", "other"), [(".env", ".env.compose"), ("port_exports.sh", PLAN)]
)
def test_two_files_that_are_one_by_a_link_are_refused(sample, name, other):
    (sample.root / name).symlink_to(other)

    answer = run("init", "--force", at=sample.root)

    assert answer.code == 4
    assert "are one file, by a link" in answer.err
    assert name in answer.err
    assert other in answer.err
    assert state(sample.root) == {
        "pyproject.toml": state(sample.root)["pyproject.toml"]
    }


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "put",
    [
        os.mkfifo,
        lambda path: path.mkdir(),
        lambda path: path.symlink_to(path.name),
    ],
    ids=["pipe", "folder", "link to itself"],
)
def test_what_is_no_file_is_refused(sample, name, put):
    path = sample.root / name
    path.parent.mkdir(exist_ok=True)
    put(path)
    before = state(sample.root), _kept(path)

    answer = run("init", "--force", at=sample.root)

    assert answer.code == 4
    assert answer.err.startswith(f"portconf: {name} ")
    assert (state(sample.root), _kept(path)) == before


def _kept(path: Path) -> tuple[int, ...]:
    """Return what writing changes: reading a link changes when it was last read."""
    found = path.lstat()
    return found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns


@pytest.mark.parametrize("kind", ["pipe", "folder"])
@pytest.mark.parametrize("words", ["get redis", "status", "check", "add web"])
def test_a_plan_that_is_no_file_is_refused_by_every_command(sample, words, kind):
    sample.plan_file.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(sample.plan_file)
    else:
        sample.plan_file.mkdir()

    answer = run(*words.split(), at=sample.root)

    assert answer.code == 4
    assert answer.err.startswith(f"portconf: {PLAN} is not a regular file\n")


def test_a_folder_that_is_a_file_is_refused(sample):
    (sample.root / "config").write_text("not a folder")

    answer = run("init", at=sample.root)

    assert answer.code == 4
    assert answer.err.startswith(f"portconf: {PLAN} cannot be ")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_mode_of_a_file_is_kept_and_is_never_wider(sample, mode, monkeypatch):
    secret = sample.root / ".env"
    secret.write_text("SECRET=1\n")
    secret.chmod(mode)
    seen: set[int] = set()

    def watched(call: Callable[..., object]) -> Callable[..., object]:
        def then_look(*words: Any, **options: Any) -> object:
            answer = call(*words, **options)
            for path in temporaries(sample.root):
                if ".env." in path and ".compose." not in path:
                    seen.add(stat.S_IMODE(os.stat(path).st_mode))
            return answer

        return then_look

    umask = os.umask(0)
    for name in ("open", "fchmod", "fsync"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    try:
        assert run("init", at=sample.root).code == 0
    finally:
        os.umask(umask)

    assert stat.S_IMODE(secret.stat().st_mode) == mode
    assert mode in seen
    assert all(each & ~mode == 0 for each in seen)
