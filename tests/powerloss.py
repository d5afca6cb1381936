"""
Every on-disk state that a loss of power during a command could leave behind.

``record`` runs the command under strace and turns its system calls into operations on
numbered inodes; ``states`` is the persistence model, and pure; ``materialise`` puts one
state into a folder for a checker. The idea is that of ALICE (Pillai et al., "All File
Systems Are Not Created Equal", OSDI 2014).

Inode 0 is the root; the paths of a snapshot have numbers from 1 in sorted order, so
operations written by hand and recorded ones agree. Folders besides the root stand in a
tree as ``+1``, ``+2`` and so on.
"""

from __future__ import annotations

import functools
import itertools
import math
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeAlias, TypeVar


T = TypeVar("T")

Tree: TypeAlias = Mapping[str, bytes | None]
"""Contents by relative path with ``/``; None marks a folder, and none is left out."""

_ALL_SUBSETS = 10
"""Up to so many directory operations in flight, every subset of them may be missing."""

_ALL_MIXTURES = 1024
"""Up to so many mixtures of the contents of files in flight, all are built."""


class RecordError(Exception):
    """The command failed, or did something that the operations cannot express."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A name in ``directory`` that now leads to ``inode``."""

    directory: int
    name: str
    inode: int


class Create(Entry):
    """A new empty file."""


class Mkdir(Entry):
    """A new empty directory."""


class Link(Entry):
    """One more name of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A name that ``directory`` no longer has."""

    directory: int
    name: str


class Unlink(Removal):
    """One name less of a file, which may stay open."""


class Rmdir(Removal):
    """The end of an empty directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """A new name for ``inode``, in place of whatever had that name."""

    directory: int
    name: str
    new_directory: int
    new_name: str
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """The bytes ``data`` at ``offset``, after zeros where the file was shorter."""

    inode: int
    offset: int
    data: bytes

    def after(self, content: bytes) -> bytes:
        """Return ``content`` once this has reached the disk."""
        head = content[: self.offset].ljust(self.offset, b"\0")
        return head + self.data + content[self.offset + len(self.data) :]

    def without_data(self, content: bytes) -> bytes:
        """Return ``content`` if the new length has reached the disk, and no more."""
        return content.ljust(self.offset + len(self.data), b"\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate:
    """A file cut to ``size`` bytes, or lengthened with zeros."""

    inode: int
    size: int

    def after(self, content: bytes) -> bytes:
        """Return ``content`` once this has reached the disk."""
        return content[: self.size].ljust(self.size, b"\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """
    An fsync that returned.

    Attributes:
        inode: What was synced.
        covers: How many operations had ended when the call began; None for all.
    """

    inode: int
    covers: int | None = None


class SyncFile(Sync):
    """An fsync or fdatasync of a file: of its content, not of its name."""


class SyncDir(Sync):
    """An fsync of a directory: of the names in it, not of their content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Bytes on standard output, or exit status 0: what was done must last."""


Change: TypeAlias = Write | Truncate
Naming: TypeAlias = Entry | Removal | Rename
Op: TypeAlias = Change | Naming | Sync | Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """
    What may be on the disk when power is back.

    Attributes:
        tree: The files and folders.
        answered: Whether the command had answered before power was lost.
        description: When power was lost, and what did not reach the disk; for people.
    """

    tree: Tree
    answered: bool
    description: str


def states(ops: Iterable[Op], before: Tree) -> Iterator[State]:
    """
    Enumerate what a loss of power at any moment of ``ops`` may leave on the disk.

    Power is lost before the first operation or after any one. Of those that ended, the
    model keeps only what a sync covers, which is less than any one file system keeps:

    - A directory operation may be missing, alone or with any others, until its
      directory was synced: every subset of up to 10, beyond that every prefix, whole
      or less one. A rename between two directories is one operation, which lasts once
      both were synced. To sync a file does not keep its name.
    - A file, under whatever name it is found, holds what it held at its last sync,
      followed by any number of the later changes in order, the last write whole or
      half. Or only the length of one write or of all has arrived: then there are zeros
      where the file grew, and old bytes elsewhere. Files vary independently, in up to
      1024 mixtures; beyond that, one at a time.

    Not covered: a rename of which both names or neither remain, writes cut elsewhere,
    changes of a file in any other order, garbage, a truncation lost before a write that
    was not, a flush that the drive only pretends. Each ``sync_file_range``, ``sync``
    and ``O_SYNC`` counts for nothing. Modes, owners, times and symbolic links are not
    part of a tree.

    Args:
        ops: The operations in the order in which they ended.
        before: The tree before the first one, all of it on the disk; each of its files
            has one name.

    Yields:
        States of which no two have both the same tree and the same ``answered``.
    """
    ops = tuple(ops)
    seen = set()
    for end in range(len(ops) + 1):
        answered = Answer() in ops[:end]
        for tree, amiss in _outcomes(ops[:end], before):
            key = answered, frozenset(tree.items())
            if key not in seen:
                seen.add(key)
                moment = f"after {ops[end - 1]!r:.99}" if end else "at the start"
                text = f"power lost {moment}: {amiss}"
                yield State(tree=tree, answered=answered, description=text)


def _covered(ops: Iterable[Op]) -> dict[int, int]:
    """Return for each synced inode how many of ``ops`` its syncs cover."""
    covered: dict[int, int] = {}
    for number, op in enumerate(ops):
        if isinstance(op, Sync):
            covers = number if op.covers is None else op.covers
            covered[op.inode] = max(covers, covered.get(op.inode, 0))
    return covered


def _outcomes(ops: Sequence[Op], before: Tree) -> Iterator[tuple[Tree, str]]:
    """Yield each tree that a loss of power after ``ops`` may leave, and what is amiss."""
    covered = _covered(ops)
    volume = _Volume.of(before)
    pending: dict[int, list[Change]] = {}
    for number, op in enumerate(ops):
        volume.allocate(op)
        if isinstance(op, Change) and number < covered.get(op.inode, 0):
            volume.apply(op)
        elif isinstance(op, Change):
            pending.setdefault(op.inode, []).append(op)
    for paths, missing in _namespaces(ops, volume.directories, covered):
        torn = {inode: path for path, inode in paths.items() if inode in pending}
        options = [_contents(volume.files[i], tuple(pending[i])) for i in torn]
        for choice in _products(options):
            files = volume.files | dict(zip(torn, [c for c, _ in choice], strict=True))
            hows = zip(torn.values(), [how for _, how in choice], strict=True)
            amiss = [*missing, *(f"{path!r} {how}" for path, how in hows if how)]
            tree = {path: files.get(inode) for path, inode in paths.items()}
            yield tree, ", ".join(amiss) or "nothing lost"


def _namespaces(
    ops: Iterable[Op],
    directories: Mapping[int, dict[str, int]],
    covered: dict[int, int],
) -> Iterator[tuple[dict[str, int], list[str]]]:
    """Yield each choice of what leads where, and what is missing in it."""
    namings = {number: op for number, op in enumerate(ops) if isinstance(op, Naming)}
    labels = {number: f"no {op!r:.99}" for number, op in namings.items()}
    optional = []
    for number, op in namings.items():
        other = op.new_directory if isinstance(op, Rename) else op.directory
        if number >= min(covered.get(op.directory, 0), covered.get(other, 0)):
            optional.append(number)
    seen = set()
    for missing in _losses(optional):
        volume = _Volume({inode: {**names} for inode, names in directories.items()}, {})
        for number, op in namings.items():
            if number not in missing:
                volume.apply(op)
        paths = dict(volume.paths())
        if (key := frozenset(paths.items())) not in seen:
            seen.add(key)
            yield paths, [labels[number] for number in missing]


@functools.lru_cache(maxsize=1024)
def _contents(old: bytes, changes: tuple[Change, ...]) -> tuple[tuple[bytes, str], ...]:
    """Return what a file may hold, and what is amiss with it; the whole first."""

    def after(changes: Iterable[Change], empty: Container[int] = ()) -> bytes:
        content = old
        for number, change in enumerate(changes, start=1):
            if number in empty and isinstance(change, Write):
                content = change.without_data(content)
            else:
                content = change.after(content)
        return content

    found = {after(changes): ""}
    for end, change in enumerate(changes, start=1):
        head = changes[: end - 1]
        every = range(1, end + 1)
        found.setdefault(after(changes, {end}), f"without the data of change {end}")
        found.setdefault(after((*head, change), every), f"without data up to {end}")
        if isinstance(change, Write):
            half = replace(change, data=change.data[: len(change.data) // 2])
            found.setdefault(after((*head, half)), f"ending in half of change {end}")
        found.setdefault(after(head), f"without change {end} and later ones")
    return tuple(found.items())


def _losses(optional: Sequence[T]) -> Iterator[tuple[T, ...]]:
    """Yield what may be missing, nothing first."""
    if len(optional) <= _ALL_SUBSETS:
        for size in range(len(optional) + 1):
            yield from itertools.combinations(optional, size)
        return
    for end in range(len(optional), -1, -1):
        yield tuple(optional[end:])
        for one in optional[:end]:
            yield (one, *optional[end:])


def _products(options: Sequence[Sequence[T]]) -> Iterator[tuple[T, ...]]:
    """Yield a choice from each of ``options``."""
    if math.prod(map(len, options)) <= _ALL_MIXTURES:
        yield from itertools.product(*options)
        return
    first = tuple(option[0] for option in options)
    for index, option in enumerate(options):
        for choice in option:
            yield (*first[:index], choice, *first[index + 1 :])


@dataclass(slots=True)
class _Volume:
    """Directories and files by inode."""

    directories: dict[int, dict[str, int]]
    files: dict[int, bytes]

    @classmethod
    def of(cls, tree: Tree) -> Self:
        volume = cls({0: {}}, {})
        for inode, path in enumerate(sorted(tree), start=1):
            parent, _, name = path.rpartition("/")
            volume.directories[volume.find(parent)][name] = inode
            if (content := tree[path]) is None:
                volume.directories[inode] = {}
            else:
                volume.files[inode] = content
        return volume

    def find(self, path: str) -> int:
        """Return the inode at ``path``; raise KeyError if there is none."""
        inode = 0
        for name in path.split("/") if path else ():
            inode = self.directories[inode][name]
        return inode

    def allocate(self, op: Op) -> None:
        """Make the inode of ``op`` if it is a new one, but not its name."""
        if isinstance(op, Create):
            self.files[op.inode] = b""
        elif isinstance(op, Mkdir):
            self.directories[op.inode] = {}

    def apply(self, op: Op) -> None:
        """Do the rest of ``op``."""
        if isinstance(op, Change):
            self.files[op.inode] = op.after(self.files[op.inode])
        elif isinstance(op, Entry):
            self.directories[op.directory][op.name] = op.inode
        elif isinstance(op, Removal | Rename):
            self.directories[op.directory].pop(op.name, None)
        if isinstance(op, Rename):
            self.directories[op.new_directory][op.new_name] = op.inode

    def paths(self, inode: int = 0, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield the path and inode of all that is below ``inode``."""
        for name, child in self.directories[inode].items():
            yield prefix + name, child
            if child in self.directories:
                yield from self.paths(child, f"{prefix}{name}/")


def replay(ops: Iterable[Op], before: Tree) -> dict[str, bytes | None]:
    """Return what ``ops`` make of ``before`` when power is not lost."""
    volume = _Volume.of(before)
    for op in ops:
        volume.allocate(op)
        volume.apply(op)
    return {path: volume.files.get(inode) for path, inode in volume.paths()}


def materialise(state: State, folder: Path) -> None:
    """Write the tree of ``state`` into ``folder``, which is new or empty."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in sorted(state.tree.items()):
        if content is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(content)


def snapshot(root: Path, *extra_roots: Path) -> dict[str, bytes | None]:
    """Read the files and folders below the roots, without symbolic links."""
    tree: dict[str, bytes | None] = {}
    for prefix, folder in _roots(root, *extra_roots).items():
        if prefix:
            tree[prefix] = None
        for path in folder.rglob("*"):
            name = f"{prefix}/{path.relative_to(folder).as_posix()}".lstrip("/")
            if path.is_dir() and not path.is_symlink():
                tree[name] = None
            elif path.is_file() and not path.is_symlink():
                tree[name] = path.read_bytes()
    return tree


def _roots(root: Path, *extra_roots: Path) -> dict[str, Path]:
    """Return the folders as strace shows them, by what stands for them in a tree."""
    names = ["", *(f"+{number}" for number in range(1, len(extra_roots) + 1))]
    folders = [folder.resolve(strict=True) for folder in (root, *extra_roots)]
    return dict(zip(names, folders, strict=True))


@functools.cache
def available() -> bool:
    """Return whether strace is installed and may trace here."""
    if shutil.which("strace") is None:
        return False
    trial = [*_strace(os.devnull), "true"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def _strace(output: str) -> list[str]:
    """Return the command that traces another, with exact bytes and full paths."""
    # "?" skips calls that the architecture does not have. Of a read only the length
    # matters: raw leaves out the bytes.
    calls = ",".join(f"?{name}" for name in _METHODS)
    program = shutil.which("strace") or "strace"
    sets = ["-e", f"trace={calls}", "-e", "raw=?read,?readv"]
    return [program, "-f", "-y", "-xx", "-s", str(1 << 24), *sets, "-o", output, "--"]


def record(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    root: Path,
    extra_roots: Sequence[Path] = (),
) -> tuple[Op, ...]:
    """
    Run a command and return what it did below some folders.

    A ``snapshot`` of these folders from before the command is what ``states`` needs
    besides. Nobody else may write there meanwhile. Where threads race each other, the
    order is that in which strace saw their calls end.

    Args:
        argv: The command.
        cwd: Its current folder.
        env: Its whole environment.
        root: The folder to watch.
        extra_roots: More folders to watch, none inside another.

    Returns:
        The operations in the order in which they ended; the last is an answer.

    Raises:
        RecordError: If the command failed, or the operations do not lead to what the
            folders hold afterwards, as after a sendfile, a symlink or a shared mmap.
    """
    before = snapshot(root, *extra_roots)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "trace")
        ended = subprocess.run(
            [*_strace(str(output)), *argv],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if ended.returncode:
            errors = ended.stderr.decode(errors="replace")
            message = f"{shlex.join(argv)} exited with {ended.returncode}: {errors}"
            raise RecordError(message)
        lines = output.read_text(encoding="ascii").splitlines()
    roots = _roots(root, *extra_roots)
    ops = parse(lines, cwd=cwd.resolve(), roots=roots, before=before)
    expected, found = replay(ops, before), snapshot(root, *extra_roots)
    if expected != found:
        odd = sorted({path for path, _ in expected.items() ^ found.items()})
        message = f"{shlex.join(argv)} left {odd} by calls that are not modelled"
        raise RecordError(message)
    return ops


def parse(
    lines: Iterable[str], *, cwd: Path, roots: Mapping[str, Path], before: Tree
) -> tuple[Op, ...]:
    """
    Turn what strace wrote about a command that succeeded into operations.

    The roots are resolved folders, by what stands for them in ``before``.
    """
    calls = list(_calls(lines))
    recorder = _Recorder(calls, cwd, roots, before)
    for call in calls:
        try:
            recorder.take(call)
        except KeyError as error:
            message = f"the calls before do not explain {call.name}({call.text:.99})"
            raise RecordError(message) from error
    recorder.answer()
    return tuple(recorder.ops)


_CALL = re.compile(r"(\w+)\((.*)\) += (\w+)(?:<(.*?)>)?")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>")
_UNFINISHED = "<unfinished ...>"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """
    A system call that succeeded.

    Attributes:
        pid: The thread that made it.
        name: Its name.
        text: Its arguments, as strace shows them.
        result: The number that it returned.
        path: What it opened, if it did.
        began: How many calls had ended when it began.
    """

    pid: int
    name: str
    text: str
    result: int
    path: Path
    began: int

    @property
    def arguments(self) -> list[str]:
        return [argument.strip() for argument in self.text.split(", ")]

    @property
    def descriptor(self) -> int:
        return int(self.arguments[0].partition("<")[0], 0)

    def paths(self, cwd: Path) -> list[Path]:
        """Return its paths, each taken from the descriptor before it or from ``cwd``."""
        base, paths = cwd, []
        for argument in self.arguments:
            if argument.startswith('"'):
                path = base / os.fsdecode(_bytes(argument.strip('"')))
                paths.append(path.parent.resolve() / path.name)
            base = _place(argument) or cwd
        return paths


def _calls(lines: Iterable[str]) -> Iterator[_Call]:
    """Yield the calls in the order in which they ended."""
    unfinished: dict[str, tuple[str, int]] = {}
    ended = 0
    for line in lines:
        pid, text = line.split(maxsplit=1)
        if text.endswith(_UNFINISHED):
            unfinished[pid] = text.removesuffix(_UNFINISHED), ended
            continue
        start, began = "", ended
        if resumed := _RESUMED.match(text):
            start, began = unfinished.pop(pid, ("", ended))
            text = text[resumed.end() :]
        if match := _CALL.match(start + text):
            yield _Call(
                pid=int(pid),
                name=match[1],
                text=match[2],
                result=int(match[3], 0),
                path=Path(os.fsdecode(_bytes(match[4] or ""))),
                began=began,
            )
            ended += 1


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _place(argument: str) -> Path | None:
    """Return the path that strace adds to a descriptor."""
    match = re.match(r"\w+<(.*?)>", argument)
    return Path(os.fsdecode(_bytes(match[1]))) if match else None


@dataclass(slots=True)
class _Handle:
    """An open file, which several descriptors may share."""

    inode: int
    appends: bool = False
    offset: int = 0


@dataclass(slots=True)
class _Process:
    """What the threads of a process have in common."""

    cwd: Path
    handles: dict[int, _Handle]


class _Recorder:
    """The processes and the watched folders after some calls."""

    def __init__(
        self,
        calls: Sequence[_Call],
        cwd: Path,
        roots: Mapping[str, Path],
        before: Tree,
    ) -> None:
        self.ops: list[Op] = []
        self._volume = _Volume.of(before)
        self._inodes = itertools.count(len(before) + 1)
        self._roots = roots
        self._lengths: list[int] = []
        self._births = {c.result: c for c in calls if re.match("v?fork|clone", c.name)}
        self._stdout = _Handle(-1)
        first = _Process(cwd, {1: self._stdout})
        self._processes = {call.pid: first for call in calls[:1]}

    def take(self, call: _Call) -> None:
        self._lengths.append(len(self.ops))
        _METHODS[call.name](self, self._process(call.pid), call)

    def answer(self) -> None:
        if self.ops[-1:] != [Answer()]:
            self.ops.append(Answer())

    def _process(self, pid: int) -> _Process:
        """Return the process of a thread; a new one gets what its parent has now."""
        if pid not in self._processes:
            birth = self._births[pid]
            parent = self._process(birth.pid)
            copy = _Process(parent.cwd, dict(parent.handles))
            is_thread = "CLONE_FILES" in birth.text
            self._processes[pid] = parent if is_thread else copy
        return self._processes[pid]

    def _emit(self, op: Op) -> None:
        self.ops.append(op)
        self._volume.allocate(op)
        self._volume.apply(op)

    def _inside(self, path: Path | None) -> str | None:
        """Return what ``path`` is called in a tree, or None if it is not watched."""
        for name, root in self._roots.items():
            if f"{path}/".startswith(f"{root}/"):
                return (name + str(path)[len(str(root)) :]).lstrip("/")
        return None

    def _spots(self, process: _Process, call: _Call) -> list[tuple[int, str]]:
        """Return the directory and name of each path, or nothing if none is watched."""
        paths = [self._inside(path) for path in call.paths(process.cwd)]
        if not any(paths):
            return []
        is_odd = re.search("symlink|RENAME_EXCHANGE", call.name + call.text)
        if is_odd or not all(paths):
            message = f"{call.name} of {call.paths(process.cwd)} is not modelled"
            raise RecordError(message)
        parts = [path.rpartition("/") for path in paths if path]
        return [(self._volume.find(parent), name) for parent, _, name in parts]

    def _handle(self, process: _Process, call: _Call) -> _Handle | None:
        handle = process.handles.get(call.descriptor)
        # A descriptor that an exec closed may be a pipe by now: strace knows.
        place = _place(call.text)
        is_stale = handle is not self._stdout and place and self._inside(place) is None
        return None if is_stale else handle

    def _open(self, process: _Process, call: _Call) -> None:
        process.handles.pop(call.result, None)
        path = self._inside(call.path)
        if path is None:
            return
        try:
            inode = self._volume.find(path)
        except KeyError:
            inode = next(self._inodes)
            parent, _, name = path.rpartition("/")
            directory = self._volume.find(parent)
            self._emit(Create(directory=directory, name=name, inode=inode))
        else:
            if "O_TRUNC" in call.text or call.name == "creat":
                self._emit(Truncate(inode=inode, size=0))
        process.handles[call.result] = _Handle(inode, "O_APPEND" in call.text)

    def _close(self, process: _Process, call: _Call) -> None:
        process.handles.pop(call.descriptor, None)

    def _copy(self, process: _Process, call: _Call) -> None:
        handle = self._handle(process, call)
        if call.name != "fcntl" or "F_DUPFD" in call.text:
            process.handles.pop(call.result, None)
            if handle:
                process.handles[call.result] = handle

    def _seek(self, process: _Process, call: _Call) -> None:
        if handle := self._handle(process, call):
            start = 0 if call.name == "lseek" else handle.offset
            handle.offset = start + call.result

    def _write(self, process: _Process, call: _Call) -> None:
        handle = self._handle(process, call)
        if handle is self._stdout:
            self.answer()
        elif handle and call.result:
            is_positioned = call.name == "pwrite64"
            offset = int(call.arguments[-1]) if is_positioned else handle.offset
            if handle.appends:
                offset = len(self._volume.files[handle.inode])
            if not is_positioned:
                handle.offset = offset + call.result
            data = b"".join(map(_bytes, re.findall('"([^"]*)"', call.text)))
            data = data[: call.result]
            self._emit(Write(inode=handle.inode, offset=offset, data=data))

    def _ftruncate(self, process: _Process, call: _Call) -> None:
        if handle := self._handle(process, call):
            self._emit(Truncate(inode=handle.inode, size=int(call.arguments[1])))

    def _truncate(self, process: _Process, call: _Call) -> None:
        path = self._inside(call.paths(process.cwd)[0].resolve())
        if path is not None:
            inode = self._volume.find(path)
            self._emit(Truncate(inode=inode, size=int(call.arguments[1])))

    def _fsync(self, process: _Process, call: _Call) -> None:
        if handle := self._handle(process, call):
            ended = self._lengths[call.began]
            covers = None if ended == len(self.ops) else ended
            sync = SyncFile if handle.inode in self._volume.files else SyncDir
            self._emit(sync(inode=handle.inode, covers=covers))

    def _mkdir(self, process: _Process, call: _Call) -> None:
        for directory, name in self._spots(process, call):
            inode = next(self._inodes)
            self._emit(Mkdir(directory=directory, name=name, inode=inode))

    def _unlink(self, process: _Process, call: _Call) -> None:
        for directory, name in self._spots(process, call):
            is_directory = call.name == "rmdir" or "AT_REMOVEDIR" in call.text
            removal = Rmdir if is_directory else Unlink
            self._emit(removal(directory=directory, name=name))

    def _link(self, process: _Process, call: _Call) -> None:
        if spots := self._spots(process, call):
            (source, old), (directory, name) = spots
            inode = self._volume.directories[source][old]
            self._emit(Link(directory=directory, name=name, inode=inode))

    def _rename(self, process: _Process, call: _Call) -> None:
        if spots := self._spots(process, call):
            (old_directory, old), (directory, name) = spots
            inode = self._volume.directories[old_directory][old]
            # Between two names of one file, a rename does nothing.
            if self._volume.directories[directory].get(name) != inode:
                self._emit(
                    Rename(
                        directory=old_directory,
                        name=old,
                        new_directory=directory,
                        new_name=name,
                        inode=inode,
                    )
                )

    def _chdir(self, process: _Process, call: _Call) -> None:
        process.cwd = call.paths(process.cwd)[0].resolve()

    def _fchdir(self, process: _Process, call: _Call) -> None:
        process.cwd = _place(call.text) or process.cwd

    def _clone(self, _: _Process, call: _Call) -> None:
        self._process(call.result)


_METHODS = {
    name: method
    for names, method in (
        ("open openat creat", _Recorder._open),
        ("close", _Recorder._close),
        ("dup dup2 dup3 fcntl", _Recorder._copy),
        ("read readv lseek", _Recorder._seek),
        ("write writev pwrite64", _Recorder._write),
        ("truncate", _Recorder._truncate),
        ("ftruncate", _Recorder._ftruncate),
        ("fsync fdatasync", _Recorder._fsync),
        ("mkdir mkdirat", _Recorder._mkdir),
        ("unlink unlinkat rmdir", _Recorder._unlink),
        ("link linkat", _Recorder._link),
        ("symlink symlinkat", _Recorder._spots),
        ("rename renameat renameat2", _Recorder._rename),
        ("chdir", _Recorder._chdir),
        ("fchdir", _Recorder._fchdir),
        ("fork vfork clone clone3", _Recorder._clone),
    )
    for name in names.split()
}
"""What each system call that is traced means to the recorder."""
