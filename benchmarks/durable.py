"""One durable assign against the bare system calls that durability needs."""

import fcntl
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import shop
from rounds import interleave, ratios
from table import Row

from portconf import PortManager, plan as planning, store
from portconf.model import Plan, Service


_SIZES = {
    7: "filelock, a file read twice, a checkout looked up",
    100: "the same, and JSON read by Python",
    1000: "JSON read, planned and written by Python",
}


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure projects of several sizes."""
    for size, bound in _SIZES.items():
        found = _ratios(place / str(size), size, 3 if quick else 101)
        what = f"durable assign, {size} services"
        unit = "x bare calls"
        yield Row.of(what, found, unit=unit, at_most=1.5, bound=bound)


def _ratios(place: Path, size: int, rounds: int) -> list[float]:
    """Assign in one project, write the same bytes by hand in another."""
    ours = shop.make(place / "ours", init=False)
    theirs = place / "theirs" / shop.ASSIGNMENTS
    theirs.parent.mkdir(parents=True)
    warm_up = 2
    contents = tuple(_contents(size, rounds + warm_up))
    (ours / "config").mkdir()
    for target in (ours / shop.ASSIGNMENTS, theirs):
        target.write_bytes(contents[0])
    manager = PortManager(root=ours)
    names, steps = (map(_name, count(size)), iter(contents[1:]))
    actions = {
        "bare": lambda: bare(theirs, next(steps)),
        "assign": lambda: manager.assign_port(next(names)),
    }
    times = interleave(actions, rounds, warm_up=warm_up)
    if (ours / shop.ASSIGNMENTS).read_bytes() != theirs.read_bytes():
        raise SystemExit("the two sides did not write the same bytes")
    return ratios(times, "assign", "bare")


def bare(path: Path, data: bytes) -> None:
    """Lock, read, write, sync, rename, sync: what no durable change can leave out."""
    folder = str(path.parent)
    lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with open(path, "rb") as file:
        file.read()
    temporary = f"{folder}/temporary"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(descriptor, data)
    os.fsync(descriptor)
    os.close(descriptor)
    os.rename(temporary, path)
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    os.close(lock)


def _contents(size: int, changes: int) -> Iterator[bytes]:
    """Yield the file with ``size`` services, then after each further one."""
    plan = _extended(planning.begin(4000), *map(_name, range(size)))
    yield store.render(plan)
    for number in range(size, size + changes):
        plan = _extended(plan, _name(number))
        yield store.render(plan)


def _extended(plan: Plan, *names: str) -> Plan:
    services = [Service(name=name) for name in names]
    return planning.extend(plan, services, last_port=32767)[0]


def _name(number: int) -> str:
    return f"service-{number}"
