import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import powerloss
import pytest
from powerloss import (
    Answer,
    Create,
    Link,
    Mkdir,
    Op,
    RecordError,
    Rename,
    Rmdir,
    State,
    SyncDir,
    SyncFile,
    Truncate,
    Unlink,
    Write,
)


OLD, NEW = b'{"web": 1}\n', b'{"db": 2, "web": 1}\n'
BEFORE = {"store": OLD}

needs_strace = pytest.mark.skipif(
    not powerloss.available(), reason="strace is missing or may not trace here"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """
    A way to replace a file, and what a loss of power does to it.

    Attributes:
        script: It, in Python.
        ops: What it does.
        is_torn: Whether the file may hold neither its old nor its new content.
        is_empty: Whether the file may be empty.
        is_forgotten: Whether it may lack its new content after the answer.
    """

    script: str
    ops: tuple[Op, ...]
    is_torn: bool
    is_empty: bool
    is_forgotten: bool


_CREATE = Create(directory=0, name="tmp", inode=2)
_WRITE = Write(inode=2, offset=0, data=NEW)
_RENAME = Rename(directory=0, name="tmp", new_directory=0, new_name="store", inode=2)
_SAVE = "import os; f = open('tmp', 'wb'); f.write(NEW); f.flush(); "
_SYNC = "os.fsync(f.fileno()); "
_REPLACE = "os.rename('tmp', 'store'); "
_SYNC_FOLDER = "os.fsync(os.open('.', os.O_RDONLY)); "

STORES = {
    "written in place": Store(
        script="f = open('store', 'wb'); f.write(NEW); f.close(); ",
        ops=(
            Truncate(inode=1, size=0),
            Write(inode=1, offset=0, data=NEW),
            Answer(),
        ),
        is_torn=True,
        is_empty=True,
        is_forgotten=True,
    ),
    "renamed": Store(
        script=_SAVE + _REPLACE,
        ops=(_CREATE, _WRITE, _RENAME, Answer()),
        is_torn=True,
        is_empty=True,
        is_forgotten=True,
    ),
    "synced and renamed": Store(
        script=_SAVE + _SYNC + _REPLACE,
        ops=(_CREATE, _WRITE, SyncFile(inode=2), _RENAME, Answer()),
        is_torn=False,
        is_empty=False,
        is_forgotten=True,
    ),
    "synced, renamed and synced": Store(
        script=_SAVE + _SYNC + _REPLACE + _SYNC_FOLDER,
        ops=(_CREATE, _WRITE, SyncFile(inode=2), _RENAME, SyncDir(inode=0), Answer()),
        is_torn=False,
        is_empty=False,
        is_forgotten=False,
    ),
}


def record(script: str, root: Path, *others: Path) -> tuple[Op, ...]:
    names = f"NEW = {NEW!r}; OTHER = {str(*others)!r}\n"
    return powerloss.record(
        [sys.executable, "-I", "-c", names + script],
        cwd=root,
        env=os.environ,
        root=root,
        extra_roots=others,
    )


def trace(text: str) -> list[str]:
    """Spell strings and paths as strace does with -xx."""

    def spell(match: re.Match[str]) -> str:
        text = match[0]
        codes = "".join(f"\\x{byte:02x}" for byte in text[1:-1].encode())
        return text[0] + codes + text[-1]

    lines = text.strip().splitlines()
    return [re.sub(r'"[^"]*"|<(?:/|pipe:)[^>]*>', spell, line) for line in lines]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Store:
    return STORES[str(request.param)]


def verdict(ops: Sequence[Op]) -> dict[str, bool]:
    states = list(powerloss.states(ops, BEFORE))
    found = [state.tree.get("store") for state in states]
    answered = [state.tree.get("store") for state in states if state.answered]
    return {
        "torn": any(content not in (OLD, NEW) for content in found),
        "empty": b"" in found,
        "forgotten": any(content != NEW for content in answered),
    }


def expected(store: Store) -> dict[str, bool]:
    return {
        "torn": store.is_torn,
        "empty": store.is_empty,
        "forgotten": store.is_forgotten,
    }


def contents(ops: Sequence[Op], before: powerloss.Tree, path: str) -> set[bytes | None]:
    return {state.tree.get(path, None) for state in powerloss.states(ops, before)}


def names(ops: Sequence[Op], before: powerloss.Tree) -> set[str]:
    return {" ".join(sorted(state.tree)) for state in powerloss.states(ops, before)}


def test_each_store_has_the_faults_that_it_is_known_for(store: Store) -> None:
    assert verdict(store.ops) == expected(store)


@needs_strace
def test_a_recorded_store_does_what_was_written_down(
    store: Store, tmp_path: Path
) -> None:
    (tmp_path / "store").write_bytes(OLD)

    ops = record(store.script + "print('done')", tmp_path)

    assert ops == store.ops
    assert verdict(ops) == expected(store)


def test_nothing_but_the_old_tree_remains_when_nothing_was_done() -> None:
    (state,) = powerloss.states((), BEFORE)

    assert state == State(
        tree=BEFORE,
        answered=False,
        description="power lost at the start: nothing lost",
    )


def test_no_two_states_are_the_same(store: Store) -> None:
    states = powerloss.states(store.ops, BEFORE)

    keys = [(state.answered, frozenset(state.tree.items())) for state in states]

    assert len(keys) == len(set(keys))


def test_nothing_lost_is_one_of_the_states(store: Store) -> None:
    trees = [state.tree for state in powerloss.states(store.ops, BEFORE)]

    assert powerloss.replay(store.ops, BEFORE) in trees


def test_a_write_in_flight_is_absent_half_zeros_or_whole() -> None:
    ops = [Write(inode=1, offset=2, data=b"cdef")]

    found = contents(ops, {"log": b"ab"}, "log")

    assert found == {b"ab", b"abcd", b"ab\0\0\0\0", b"abcdef"}


def test_an_overwrite_in_flight_leaves_old_bytes_but_no_zeros() -> None:
    ops = [Write(inode=1, offset=1, data=b"XY")]

    assert contents(ops, {"log": b"abcd"}, "log") == {b"abcd", b"aXcd", b"aXYd"}


def test_any_one_or_all_of_several_writes_may_leave_a_gap() -> None:
    ops = [Write(inode=1, offset=at, data=data) for at, data in [(0, b"1"), (1, b"2")]]

    assert {b"\0002", b"1\0", b"\0\0"} < contents(ops, {"log": b""}, "log")


def test_a_synced_write_stays_while_a_later_one_is_in_flight() -> None:
    ops: list[Op] = [
        Write(inode=1, offset=0, data=b"ab"),
        SyncFile(inode=1),
        Answer(),
        Write(inode=1, offset=2, data=b"cd"),
    ]

    states = [s for s in powerloss.states(ops, {"log": b""}) if s.answered]

    assert {state.tree["log"] for state in states} == {
        b"ab",
        b"abc",
        b"ab\0\0",
        b"abcd",
    }


def test_a_sync_covers_only_what_ended_before_it_began() -> None:
    ops: list[Op] = [
        Write(inode=1, offset=0, data=b"a"),
        Write(inode=1, offset=1, data=b"b"),
        Create(directory=0, name="late", inode=2),
        SyncFile(inode=1, covers=1),
        SyncDir(inode=0, covers=2),
        Answer(),
    ]

    states = [s for s in powerloss.states(ops, {"log": b""}) if s.answered]

    assert {state.tree["log"] for state in states} == {b"a", b"a\0", b"ab"}
    assert {"late" in state.tree for state in states} == {False, True}


def test_a_synced_file_may_still_lack_its_name() -> None:
    ops: list[Op] = [
        Create(directory=0, name="new", inode=1),
        SyncFile(inode=1),
        Answer(),
    ]

    assert names(ops, {}) == {"", "new"}


def test_what_is_in_a_folder_is_missing_when_the_folder_is() -> None:
    ops: list[Op] = [
        Mkdir(directory=0, name="d", inode=1),
        Create(directory=1, name="f", inode=2),
        SyncDir(inode=1),
    ]

    assert names(ops, {}) == {"", "d", "d d/f"}


def test_removals_may_be_missing_too() -> None:
    ops: list[Op] = [Unlink(directory=1, name="f"), Rmdir(directory=0, name="d")]

    assert names(ops, {"d": None, "d/f": b""}) == {"", "d", "d d/f"}


def test_both_names_of_a_file_have_one_content() -> None:
    ops: list[Op] = [
        Link(directory=0, name="two", inode=1),
        SyncDir(inode=0),
        Truncate(inode=1, size=1),
    ]

    trees = [state.tree for state in powerloss.states(ops, {"one": b"xyz"})]

    assert {tree["one"] for tree in trees} == {b"xyz", b"x"}
    assert all(tree.get("two", tree["one"]) == tree["one"] for tree in trees)


@pytest.mark.parametrize(
    ("synced", "is_lasting"), [([1], False), ([3], False), ([1, 3], True)]
)
def test_a_rename_between_folders_lasts_once_both_are_synced(
    synced: list[int], *, is_lasting: bool
) -> None:
    before = {"a": None, "a/f": b"", "b": None}
    move = Rename(directory=1, name="f", new_directory=3, new_name="f", inode=2)
    ops: list[Op] = [move, *(SyncDir(inode=inode) for inode in synced), Answer()]

    states = [s for s in powerloss.states(ops, before) if s.answered]

    assert all("a/f" not in state.tree for state in states) == is_lasting
    assert all(("a/f" in state.tree) != ("b/f" in state.tree) for state in states)


def test_more_than_ten_operations_in_flight_are_cut_down() -> None:
    ops = [Create(directory=0, name=f"{n:02}", inode=n + 1) for n in range(30)]

    found = names(ops, {})

    everything = [f"{n:02}" for n in range(30)]
    assert " ".join(everything) in found
    assert " ".join(everything[:-3]) in found
    assert " ".join(everything[:4] + everything[5:]) in found
    assert len(found) < 2000


def test_many_torn_files_are_varied_one_at_a_time() -> None:
    before = {f"{n}": b"" for n in range(8)}
    ops = [Write(inode=n + 1, offset=0, data=b"data") for n in range(8)]

    states = list(powerloss.states(ops, before))

    assert any(set(state.tree.values()) == {b"data"} for state in states)
    assert any(set(state.tree.values()) == {b"data", b"da"} for state in states)
    assert len(states) < 3000


def test_a_state_is_found_again_in_the_folder_where_it_was_put(tmp_path: Path) -> None:
    tree = {"+1": None, "+1/empty": None, "+1/f": b"\0\xff", "g": b""}
    state = State(tree=tree, answered=True, description="")

    powerloss.materialise(state, tmp_path / "new")

    assert powerloss.snapshot(tmp_path / "new") == tree


def test_a_snapshot_holds_no_symbolic_links(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_bytes(b"x")
    (tmp_path / "file").symlink_to("d/f")
    (tmp_path / "folder").symlink_to("d")

    assert powerloss.snapshot(tmp_path) == {"d": None, "d/f": b"x"}


def test_a_call_that_another_thread_interrupts_is_read_to_its_end() -> None:
    before = {"log": b""}
    lines = trace(
        """
        1 openat(AT_FDCWD</r>, "log", O_WRONLY|O_APPEND) = 3</r/log>
        1 clone3({flags=CLONE_VM|CLONE_FILES, exit_signal=0 <unfinished ...>
        2 write(3</r/log>, "ab", 2) = 2
        2 dup(3</r/log>)                    = 4</r/log>
        2 fsync(3</r/log> <unfinished ...>
        1 <... clone3 resumed> => {parent_tid=[2]}, 88) = 2
        1 write(4</r/log>,  <unfinished ...>
        1 <... write resumed>"cd", 2)       = 2
        2 <... fsync resumed>)              = 0
        2 +++ exited with 0 +++
        """
    )

    ops = powerloss.parse(lines, cwd=Path("/r"), roots={"": Path("/r")}, before=before)

    assert ops == (
        Write(inode=1, offset=0, data=b"ab"),
        Write(inode=1, offset=2, data=b"cd"),
        SyncFile(inode=1, covers=1),
        Answer(),
    )


def test_a_child_shares_positions_but_not_descriptors() -> None:
    lines = trace(
        """
        1 open("log", O_RDWR) = 3</r/log>
        1 vfork( <unfinished ...>
        2 read(0x3, 0x7ff0, 0x2) = 0x2
        2 dup2(3</r/log>, 1<pipe:[7]>) = 1</r/log>
        2 write(1</r/log>, "c", 1) = 1
        2 close(3</r/log>) = 0
        1 <... vfork resumed>) = 2
        1 write(3</r/log>, "d, short", 8) = 1
        1 write(1<pipe:[7]>, "ok", 2) = 2
        1 close(1<pipe:[7]>) = 0
        1 write(3<pipe:[8]>, "stale", 5) = 5
        1 lseek(3</r/log>, 0, SEEK_SET) = 0
        1 write(3</r/log>, "A", 1) = 1
        1 write(1<pipe:[9]>, "other", 5) = 5
        1 write(3</r/log>, "B", 1) = 1
        1 write(3</r/log>, "C", 1) = -1 ENOSPC (No space left on device)
        """
    )

    ops = powerloss.parse(
        lines, cwd=Path("/r"), roots={"": Path("/r")}, before={"log": b"ab"}
    )

    assert ops == (
        Write(inode=1, offset=2, data=b"c"),
        Write(inode=1, offset=3, data=b"d"),
        Answer(),
        Write(inode=1, offset=0, data=b"A"),
        Write(inode=1, offset=1, data=b"B"),
        Answer(),
    )


def test_a_trace_that_begins_too_late_is_refused() -> None:
    lines = trace('1 rename("a", "b") = 0')

    with pytest.raises(RecordError, match="do not explain rename"):
        powerloss.parse(lines, cwd=Path("/r"), roots={"": Path("/r")}, before={})


BUSY = """
import os, pathlib, subprocess, threading
folder = os.open('.', os.O_RDONLY)
os.mkdir('d'), os.makedirs('e/f'), os.rename('e', 'g')
fd = os.open('d/a', os.O_RDWR | os.O_CREAT, dir_fd=folder)
os.write(fd, b'0123456789'), os.lseek(fd, 2, os.SEEK_SET), os.read(fd, 2)
os.write(fd, b'X'), os.pwrite(fd, b'Y', 12), os.writev(fd, [b'u', b'', b', "'])
os.ftruncate(fd, 14), os.fdatasync(fd), os.truncate('d/a', 13)
os.link('d/a', 'g/f/b'), os.unlink('d/a'), os.write(fd, b'w'), os.fsync(folder)
os.rename('b', 'c \u00e9, ">', src_dir_fd=os.open('g/f', os.O_RDONLY))
os.rmdir('g/f'), os.chdir('d'), pathlib.Path('h').write_text('h' * 70000)
os.rename('h', 'i'), os.rename('i', 'h')
os.fchdir(folder), os.replace('d/h', 'g/h')
os.link('g/h', 'k'), os.rename('k', 'g/h')
subprocess.run('echo one >s; echo two >>s; exec 5<>s; echo 3 >&5', shell=True)
def work(name):
    with open(name, 'a') as file:
        for number in range(20):
            print(number, file=file, flush=True)
threads = [threading.Thread(target=work, args=[name]) for name in 'xyz']
[thread.start() for thread in threads], [thread.join() for thread in threads]
pathlib.Path(OTHER, 'o').write_text('watched'), open(os.devnull, 'w').write('not')
"""


@needs_strace
def test_a_busy_command_is_understood(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "root").mkdir()

    ops = record(BUSY, tmp_path / "root", tmp_path / "other")

    tree = powerloss.replay(ops, {"+1": None})
    assert " ".join(sorted(tree)) == '+1 +1/o c \u00e9, "> d g g/h k s x y z'
    assert tree['c \u00e9, ">'] == b'0123Xu, "w\0\0Y'
    assert tree["s"] == b"3\ne\ntwo\n"
    assert tree["x"] == b"".join(b"%d\n" % number for number in range(20))


@needs_strace
@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("raise SystemExit('no luck')", "exited with 1: no luck"),
        ("import os; os.symlink('x', 'y')", "symlink of .* is not modelled"),
        ("import os; os.rename(OTHER, 'd')", "rename of .* is not modelled"),
        ("import shutil; shutil.copy('f', 'g')", r"left \['g'\] by calls that"),
    ],
)
def test_what_cannot_be_recorded_is_an_error(
    script: str, problem: str, tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "f").write_bytes(b"content")
    (tmp_path / "other").mkdir()

    with pytest.raises(RecordError, match=problem):
        record(f"OTHER = {str(tmp_path / 'other')!r}; {script}", tmp_path / "root")
