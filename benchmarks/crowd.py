"""Contention: the rate of sixteen processes against that of one, and who waits."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import shop
from table import Row

from portconf import PortManager


_MANY = 16
_FORK = get_context("fork")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one worker got: durable changes, and the seconds of its longest wait."""

    assigned: int
    worst: float


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure one process and sixteen in turn, each pair in fresh projects."""
    rounds, seconds = (1, 0.2) if quick else (4, 3.0)
    rates, worst, least, alone = [], [], [], []
    for turn in range(rounds):
        (one,) = _compete(shop.make(place / f"{turn}-one"), 1, seconds)
        many = _compete(shop.make(place / f"{turn}-many"), _MANY, seconds)
        rates.append(sum(each.assigned for each in many) / one.assigned)
        worst.append(max(each.worst for each in many))
        counts = [each.assigned for each in many]
        least.append(min(counts) / max(counts))
        alone.append(one.assigned / seconds)
    yield Row.of(
        f"rate of {_MANY} processes",
        rates,
        unit="x one process",
        at_least=0.8,
        bound="polls of the lock, and 16 processes on the cores that there are",
    )
    yield Row.of(
        f"longest wait of {_MANY}",
        worst,
        unit="s",
        at_most=0.5,
        pick=max,
        bound="the lock has no queue: who polls at the right moment gets it",
    )
    yield Row.of("least / most of a worker", least, unit="")
    yield Row.of(
        "one process", alone, unit="changes/s", bound="assign, release: each durable"
    )


def _compete(root: Path, workers: int, seconds: float) -> list[Share]:
    """
    Let workers assign names of their own, and give them up again, for a while.

    The plan stays as small as a project's: it would grow to a thousand services else,
    and the figure be that of JSON, not of the lock.
    """
    start = _FORK.Barrier(workers)
    pipes = []
    for number in range(workers):
        ours, theirs = _FORK.Pipe(duplex=False)
        arguments = (root, number, seconds, start, theirs)
        process = _FORK.Process(target=_work, args=arguments)
        process.start()
        theirs.close()
        pipes.append((process, ours))
    shares: list[Share] = []
    for process, pipe in pipes:
        shares.append(pipe.recv())
        process.join()
    return shares


def _work(
    root: Path, number: int, seconds: float, start: Barrier, answers: Connection
) -> None:
    manager = PortManager(root=root)
    worst, assigned = 0.0, 0
    start.wait()
    began = now = time.perf_counter()
    for each in count():
        if now - began > seconds:
            break
        name = f"worker-{number}-{each}"
        for change in (manager.assign_port, manager.release_port):
            change(name)
            before, now = now, time.perf_counter()
            worst, assigned = max(worst, now - before), assigned + 1
    answers.send(Share(assigned=assigned, worst=worst))
