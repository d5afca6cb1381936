"""
Runs and checkouts that take ports of one machine at one moment, and bind them.

Started as a program this file forks: a test process has threads of others. Where it has
threads of its own, they are what is tried.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from capability import unmeasured
from checkouts import declaration, free_ports
from lessees import beside, fork

from portconf.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """
    What became of them.

    Attributes:
        ports: What each was given, as it told.
        errors: What was raised, a bind that was refused among it.
        left: The process leases that there are at the end.
    """

    ports: list[list[int]]
    errors: list[str]
    left: int


def crowd(place: Path, *, runs: int, checkouts: int) -> Crowd:
    """
    Let runs of one project, each of two parts, and checkouts take ports, all at once.

    All bind what they got, and keep it bound to the end. Half of the runs come later:
    when as many before them have been killed.

    Args:
        place: An empty folder.
        runs: How many; even.
        checkouts: How many clones.
    """
    return Crowd(**_program("crowd", place, runs, checkouts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """
    What became of children that were forked while threads of their parent leased.

    Attributes:
        ports: What each child was given.
        errors: What was raised, in a child or a thread.
        hung: How many children never told.
        rounds: How many leases the threads have taken meanwhile.
    """

    ports: list[list[int]]
    errors: list[str]
    hung: int
    rounds: int


def family(place: Path, *, children: int) -> Family:
    """
    Let threads lease, and fork children that take free ports and keep them to the end.

    Args:
        place: An empty folder.
        children: How many.
    """
    return Family(**_program("family", place, children))


def _program(work: str, place: Path, *numbers: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, work, str(place), *map(str, numbers)],
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
        env={**unmeasured(), **beside()},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _make(root: Path, text: str) -> str:
    (root / ".git").mkdir(parents=True)
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    return str(root)


def _crowd(place: str, runs: int, checkouts: int) -> Crowd:
    text = declaration(free_ports(40), settings="block-size = 10")
    shop = _make(Path(place, "shop"), text)
    Project.find(shop).init()
    Project.find(shop).reset(force=True)
    Project.find(shop).init()
    clones = [_make(Path(place, f"clone{n}"), text) for n in range(checkouts)]
    first = _wave([(_run, shop)] * (runs // 2) + [(_init, each) for each in clones])
    told = _heard(first)
    for pid in first.pids[: runs // 2]:
        os.kill(pid, signal.SIGKILL)
    second = _wave([(_run, shop)] * (runs - runs // 2))
    told += _heard(second)
    registry = Project.find(shop).leases().access().registry
    assert registry is not None
    left = len(registry.read(lambda table: table.runs()))
    for pid in (*first.pids, *second.pids):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return Crowd(
        ports=[each for each in told if isinstance(each, list)],
        errors=[each for each in told if isinstance(each, str)],
        left=left,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wave:
    """Processes that began at one moment, and what they tell."""

    pids: list[int]
    reader: int


def _wave(works: Sequence[tuple[Callable[[str], list[int]], str]]) -> _Wave:
    reader, writer = os.pipe()
    gate, starter = os.pipe()
    pids = [fork(_work, *each, gate, starter, writer) for each in works]
    os.close(starter)
    os.close(gate)
    os.close(writer)
    return _Wave(pids=pids, reader=reader)


def _heard(wave: _Wave) -> list[Any]:
    """Return an answer of each; they live on."""
    with open(wave.reader, encoding="utf-8") as stream:
        return [json.loads(stream.readline()) for _ in wave.pids]


def _work(
    work: Callable[[str], list[int]], root: str, gate: int, starter: int, writer: int
) -> None:
    os.close(starter)
    os.read(gate, 1)  # ends when the last one has been forked
    answer: object
    kept = []
    try:
        answer = ports = work(root)
        for port in ports:
            kept.append(socket.socket())
            kept[-1].bind(("127.0.0.1", port))
            kept[-1].listen()
    except Exception as error:  # noqa: BLE001 - the test shows it
        answer = repr(error)
    os.write(writer, f"{json.dumps(answer)}\n".encode())
    signal.pause()


def _run(root: str) -> list[int]:
    made = Project.find(root).isolated("a", "b")
    return [port for each in made for port in each.ports().values()]


def _init(root: str) -> list[int]:
    project = Project.find(root)
    project.init()
    return [*project.ports().values()]


def _family(place: str, children: int) -> Family:
    text = declaration(free_ports(40), settings="block-size = 10")
    project = Project.find(_make(Path(place, "shop"), text))
    project.init()
    # The lock of an import is another matter: whatever is imported late is by now.
    project.free_ports()
    project.isolated("warm")[0].end()
    stop = threading.Event()
    rounds, errors = list[int](), list[str]()

    def lease() -> None:
        while not stop.is_set():
            try:
                project.isolated("thread")[0].end()
            except Exception as error:  # noqa: BLE001 - the test shows it
                errors.append(f"thread: {error!r}")
                return
            rounds.append(1)

    threads = [threading.Thread(target=lease, daemon=True) for _ in range(2)]
    for each in threads:
        each.start()
    told = dict[int, int]()
    for nth in range(children):
        time.sleep(0.002 * (nth % 7))  # to meet the threads at every point of theirs
        reader, writer = os.pipe()
        told[fork(_child, project, writer)] = reader
        os.close(writer)
    ends = time.monotonic() + 12
    answers = [_line(reader, ends) for reader in told.values()]
    stop.set()
    for each in threads:
        each.join(timeout=12)
    for pid in told:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return Family(
        ports=[each for each in answers if isinstance(each, list)],
        errors=errors + [each for each in answers if isinstance(each, str)],
        hung=answers.count(None) + sum(each.is_alive() for each in threads),
        rounds=len(rounds),
    )


def _child(project: Project, writer: int) -> None:
    answer: object
    try:
        answer = project.free_ports(10)
    except Exception as error:  # noqa: BLE001 - the test shows it
        answer = f"child: {error!r}"
    os.write(writer, f"{json.dumps(answer)}\n".encode())
    signal.pause()


def _line(reader: int, ends: float) -> Any:
    """Return what a child tells, which is one write; None where it never does."""
    if select.select([reader], [], [], max(0, ends - time.monotonic()))[0]:
        return json.loads(os.read(reader, 65536) or "null")
    return None


if __name__ == "__main__":
    works: dict[str, Callable[..., Any]] = {"crowd": _crowd, "family": _family}
    work, place, *numbers = sys.argv[1:]
    json.dump(asdict(works[work](place, *map(int, numbers))), sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # a thread that hangs would be waited for
