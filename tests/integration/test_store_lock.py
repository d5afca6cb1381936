"""The lock that orders the changes of a project."""

import errno
import fcntl
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from capability import needs
from commandline import run, state
from contention import holder

from portconf import PortManager


PLAN = "config/port_assignments.json"


def is_held(root) -> bool:
    answer = run("--lock-timeout", "0", "init", at=root)
    return answer.code == 4 and "is locked by another portconf" in answer.err


def test_a_command_that_waits_too_long_says_for_what_and_how_long(sample):
    with holder(sample.root):
        before = state(sample.root)

        answer = run("--lock-timeout", "0.2", "init", at=sample.root)

        assert state(sample.root) == before
    assert (answer.code, answer.out) == (4, "")
    assert answer.err == (
        f"portconf: {PLAN} is locked by another portconf command, gave up after 0.2 s\n"
        "hint: wait for it to finish, or raise --lock-timeout\n"
    )


def test_a_writer_waits_for_another_and_goes_on_from_what_that_wrote(sample):
    with ThreadPoolExecutor() as threads, holder(sample.root) as first:
        second = threads.submit(PortManager(root=sample.root).assign_port, "second")

        answer, _ = first.communicate("go on\n", timeout=60)

        assert (answer, second.result()) == ("4000", 4001)


def test_nobody_waits_for_a_killed_writer(sample):
    with holder(sample.root) as process:
        process.kill()
        process.wait()

        assert not is_held(sample.root)


def test_who_only_reads_does_not_wait(sample):
    commands = (
        "get redis",
        "status",
        "why redis",
        "check",
        "export --format json",
        "init --dry-run",
    )
    run("init", at=sample.root)
    free = [run(*words.split(), at=sample.root) for words in commands]

    with holder(sample.root):
        now = ("--lock-timeout", "0")
        held = [run(*now, *words.split(), at=sample.root) for words in commands]

    # Who holds the lock has leased a port for its newcomer, which is not in the plan yet.
    told = [answer.out.replace("4000-4007", "4000-4006") for answer in held]
    assert told == [answer.out for answer in free]
    assert [answer.err for answer in held] == [answer.err for answer in free]
    assert {answer.code for answer in held} == {0}


def test_who_asks_for_a_port_again_does_not_wait(sample):
    manager = PortManager(root=sample.root, lock_timeout=0)
    port = manager.assign_port("redis")

    with holder(sample.root):
        assert manager.assign_port("redis") == manager.get_port("redis") == port


@needs("git")
def test_git_clean_does_not_let_a_second_writer_in(sample):
    sample.git("add", "pyproject.toml")
    sample.git("commit", "-qm", "begin")
    with holder(sample.root):
        sample.git("clean", "-xdffq")
        assert set(os.listdir(sample.root)) == {".git", "pyproject.toml"}

        assert is_held(sample.root)


@needs("git")
def test_worktrees_do_not_wait_for_each_other(sample):
    sample.git("add", "pyproject.toml")
    sample.git("commit", "-qm", "begin")
    sample.git("worktree", "add", "-q", "../linked")
    linked = sample.root.parent / "linked"

    with holder(sample.root):
        assert not is_held(linked)
    with holder(linked):
        assert is_held(linked)
        assert not is_held(sample.root)
    assert not (linked / PLAN).with_name(".port_assignments.json.lock").exists()


def test_a_folder_without_git_has_a_lock_too(make_sample):
    root = make_sample().root

    with holder(root):
        assert is_held(root)
    assert not is_held(root)


def test_every_path_to_a_project_gives_one_lock(make_sample, tmp_path):
    root = make_sample().root
    (tmp_path / "link").symlink_to(root)
    (root / "real").mkdir()
    (root / "config").symlink_to("real")

    with holder(tmp_path / "link"):
        assert is_held(root)
    with holder(root):
        assert is_held(tmp_path / "link")


@pytest.mark.parametrize(
    "number", [errno.ENOLCK, errno.ENOSYS], ids=errno.errorcode.__getitem__
)
def test_a_file_system_without_locks_is_refused(sample, monkeypatch, number):
    # A lock file that outlives its maker would be no way out: killed writers.
    def no_locks(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    before = state(sample.root)

    answer = run("init", at=sample.root)

    assert answer.code == 4
    assert answer.err.startswith(f"portconf: {PLAN} cannot be locked: ")
    assert "hint: make that folder writable, on a file system with locks" in answer.err
    assert state(sample.root) == before
