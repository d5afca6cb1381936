"""
Failures of the calls by which a command changes files, one call at a time.

An attempt is a folder with a project and the registry that has its lease: each begins
with a copy of both, in the same place, because a lease is that of a folder. SQLite's
own calls are not Python's: what the registry does by itself is not struck here.

`killed` starts this file as a program, because it forks: that is safe only in a
process without threads.
"""

import builtins
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

from capability import unmeasured

from portconf.cli import INTERRUPTED, main
from portconf.errors import PortconfError
from portconf.manager import PortManager


_CALLS = (
    *("open", "mkdir", "scandir", "fsync", "fchmod", "replace", "rename"),
    *("link", "utime"),
)
# Where the act is done: what it writes names its folder.
_HERE = "here"
_WORK = "work"
_STATE = "state"


def _assign(folder: str) -> int:
    try:
        PortManager(root=folder, lock_timeout=1).assign_port("new")
    except PortconfError as error:
        sys.stderr.write(error.message)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


ACTS: dict[str, Callable[[str], int]] = {
    "init": lambda folder: main(["-C", folder, "--lock-timeout", "1", "init"]),
    "assign": _assign,
}
"""What can be struck: from a project's folder to an exit code."""


@contextmanager
def attempt(template: Path, place: Path) -> Iterator[Path]:
    """
    Let an attempt stand where all do, with its registry as the machine's.

    Args:
        template: The attempt as it was left, which this changes; or a project's folder,
            to begin with.
        place: The folder of all attempts.

    Yields:
        The project. Afterwards the attempt is where it was.
    """
    here = place / _HERE
    if (template / _WORK).exists():
        template.rename(here)
    else:
        here.mkdir()
        template.rename(here / _WORK)
    with patch.dict(os.environ, {"XDG_STATE_HOME": str(here / _STATE)}):
        yield here / _WORK
    here.rename(template)


@contextmanager
def _copied(template: Path, place: Path, name: str) -> Iterator[Path]:
    """Let a copy of an attempt stand where all do, and then at ``name``."""
    copy = shutil.copytree(template, place / name)
    with attempt(copy, place) as work:
        yield work


def done(template: Path, place: Path, act: str) -> Path:
    """Do an act on a copy of an attempt."""
    with _copied(template, place, "done") as work:
        assert ACTS[act](str(work)) == 0
    return place / "done"


def failed(
    template: Path, place: Path, act: str, error: BaseException
) -> Iterator[tuple[str, int, Path]]:
    """
    Do an act again and again, and let each of its calls fail.

    Args:
        template: The attempt before it.
        place: A folder for the copies.
        act: A key of `ACTS`.
        error: What the call raises.

    Yields:
        The call that failed, the exit code, and the project of the copy, which stands
        where it was worked on, with its registry.
    """

    def fail() -> None:
        raise error

    for number in count():
        with _copied(template, place, f"{number:03}") as work:
            with _striking(number, fail) as calls:
                code = ACTS[act](str(work))
            if len(calls) <= number:
                return
            yield calls[number], code, work


def killed(template: Path, place: Path, act: str) -> list[Path]:
    """
    Do an act again and again, and kill its process in each of its calls.

    Returns:
        The attempts, in the order of the calls.
    """
    command = [sys.executable, __file__, str(template), str(place), act]
    # The modules beside this one, also where Python does not look there by itself.
    env = {**unmeasured(), "PYTHONPATH": os.path.dirname(__file__)}
    found = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, timeout=120, env=env
    )
    return [Path(os.fsdecode(line)) for line in found.stdout.splitlines()]


class _Calls(list[str]):
    """The calls so far, for people; before one of them something is done."""

    def __init__(self, number: int, strike: Callable[[], None]) -> None:
        super().__init__()
        self._number = number
        self._strike = strike

    def is_next(self) -> bool:
        return len(self) == self._number

    def add(self, name: str, subject: object) -> None:
        strikes = self.is_next()
        self.append(f"{name}({subject!r})")
        if strikes:
            self._strike()

    def watch(self, name: str) -> Callable[..., Any]:
        """Return the function of `os`, watched."""
        really = getattr(os, name)

        def call(*words: Any, **options: Any) -> Any:
            self.add(name, words[0])
            return really(*words, **options)

        return call


@contextmanager
def _striking(number: int, strike: Callable[[], None]) -> Iterator[_Calls]:
    """Do ``strike`` before the call of that number, from 0; a write is half done then."""
    calls = _Calls(number, strike)
    really_open = builtins.open

    class File(io.FileIO):
        def write(self, data: Any, /) -> int:
            if calls.is_next():
                super().write(data[: len(data) // 2])
            calls.add("write", len(data))
            return super().write(data)

    def open_(file: Any, mode: str = "r", *words: Any, **options: Any) -> Any:
        if not isinstance(file, int):
            calls.add("open", file)
        if mode == "wb" and options.get("buffering") == 0:
            return File(file, mode)
        return really_open(file, mode, *words, **options)

    with ExitStack() as patches:
        for name in _CALLS:
            patches.enter_context(patch.object(os, name, calls.watch(name)))
        patches.enter_context(patch.object(builtins, "open", open_))
        yield calls


def _kill_in_each_call(template: Path, place: Path, act: str) -> Iterator[Path]:
    os.fsync = lambda fd: None  # noqa: ARG005 - power is not lost, disks are slow
    with tempfile.TemporaryDirectory() as scratch:
        # Before any fork, so that the children need not load what the act takes.
        done(template, Path(scratch), act)
    for number in count():
        name = f"{number:03}"
        with _copied(template, place, name) as work:
            pid = os.fork()
            if pid == 0:
                with _striking(number, lambda: os.kill(os.getpid(), signal.SIGKILL)):
                    ACTS[act](str(work))
                os._exit(0)
            killed = os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        if not killed:
            return
        yield place / name


if __name__ == "__main__":
    for folder in _kill_in_each_call(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]):
        # At once: a child would write what it inherits in the buffer again.
        sys.stdout.write(f"{folder}\n")
        sys.stdout.flush()
