"""Waiting for what another process does, and for its end."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def until(holds: Callable[[], bool], *, within: float = 30.0) -> None:
    """Wait until something holds."""
    ends = time.monotonic() + within
    while not holds():
        assert time.monotonic() < ends, "it never came to pass"
        time.sleep(0.005)


def state(pid: int) -> str:
    """Return the letter of a process's state; "X" for one that is not there."""
    with suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        return stat.rpartition(")")[2].split()[0]
    return "X"


def gone(pid: int) -> bool:
    """Tell whether a process ends soon: it has been killed, and nobody waits for it."""
    try:
        until(lambda: state(pid) in "ZX", within=10)
    except AssertionError:
        return False
    return True
