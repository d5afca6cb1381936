"""
Writers of one project: many at once, killed at random moments, or holding the lock.

The functions start this file as a program, because it forks: that is safe only in a
process without threads.
"""

import glob
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from portconf.manager import PortManager
from portconf.project import Project


_PATIENCE = 600.0
# Seconds that a killed writer lives: at the least, and where the machine is busy.
_LIFE, _LONGEST_LIFE = 0.03, 2.0
# So often as many are killed as were asked for, until something was shown by it.
_ROUNDS = 10
# A long plan is written slowly, and few writers would get to an answer.
_LONGEST_PLAN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """
    What became of assignments that were asked for at the same time.

    Attributes:
        answers: The port that each name was given.
        errors: What was raised instead.
        seconds: From the first to the last.
    """

    answers: dict[str, int]
    errors: list[str]
    seconds: float


def crowd(
    root: Path,
    *,
    processes: int = 16,
    threads: int = 4,
    names: int = 50,
    inits: int = 0,
) -> Crowd:
    """
    Assign ``processes * threads * names`` distinct names, all at once.

    Args:
        root: The project's folder.
        processes: They start together.
        threads: In each process; they share one manager.
        names: That each thread assigns, one after the other.
        inits: Further processes; each does `init` as often, meanwhile.
    """
    return Crowd(**_run("crowd", root, processes, threads, names, inits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Killings:
    """
    What writers left that were killed.

    Attributes:
        kills: How many were.
        answers: How many assignments had been answered.
        leftovers: How many temporary files the killed left.
        faults: What should not be: a file that cannot be read, an answered assignment
            that is not in it, a temporary file that outlived the next write.
        seconds: From the first to the last.
    """

    kills: int
    answers: int
    leftovers: int
    faults: list[str]
    seconds: float


def killings(root: Path, *, kills: int = 500, writers: int = 4) -> Killings:
    """
    Let groups of writers assign names, and kill each writer at a random moment.

    Args:
        root: The project's folder.
        kills: How many writers in all; more where none of them got to an answer, or
            none was killed in the middle.
        writers: How many at a time.
    """
    return Killings(**_run("killings", root, kills, writers))


@contextmanager
def holder(root: Path) -> Iterator[subprocess.Popen[str]]:
    """
    Stop a process within an assignment, where it has the lock and a temporary file.

    A line on its standard input lets it go on, and print the port.
    """
    command = [sys.executable, __file__, "holder", str(root)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def temporaries(root: Path | str) -> list[str]:
    """Return the temporary files that lie in a project."""
    return glob.glob(f"{root}/**/*-tmp", recursive=True, include_hidden=True)


def _run(workload: str, root: Path, *numbers: int) -> dict[str, Any]:
    command = [sys.executable, __file__, workload, str(root), *map(str, numbers)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, check=True, timeout=_PATIENCE
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _crowd(root: str, processes: int, threads: int, names: int, inits: int) -> Crowd:
    reader, writer = os.pipe()
    gate, starter = os.pipe()

    def assign(process: int) -> None:
        manager = PortManager(root=root, lock_timeout=_PATIENCE)
        workers = [
            Thread(target=_assign, args=(manager, f"p{process}-t{each}", names, writer))
            for each in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def init(_: int) -> None:
        for _ in range(names):
            Project.find(root, lock_timeout=_PATIENCE).init()

    def at_the_start(work: Callable[[int], None], number: int) -> None:
        os.close(starter)
        os.read(gate, 1)  # ends when the last one has been forked
        work(number)

    pids = [
        _fork(at_the_start, assign, each, close=reader) for each in range(processes)
    ]
    pids += [_fork(at_the_start, init, each, close=reader) for each in range(inits)]
    began = time.monotonic()
    os.close(writer)
    os.close(starter)
    answers, errors = _heard(reader)
    errors += [f"process {pid} failed" for pid in pids if os.waitpid(pid, 0)[1]]
    return Crowd(answers=answers, errors=errors, seconds=time.monotonic() - began)


def _killings(root: str, kills: int, writers: int) -> Killings:
    chance = random.Random()  # noqa: S311 - moments, not secrets
    manager = PortManager(root=root)
    # Before any fork, so that the writers need not load what an assignment takes.
    kept = {"first": manager.assign_port("first")}
    faults: list[str] = []
    killed = answered = leftovers = 0
    life = _LIFE
    began = time.monotonic()
    while killed < kills or (killed < kills * _ROUNDS and not (answered and leftovers)):
        reader, writer = os.pipe()
        names = [f"k{killed + each}" for each in range(writers)]
        pids = [
            _fork(_assign, manager, name, 1_000_000, writer, close=reader)
            for name in names
        ]
        os.close(writer)
        ends = sorted(chance.uniform(0, life) for _ in pids)
        start = time.monotonic()
        for pid, end in zip(pids, ends, strict=True):
            time.sleep(max(0.0, start + end - time.monotonic()))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            faults += _lost({}, root)
        killed += len(pids)
        answers, errors = _heard(reader)
        answered += len(answers)
        # Where they do not get to an answer they live longer, and back again.
        life = max(_LIFE, life / 1.5) if answers else min(life * 1.5, _LONGEST_LIFE)
        leftovers += len(temporaries(root))
        kept |= answers
        faults += errors + _lost(kept, root)
        kept[f"after-{killed}"] = manager.assign_port(f"after-{killed}")
        faults += _lost(kept, root) + temporaries(root)
        if len(kept) > _LONGEST_PLAN:
            manager.reset_assignments()
            kept.clear()
    return Killings(
        kills=killed,
        answers=answered,
        leftovers=leftovers,
        faults=faults,
        seconds=time.monotonic() - began,
    )


def _holder(root: str) -> int:
    replace = os.replace

    def stop_and_replace(source: str, target: str) -> None:
        sys.stdout.write("held\n")
        sys.stdout.flush()
        sys.stdin.readline()
        replace(source, target)

    os.replace = stop_and_replace  # type: ignore[assignment] # the one call we make
    return PortManager(root=root).assign_port("holder")


def _fork(work: Callable[..., None], *words: Any, close: int) -> int:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(close)  # a writer that nobody hears any more has to end
            work(*words)
            status = 0
        finally:
            os._exit(status)
    return pid


def _assign(manager: PortManager, prefix: str, names: int, answers: int) -> None:
    """Assign names one after the other, and tell each answer."""
    for name in (f"{prefix}-{number}" for number in range(names)):
        try:
            answer = str(manager.assign_port(name))
        except Exception as error:  # noqa: BLE001 - the test shows it
            answer = repr(error)
        os.write(answers, f"{name} {answer}\n".encode())


def _heard(pipe: int) -> tuple[dict[str, int], list[str]]:
    """Return what the writers told until the last one ended: answers and errors."""
    with open(pipe, encoding="utf-8") as stream:
        told = dict(line.rstrip("\n").split(" ", 1) for line in stream)
    errors = [f"{name}: {text}" for name, text in told.items() if not text.isdecimal()]
    return {name: int(text) for name, text in told.items() if text.isdecimal()}, errors


def _lost(kept: Mapping[str, int], root: str) -> list[str]:
    """Return which of the answered assignments a reader does not find."""
    try:
        services = Project.find(root).plan().services
    except Exception as error:  # noqa: BLE001 - the test shows it
        return [f"cannot be read: {error!r}"]
    found = {name: each.port for name, each in services.items()}
    return [f"{name} had {port}" for name, port in kept.items() - found.items()]


if __name__ == "__main__":
    workloads: Mapping[str, Callable[..., Any]] = {
        "crowd": lambda *words: asdict(_crowd(*words)),
        "killings": lambda *words: asdict(_killings(*words)),
        "holder": _holder,
    }
    json.dump(workloads[sys.argv[1]](sys.argv[2], *map(int, sys.argv[3:])), sys.stdout)
