import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portconf import snapshot
from portconf.snapshot import SETTLED_NS, done, fingerprint, read, settled, surroundings


PORTS = {"web": 4000, "db": 4001}
VARIABLES = {"WEB_PORT": "4000", "URL": "http://x/?a=b", "EMPTY": ""}
FACTS = {"lease": "4000-4001", "guard": "error"}
ANSWERS = {"web": "4000", "db": "4001"}, VARIABLES, FACTS
INPUTS = ("pyproject.toml", "plan.json")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / ".git").mkdir(parents=True)
    for name in INPUTS:
        (root / name).write_text(name, encoding="utf-8")
    return root


def settled_now() -> int:
    """Return a time from which what exists has long been as it is."""
    return time.time_ns() + 2 * SETTLED_NS


def keep(root: Path, **changes) -> bool:
    inputs = [(str(root / name), fingerprint(str(root / name))) for name in INPUTS]
    options: dict[str, Any] = {
        "ports": PORTS,
        "variables": VARIABLES,
        "facts": FACTS,
        "read_ns": settled_now(),
    }
    options |= {"inputs": inputs, **changes}
    return snapshot.write(str(root), **options)


def kept(root: Path) -> Path:
    (path,) = (root / ".git" / "portconf").iterdir()
    return path


def test_what_was_kept_is_answered_in_its_order(project):
    assert keep(project)

    answer = read(str(project))

    assert answer == ANSWERS
    assert answer is not None
    assert [list(each) for each in answer] == [list(each) for each in ANSWERS]


def test_a_sub_folder_of_the_project_gets_the_same_answer(project):
    keep(project)
    (project / "a" / "b").mkdir(parents=True)

    assert read(str(project / "a" / "b")) == ANSWERS


@pytest.mark.parametrize("ports", [{}, PORTS])
def test_nothing_is_an_answer_too(project, ports):
    keep(project, ports=ports, variables={}, facts={})

    assert read(str(project)) == ({k: str(v) for k, v in ports.items()}, {}, {})


def _longer(path: Path) -> None:
    path.write_text("longer than before", encoding="utf-8")


def _same_size_same_mtime(path: Path) -> None:
    status = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize(
    "change", [_longer, _same_size_same_mtime, _replaced, Path.unlink, os.utime]
)
def test_a_changed_input_ends_the_answer(
    project, name, change: Callable[[Path], object]
):
    keep(project)

    change(project / name)

    assert read(str(project)) is None


def test_a_nearer_project_has_answers_of_its_own(project):
    keep(project)
    inner = project / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").touch()

    assert read(str(inner)) is None
    assert read(str(project)) == ANSWERS


def test_an_inner_checkout_is_not_answered_by_the_outer_one(project):
    keep(project)
    (project / "inner" / ".git").mkdir(parents=True)

    assert read(str(project / "inner")) is None


def test_a_folder_outside_any_checkout_has_no_answers(tmp_path):
    for name in INPUTS:
        (tmp_path / name).touch()

    assert not keep(tmp_path)
    assert read(str(tmp_path)) is None


def test_a_copied_checkout_does_not_answer_for_the_first(project, tmp_path):
    keep(project)
    project.rename(tmp_path / "moved")

    assert read(str(tmp_path / "moved")) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"\0" * len(data),
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data.replace(b"4001", b"4002"),
        lambda data: data + b"\n",
        lambda _: b"",
        lambda _: b"\xff\xfe",
        lambda _: b"00000000",  # the checksum of nothing
    ],
    ids=["zeros", "half", "short", "changed", "long", "empty", "no text", "checksum"],
)
def test_a_damaged_snapshot_is_no_answer(project, damage):
    keep(project)
    path = kept(project)

    path.write_bytes(damage(path.read_bytes()))

    assert read(str(project)) is None


def test_an_input_that_is_missing_has_to_stay_missing(project):
    missing = project / "not there"

    assert keep(project, inputs=[(str(missing), fingerprint(str(missing)))])
    assert read(str(project)) is not None
    missing.touch()
    assert read(str(project)) is None


def test_an_input_that_changed_just_now_is_not_remembered(project):
    seen = fingerprint(str(project / "plan.json"))
    assert seen is not None
    last_change = max(seen[1], seen[2])

    whole = (1, last_change // 10**9 * 10**9, last_change // 10**9 * 10**9, 1)
    fine = (1, whole[1] + 1, whole[2] + 1, 1)
    tick = SETTLED_NS // 20

    assert not settled(whole, now_ns=whole[1] + SETTLED_NS)
    assert settled(whole, now_ns=whole[1] + SETTLED_NS + 1)
    assert not settled(fine, now_ns=fine[1] + tick)
    assert settled(fine, now_ns=fine[1] + tick + 1)
    assert not settled(None, now_ns=last_change * 2)
    assert not keep(project, read_ns=last_change)
    assert read(str(project)) is None


def test_an_input_that_changed_after_it_was_seen_ends_the_answer_at_once(project):
    inputs = [
        (str(project / name), fingerprint(str(project / name))) for name in INPUTS
    ]
    _longer(project / "plan.json")

    keep(project, inputs=inputs)

    assert read(str(project)) is None


def seen(*paths: Path) -> list[tuple[str, Any]]:
    return [(str(path), fingerprint(str(path))) for path in paths]


@pytest.fixture
def finished(project: Path) -> list[Path]:
    """What `init` found as it is to be: a file, and one that is not to be there."""
    (project / ".env").write_text("WEB_PORT=4000\n", encoding="utf-8")
    return [project / ".env", project / ".gitignore"]


def test_an_init_that_found_nothing_to_do_is_done(project, finished):
    (project / "a" / "b").mkdir(parents=True)

    assert keep(project, done=seen(*finished))

    assert done(str(project))
    assert done(str(project / "a" / "b"))
    assert read(str(project)) == ANSWERS


def test_answers_alone_do_not_tell_that_init_is_done(project):
    assert not done(str(project))

    keep(project)

    assert read(str(project)) == ANSWERS
    assert not done(str(project))


@pytest.mark.parametrize(
    "change", [_longer, _same_size_same_mtime, _replaced, os.utime]
)
def test_a_changed_file_ends_what_is_done_but_not_the_answers(
    project, finished, change: Callable[[Path], object]
):
    keep(project, done=seen(*finished))

    change(project / ".env")

    assert not done(str(project))
    assert read(str(project)) == ANSWERS


@pytest.mark.parametrize("which", [0, 1], ids=["gone", "come"])
def test_a_file_that_comes_or_goes_ends_what_is_done(project, finished, which):
    keep(project, done=seen(*finished))

    if which:
        finished[which].touch()
    else:
        finished[which].unlink()

    assert not done(str(project))
    assert read(str(project)) == ANSWERS


@pytest.mark.parametrize("name", INPUTS)
def test_a_changed_input_ends_what_is_done(project, finished, name):
    keep(project, done=seen(*finished))

    _longer(project / name)

    assert not done(str(project))


def test_a_file_that_was_finished_just_now_is_not_remembered(project, finished):
    now = time.time_ns() + 10 * SETTLED_NS
    os.utime(project / ".env", ns=(now, now))  # however long ago the inputs changed

    assert keep(project, done=seen(*finished), read_ns=now)

    assert not done(str(project))
    assert read(str(project)) == ANSWERS


def test_a_path_of_two_lines_is_not_kept(project):
    odd = project / "two\nlines"
    odd.touch()

    assert not keep(project, done=seen(odd))
    assert not keep(project, inputs=seen(odd))
    assert not done(str(project))


def test_a_damaged_snapshot_does_not_tell_that_init_is_done(project, finished):
    keep(project, done=seen(*finished))
    path = kept(project)

    path.write_bytes(path.read_bytes().replace(b"4001", b"4002"))

    assert not done(str(project))


# Each says where the registry is: another may give the checkout other ports.
@pytest.mark.parametrize("name", ["PORTCONF_REGISTRY", "XDG_STATE_HOME", "HOME"])
def test_another_registry_ends_the_answers_until_it_is_the_first_again(
    project, finished, monkeypatch, name
):
    before = surroundings()
    keep(project, done=seen(*finished))
    first = os.environ.get(name)

    monkeypatch.setenv(name, "/home/you/elsewhere")
    assert surroundings() != before
    assert read(str(project)) is None
    assert not done(str(project))

    if first is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, first)
    assert surroundings() == before
    assert read(str(project)) == ANSWERS
    assert done(str(project))


def test_a_value_in_another_variable_is_another_registry(monkeypatch):
    monkeypatch.setenv("PORTCONF_REGISTRY", "/home/you/x")
    monkeypatch.setenv("XDG_STATE_HOME", "")
    before = surroundings()

    monkeypatch.setenv("PORTCONF_REGISTRY", "")
    monkeypatch.setenv("XDG_STATE_HOME", "/home/you/x")

    assert surroundings() != before


def test_a_variable_that_says_nothing_of_the_registry_changes_nothing(monkeypatch):
    before = surroundings()

    monkeypatch.setenv("REDIS_PORT", "1")

    assert surroundings() == before


ASK = "from portconf import snapshot; print(snapshot.surroundings())"


@pytest.mark.skipif(sys.platform != "linux", reason="needs network namespaces")
def test_another_network_has_other_surroundings():
    asking = [sys.executable, "-c", ASK]
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    entered = subprocess.run(
        ["unshare", "--net", *user, *asking],
        capture_output=True,
        text=True,
        check=False,
    )
    if entered.returncode:
        pytest.skip(f"may not make a network: {entered.stderr}")

    here = subprocess.run(asking, capture_output=True, text=True, check=True)

    assert here.stdout == f"{surroundings()}\n"
    assert entered.stdout != here.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_network_that_cannot_be_seen_is_no_error(monkeypatch):
    before = surroundings()

    def hidden(_path: str) -> str:
        raise PermissionError

    monkeypatch.setattr(os, "readlink", hidden)

    assert surroundings() != before


@pytest.mark.parametrize("value", ["two\nlines", "\n"])
def test_a_value_of_two_lines_is_not_kept(project, value):
    assert not keep(project, variables={"X": value})


def test_a_value_with_a_carriage_return_is_kept_whole_or_not_at_all(project):
    variables = {"X": "a\rb"}

    keep(project, variables=variables)

    assert read(str(project)) in (None, (ANSWERS[0], variables, FACTS))


def test_what_cannot_be_written_leaves_nothing_behind(project):
    assert not keep(project, variables={"X": "\udce9"})
    assert list((project / ".git" / "portconf").iterdir()) == []


def test_a_git_directory_that_cannot_be_written_is_no_error(project):
    (project / ".git" / "portconf").touch()

    assert not keep(project)
    assert read(str(project)) is None


@pytest.mark.parametrize("is_relative", [True, False])
def test_a_linked_worktree_keeps_its_answers_in_its_own_git_directory(
    project, tmp_path, is_relative
):
    own = project / ".git" / "worktrees" / "topic"
    own.mkdir(parents=True)
    (own / "HEAD").touch()
    topic = tmp_path / "topic"
    topic.mkdir()
    named = os.path.relpath(own, topic) if is_relative else own
    (topic / ".git").write_text(f"gitdir: {named}\n", encoding="utf-8")
    for name in INPUTS:
        (topic / name).touch()
    keep(project)

    assert keep(topic, ports={"web": 20000}, variables={})

    assert read(str(topic)) == ({"web": "20000"}, {}, FACTS)
    assert read(str(project)) == ANSWERS
    assert len(list((own / "portconf").iterdir())) == 1


@pytest.mark.parametrize("text", ["", "gitdir: /nope", "nonsense"])
def test_a_git_file_that_leads_nowhere_keeps_nothing(project, text):
    (project / ".git").rmdir()
    (project / ".git").write_text(text, encoding="utf-8")

    assert not keep(project)
    assert read(str(project)) is None
