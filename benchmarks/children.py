"""Processes that do something beside what is measured."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any


_FORK = get_context("fork")
# Seconds until a process that was told to end, and does not, is killed.
_PATIENCE = 5


@contextmanager
def talk(work: Callable[[Connection], None]) -> Iterator[Connection]:
    """Start a process that has a pipe to us; it ends with the block, or before."""
    ours, theirs = _FORK.Pipe()
    process = _FORK.Process(target=_worked, args=(work, theirs, ours))
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()  # which ends it
        process.join(_PATIENCE)
        process.kill()
        process.join()


@contextmanager
def child(hold: Callable[[Connection], None]) -> Iterator[Any]:
    """Start a process that holds sockets until the block ends; yield what it sends."""
    with talk(hold) as pipe:
        yield pipe.recv()


def hear(pipe: Connection, *, within: float = 60.0) -> Any:
    """Return what a process sends; one that sends nothing for so long has failed."""
    if not pipe.poll(within):
        raise SystemExit(f"a process of the benchmark is silent for {within:.0f} s")
    return pipe.recv()


def room() -> int:
    """Let this process open as many files as it may, and return how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _worked(
    work: Callable[[Connection], None], owner: Connection, others: Connection
) -> None:
    others.close()  # or its end would never be seen
    work(owner)
