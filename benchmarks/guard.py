"""The guard: the whole command with 50 services, against the start of portconf."""

import os
import random
import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import shop
from children import child
from rounds import Process, added_ms, interleave
from table import Row

from portconf import sockets
from portconf.model import Protocol
from portconf.plan import why_not
from portconf.project import Project


_SERVICES, _SERVERS, _EACH = 50, 5, 2
_CROWD, CROWD_EACH = 2, 1000
_TARGET = 100
_START, _READ, _GUARD = "start", "read", "guard"
_BOUND = "imports, four fifths of it; then the walk through descriptors"


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure a machine with our servers only, and one with many of others."""
    root, first = _project(place / "fifty")
    portconf = shop.script("portconf")
    if portconf is None:
        raise SystemExit(f"no portconf beside {sys.executable}: install the project")
    actions = {
        # What every command pays before it does anything: interpreter, parser, verbs.
        _START: Process((portconf, "--help"), str(root)),
        # Outside of git there is no snapshot: it reads all that the guard reads.
        _READ: Process((portconf, "get", "service-0"), str(root)),
        _GUARD: Process((portconf, "guard"), str(root)),
    }
    compare = partial(_compare, actions, quick=quick)
    count = _SERVERS * _EACH
    yield from compare("nobody listens")
    with ExitStack() as stack:
        for number in range(_SERVERS):
            ours = partial(_serve, first + number * _EACH, root)
            stack.enter_context(child(ours))
        yield from compare(f"{count} served by {_SERVERS} of our processes")
        for _ in range(_CROWD):
            stack.enter_context(child(crowd))
        others = _CROWD * CROWD_EACH
        yield from compare(f"{count} served, {others:,} other listeners")


def _compare(actions: dict[str, Process], load: str, *, quick: bool) -> Iterator[Row]:
    times = interleave(actions, 1 if quick else 21, warm_up=1 if quick else 2)
    yield Row.of(
        f"portconf guard, {_SERVICES} services, {load}",
        added_ms(times, _GUARD, _START),
        unit="ms more than --help",
        at_most=_TARGET,
        bound=_BOUND,
    )
    yield Row.of(
        f"the same, {load}",
        added_ms(times, _GUARD, _READ),
        unit="ms more than get NAME",
        bound="without what reads declaration, plan and lease",
    )


def _project(root: Path) -> tuple[Path, int]:
    """Make a project whose ports nobody has, and return the first of them."""
    while True:
        first = random.randrange(10_100, 19_900)  # noqa: S311 - no secret
        ports = dict.fromkeys(range(first, first + _SERVICES), Protocol.TCP)
        if not any(map(why_not, ports)) and not sockets.unusable(ports):
            break
    root.mkdir(parents=True)
    names = ", ".join(f'"service-{number}"' for number in range(_SERVICES))
    text = f"[tool.portconf]\nbase-port = {first}\nservices = [{names}]\n"
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    project = Project.find(str(root))
    project.init()
    return root, project.get("service-0")


def _serve(first: int, root: Path, owner: Connection) -> None:
    os.chdir(root)
    with ExitStack() as stack:
        for port in range(first, first + _EACH):
            stack.enter_context(socket.create_server(("127.0.0.1", port)))
        _stay(owner)


def crowd(owner: Connection) -> None:
    """Listen on many ports that are nobody's of the project."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.chdir("/")
    # An address of this process's own: ours may have no neighbour on their ports.
    host = f"127.{1 + os.getpid() % 200}.{os.getpid() // 200 % 250}.2"
    with ExitStack() as stack:
        for _ in range(CROWD_EACH):
            stack.enter_context(socket.create_server((host, 0), backlog=16))
        _stay(owner)


def _stay(owner: Connection) -> None:
    owner.send(None)
    owner.poll(None)
