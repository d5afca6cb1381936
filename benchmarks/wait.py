"""`wait`: how soon it sees a service that comes late, and what the waiting costs."""

import os
import random
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import shop
from children import child, hear, talk
from rounds import Process
from table import Row

from portconf import HealthError, sockets
from portconf.model import Protocol
from portconf.plan import why_not
from portconf.project import Project


_SERVICES, _MANY = 7, 50
_SEEN = 50
_BOUND = "the look at what listens, every 20 ms; then whose it is"


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure from the moment at which the service listens, before it accepts."""
    rounds = 2 if quick else 40
    portconf = shop.script("portconf")
    if portconf is None:
        raise SystemExit(f"no portconf beside {sys.executable}: install the project")
    for probe, health in (("TCP", ""), ("HTTP", 'health = "/healthz"')):
        root, first = _project(place / probe, _SERVICES, health)
        project = Project.find(str(root))
        late = partial(_late, first, root)
        command = Process((portconf, "wait"), str(root))
        with child(partial(_others, first + 1, root)):
            yield Row.of(
                f"Project.wait sees a late service, {probe}",
                [_after(partial(late, 0.2), project.wait) for _ in range(rounds)],
                unit="ms after it listens",
                at_most=_SEEN,
                bound=_BOUND,
            )
            yield Row.of(
                f"portconf wait has ended, {probe}",
                [_after(partial(late, 0.8), command) for _ in range(rounds)],
                unit="ms after it listens",
                bound="the same, and the end of the interpreter",
            )
    for count in (_SERVICES, _MANY):
        root, _ = _project(place / f"{count}", count, "")
        spent = [_processor(Project.find(str(root)), quick) for _ in range(3)]
        yield Row.of(
            f"waiting for {count} services that do not come",
            spent,
            unit="% of a core",
            bound="the look, 50 times a second; two threads for each service",
        )


def _after(late: Callable[[Connection], None], wait: Callable[[], object]) -> float:
    """Return how many ms after the service listened the waiting was over."""
    with talk(late) as pipe:
        wait()
        ended = time.monotonic()
        return 1e3 * (ended - float(hear(pipe)))


def _processor(project: Project, quick: bool) -> float:  # noqa: FBT001
    seconds = 0.2 if quick else 3.0
    before = resource.getrusage(resource.RUSAGE_SELF)
    with suppress(HealthError):
        project.wait(timeout=seconds)
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 100 * used / seconds


def _project(root: Path, count: int, health: str) -> tuple[Path, int]:
    """Make a project whose ports nobody has, and return the first of them."""
    while True:
        first = random.randrange(10_100, 19_900)  # noqa: S311 - no secret
        ports = dict.fromkeys(range(first, first + count), Protocol.TCP)
        if not any(map(why_not, ports)) and not sockets.unusable(ports):
            break
    root.mkdir(parents=True)
    lines = [f"service-{number} = {{ {health} }}" for number in range(count)]
    text = f"[tool.portconf]\nbase-port = {first}\n[tool.portconf.services]\n"
    (root / "pyproject.toml").write_text(text + "\n".join(lines), encoding="utf-8")
    project = Project.find(str(root))
    project.init()
    # Another group's project may have leased the ports: then it has a block.
    return root, project.get("service-0")


def _late(port: int, root: Path, least: float, owner: Connection) -> None:
    """Listen after a while that nobody can guess, and tell when that was."""
    os.chdir(root)
    time.sleep(random.uniform(least, least + 0.1))  # noqa: S311 - no secret
    with socket.create_server(("127.0.0.1", port)) as server:
        owner.send(time.monotonic())
        _answer(server, owner)


def _others(first: int, root: Path, owner: Connection) -> None:
    os.chdir(root)
    with ExitStack() as stack:
        for port in range(first, first + _SERVICES - 1):
            server = stack.enter_context(socket.create_server(("127.0.0.1", port)))
            threading.Thread(target=_serve, args=(server,), daemon=True).start()
        owner.send(None)
        owner.poll(None)


def _answer(server: socket.socket, owner: Connection) -> None:
    threading.Thread(target=_serve, args=(server,), daemon=True).start()
    owner.poll(None)


def _serve(server: socket.socket) -> None:
    with suppress(OSError):  # at the end
        while True:
            client, _ = server.accept()
            with client, suppress(OSError):
                client.settimeout(5)
                if client.recv(4096):
                    client.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
