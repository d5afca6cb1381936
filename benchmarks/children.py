"""Processes that hold sockets while something is measured."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any


_FORK = get_context("fork")


@contextmanager
def child(hold: Callable[[Connection], None]) -> Iterator[Any]:
    """Start a process that holds sockets until the block ends; yield what it sends."""
    ours, theirs = _FORK.Pipe()
    process = _FORK.Process(target=_held, args=(hold, theirs, ours))
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        ours.close()  # which ends it
        process.join()


def _held(
    hold: Callable[[Connection], None], owner: Connection, others: Connection
) -> None:
    others.close()  # or its end would never be seen
    hold(owner)
