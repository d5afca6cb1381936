"""
The race between picking a port and binding it, against somebody who wants to win it.

A process listens on every port that it gets, as fast as it can, and lets the oldest
go once it has half of them: a port that it never let go nobody could have. Meanwhile
servers are launched. One that is refused before anything runs (exit code 125, or a
lease that is not to be had) is launched again. What counts is whether a server that
was started got its port, and is the one that answers there.

`python benchmarks/race.py 1000` makes so many launches; as a group it makes 50.
"""

import os
import random
import socket
import struct
import subprocess
import sys
from argparse import ArgumentParser
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import shop
from children import child
from table import Row, render

from portconf import sockets
from portconf.cli import dispatch
from portconf.model import Protocol
from portconf.plan import why_not
from portconf.project import Project


_LAUNCHES, _QUICK = 50, 1
_REFUSED, _LOST = 125, 9
_TRIES = 1000
# With a block of each run's own, the range of the blocks is fought for instead.
_BLOCKS = 100
_BIND = "made = socket.create_server(('127.0.0.1', int(os.environ['WEB_PORT'])))"
_ADOPT = "made = socket.socket(fileno=3)"
_SERVER = f"""
import os, socket, sys
try:
    {{}}
except OSError:
    sys.exit({_LOST})
print(made.getsockname()[1], flush=True)
made.settimeout(10)
one = made.accept()[0]
one.sendall(b"%d" % os.getpid())
try:
    one.recv(1)
except ConnectionResetError:
    pass
"""
# The client breaks off, and first: what else is left of a connection (TIME_WAIT) would
# keep the port from the adversary for a minute.
_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class _Score:
    """How a number of launches went."""

    served: int = 0
    lost: int = 0
    refused: int = 0


def rows(place: Path, *, quick: bool, launches: int = _LAUNCHES) -> Iterator[Row]:
    """Launch servers with nothing, with held ports, and with sockets handed over."""
    isolated = _can_isolate()
    run = "portconf run" + " --isolated" * isolated
    root, ports = _project(place / "race", isolated=isolated)
    count = _QUICK if quick else launches
    for options, reuse, all_of_them in (
        ((), False, False),
        (("--hold",), False, True),
        (("--hold",), True, False),
        (("--pass-sockets", "web"), False, True),
        (("--pass-sockets", "web"), True, True),
    ):
        with child(partial(_adversary, ports, reuse)):
            words = (*["--isolated"] * isolated, *options)
            score = _launches(root, words, count)
        yield Row.exactly(
            f"{count} launches served: {' '.join((run, *options))}"
            + ", against SO_REUSEADDR" * reuse,
            score.served,
            count if all_of_them else None,
            bound=f"{score.refused} more refused before anything ran",
        )


def _can_isolate() -> bool:
    parser = ArgumentParser()
    dispatch.verb("run").configure(parser)
    return "--isolated" in parser.format_help()


def _project(root: Path, *, isolated: bool) -> tuple[Path, Sequence[int]]:
    """Make a project with one service, and return the ports to fight for."""
    while True:
        base = random.randrange(10_100, 19_000)  # noqa: S311 - no secret
        blocks = range(base + 100, base + 100 + _BLOCKS)
        ports = dict.fromkeys((base, *blocks), Protocol.TCP)
        if not any(map(why_not, ports)) and not sockets.unusable(ports):
            break
    root.mkdir(parents=True)
    text = (
        f'[tool.portconf]\nbase-port = {base}\nservices = ["web"]\n'
        f'instance-range = "{blocks[0]}-{blocks[-1]}"\n'
    )
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    Project.find(str(root)).init()
    return root, blocks if isolated else (base, base + 1)


def _adversary(ports: Sequence[int], reuse: bool, owner: Connection) -> None:  # noqa: FBT001 - by `partial`
    os.chdir("/")
    owner.send(None)
    kept: deque[socket.socket] = deque()
    while not owner.poll(0):
        for port in ports:
            made = socket.socket()
            try:
                if reuse:
                    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.bind(("127.0.0.1", port))
                made.listen()
            except OSError:
                made.close()
                continue
            kept.append(made)
            if len(kept) > len(ports) // 2:
                kept.popleft().close()


def _launches(root: Path, options: Sequence[str], count: int) -> _Score:
    server = _SERVER.format(_ADOPT if "--pass-sockets" in options else _BIND)
    words = [sys.executable, "-m", "portconf", "run", *options, "--"]
    words += [sys.executable, "-S", "-E", "-c", server]
    score = _Score()
    while score.served + score.lost < count:
        code = _launch(root, words)
        score.served += code == 0
        score.refused += code == _REFUSED
        score.lost += code == _LOST
        if score.refused > count * _TRIES:
            raise SystemExit("the adversary lets nobody in at all")
    return score


def _launch(root: Path, words: Sequence[str]) -> int:
    """Launch one server; 0 if it is the one that answers."""
    with subprocess.Popen(
        words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port, said = process.stdout.readline(), b""
        if not port:
            told = process.communicate(timeout=60)[1]
            if process.returncode not in {_REFUSED, _LOST}:
                raise SystemExit(f"a launch failed otherwise:\n{told}")
            return process.returncode
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", int(port)), 10) as client,
        ):
            said = client.recv(99)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        process.wait(60)
        return 0 if said == b"%d" % process.pid else _LOST


if __name__ == "__main__":
    with shop.place() as somewhere:
        launches = int(sys.argv[1]) if sys.argv[1:] else _LAUNCHES
        sys.stdout.write(render(rows(somewhere, quick=False, launches=launches)))
