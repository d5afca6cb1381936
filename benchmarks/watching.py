"""`watch`: how soon a change is on disk, and what it costs while nothing happens."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

import shop
from children import child
from guard import CROWD_EACH, crowd
from table import Row

from portconf import sockets
from portconf.model import Protocol
from portconf.plan import why_not


_FILES = (".env", ".env.compose", "port_exports.sh")
_SERVICES, _MANY = 7, 50
_SOON, _IDLE = 1000, 1.0
_BOUND = "100 ms for what else is written, then the pass; a sync to disk for each file"


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure the real command on projects of its own."""
    root, first = _project(place / "change", _SERVICES)
    with _watch(root):
        taken = [_changed(root, first, n) for n in range(2 if quick else 40)]
    for what, pick in (("the median", median), ("the slowest", max)):
        yield Row.of(
            f"portconf watch, a new service on disk, {what}",
            taken,
            unit="ms after it was saved",
            at_most=_SOON,
            pick=pick,
            bound=_BOUND,
        )
    seconds = 0.5 if quick else 60.0
    for count in (_SERVICES, _MANY):
        root, _ = _project(place / f"idle-{count}", count)
        with _watch(root) as pid:
            yield _idle(pid, seconds, f"{count} services")
    root, _ = _project(place / "crowded", _SERVICES)
    with _watch(root) as pid, child(crowd):
        yield _idle(pid, seconds, f"{CROWD_EACH:,} other listeners")


def _idle(pid: int, seconds: float, load: str) -> Row:
    before, began = _spent(pid), time.monotonic()
    time.sleep(seconds)
    used = _spent(pid) - before
    return Row.of(
        f"portconf watch, idle, {load}",
        [100 * used / (time.monotonic() - began)],
        unit="% of a core",
        at_most=_IDLE,
        bound="20 wake-ups a second for signals, 4 for files; a look every 2 s",
    )


def _spent(pid: int) -> float:
    """Return the seconds of processor that a process has used, all its threads."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return (
        sum(int(each.read_text(encoding="ascii").split()[0]) for each in threads) / 1e9
    )


def _changed(root: Path, first: int, number: int) -> float:
    """Add a service as editors save, and return how many ms the files took."""
    path = root / "pyproject.toml"
    name, port = f"more-{number}", first + _SERVICES + number
    other = path.with_suffix(".new")
    text = path.read_text(encoding="utf-8")
    other.write_text(f"{text}{name} = ''\n", encoding="utf-8")
    time.sleep(random.uniform(0.3, 0.6))  # noqa: S311 - at no moment of its own
    began = time.monotonic()
    os.replace(other, path)
    line = f"MORE_{number}_PORT={port}".encode()
    while not all(line in _content(root / each) for each in _FILES):
        if time.monotonic() > began + 30:
            raise SystemExit(f"{name} never came to {root}")
        time.sleep(0.001)
    return 1e3 * (time.monotonic() - began)


def _content(path: Path) -> bytes:
    return path.read_bytes().replace(b"'", b"")


@contextmanager
def _watch(root: Path) -> Iterator[int]:
    """Let a watch run; yield its process."""
    portconf = shop.script("portconf")
    if portconf is None:
        raise SystemExit("no portconf is installed")
    with subprocess.Popen(
        [portconf, "watch"],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(1)  # the first two looks
            yield process.pid
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)


def _project(root: Path, count: int) -> tuple[Path, int]:
    """Make a project whose ports nobody has, and return the first of them."""
    room = range(count + _MANY)
    while True:
        first = random.randrange(10_100, 19_900)  # noqa: S311 - no secret
        ports = dict.fromkeys((first + each for each in room), Protocol.TCP)
        if not any(map(why_not, ports)) and not sockets.unusable(ports):
            break
    root.mkdir(parents=True)
    lines = [f"service-{number} = ''\n" for number in range(count)]
    text = f"[tool.portconf]\nbase-port = {first}\n[tool.portconf.services]\n"
    (root / "pyproject.toml").write_text(text + "".join(lines), encoding="utf-8")
    return root, first
