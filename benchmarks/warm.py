"""A warm process: `get_port` against the one `os.stat` that it cannot do without."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from pathlib import Path

import shop
from rounds import interleave, ratios
from table import Row

from portconf import PortManager, get_port


_CALLS = 2000


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure the function of the module, and the method of a manager."""
    root = shop.settled(place.parent)
    os.chdir(root)
    manager = PortManager()
    path = str(root / shop.ASSIGNMENTS)
    actions = {
        "stat": partial(_repeat, os.stat, path),
        "getcwd": partial(_repeat, _ignoring(os.getcwd), ""),
        "get_port": partial(_repeat, get_port, "redis"),
        "PortManager.get_port": partial(_repeat, manager.get_port, "redis"),
    }
    times = interleave(actions, 3 if quick else 61)
    bounds = {
        "get_port": "getcwd and two stats: pyproject.toml, the assignments",
        "PortManager.get_port": "the stat, and a tuple of four numbers to compare",
    }
    for name, bound in bounds.items():
        found = ratios(times, name, "stat")
        yield Row.of(f"{name}, warm", found, unit="x os.stat", at_most=3, bound=bound)
    found = ratios(times, "getcwd", "stat")
    yield Row.of("os.getcwd, for comparison", found, unit="x os.stat")


def _repeat(call: Callable[[str], object], argument: str) -> None:
    for _ in repeat(None, _CALLS):
        call(argument)


def _ignoring(call: Callable[[], object]) -> Callable[[str], object]:
    return lambda _: call()
