"""Checkouts of real repositories, on ports that nobody else on the machine has."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commandline import Ran, run

from portconf import plan as planning, sockets
from portconf.model import Protocol


PLAN = "config/port_assignments.json"
SERVICES = ("web", "db", "queue")


def free_ports(count: int, *, without: range = range(0)) -> int:
    """
    Return the first of ``count`` ports in a row that a program could be started on.

    None of them is one of ``without``.

    Above what the tests of the plan use, below the instance range. The place is
    random: other tests look for theirs at the same time.
    """
    for _ in range(1000):
        first = random.randrange(10_100, 19_900 - count)  # noqa: S311 - no secret
        ports = range(first, first + count)
        if any(port in without or planning.why_not(port) for port in ports):
            continue
        if not sockets.unusable(dict.fromkeys(ports, Protocol.TCP)):
            return first
    raise AssertionError(f"no {count} free ports in a row")


def declaration(base: int, *services: str, settings: str = "", table: str = "") -> str:
    """
    Return a `pyproject.toml`; ``table`` is what the services' table holds instead.

    Unless the settings name an instance range, it has one of its own: other tests run
    servers in theirs at the same time.
    """
    if "instance-range" not in settings:
        first = 20_000 + base * 7919 % 10_700
        settings += f'\ninstance-range = "{first}-{first + 1999}"'
    head = f"[tool.portconf]\nbase-port = {base}\n{settings}\n"
    if table:
        return f"{head}[tool.portconf.services]\n{table}\n"
    names = ", ".join(f'"{each}"' for each in services or SERVICES)
    return f"{head}services = [{names}]\n"


@dataclass(frozen=True)
class Checkout:
    """A folder with a project, in a checkout or not."""

    root: Path

    def git(self, *words: str) -> str:
        done = subprocess.run(
            [
                *("git", "-c", "user.name=t", "-c", "user.email=t@example.org"),
                *("-c", "protocol.file.allow=always", *words),
            ],
            cwd=self.root,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        )
        return done.stdout

    def declare(self, text: str) -> None:
        (self.root / "pyproject.toml").write_text(text, encoding="utf-8")

    def commit(self, base: int, *services: str, settings: str = "") -> None:
        """Declare services and assign them, and commit both, without a lease."""
        names = services or SERVICES
        self.declare(declaration(base, *names, settings=settings))
        (self.root / "config").mkdir(exist_ok=True)
        ports = {
            name: {"port": base + n, "purpose": ""} for n, name in enumerate(names)
        }
        plan = {
            "format": 1,
            "base_port": base,
            "next_port": base + len(names),
            "services": ports,
        }
        text = json.dumps(plan, indent=2) + "\n"
        (self.root / PLAN).write_text(text, encoding="utf-8")
        self.git("add", "pyproject.toml", PLAN)
        self.git("commit", "-qm", "ports")

    def worktree(self, at: str | Path, *options: str) -> "Checkout":
        """Add a linked worktree on a branch of its own, at a path from here."""
        path = Path(os.path.abspath(self.root / at))
        self.git("worktree", "add", "-q", *options, "-b", path.name, str(path))
        return Checkout(path)

    def clone(self, at: str) -> "Checkout":
        path = Path(os.path.abspath(self.root / at))
        self.git("clone", "-q", "--no-hardlinks", str(self.root), str(path))
        return Checkout(path)

    def copy(self, at: str) -> "Checkout":
        """Do what `cp -r` does."""
        path = Path(os.path.abspath(self.root / at))
        shutil.copytree(self.root, path, symlinks=True)
        return Checkout(path)

    def moved(self, at: str) -> "Checkout":
        """Do what `mv` does."""
        path = Path(os.path.abspath(self.root / at))
        self.root.rename(path)
        return Checkout(path)

    def below(self, folder: str) -> "Checkout":
        """Return a project in a folder of this checkout."""
        path = Path(os.path.abspath(self.root / folder))
        path.mkdir(parents=True, exist_ok=True)
        return Checkout(path)

    def run(self, *words: str) -> Ran:
        """Run a command in this process."""
        return run(*words, at=self.root)

    def init(self, *options: str) -> dict[str, Any]:
        """Run `init`, and return the lease that it tells of."""
        done = self.run("init", "--json", *options)
        assert done.code == 0, done
        found: dict[str, Any] = done.data["lease"]
        return found

    def lease(self) -> dict[str, Any] | None:
        """Return the lease that `status` tells of."""
        found: dict[str, Any] | None = self.run("status", "--json").data["lease"]
        return found

    def ports(self) -> dict[str, int]:
        """Return the effective ports, as `export` gives them."""
        variables = self.run("export", "--format", "json", "--json").data["variables"]
        return {
            name: int(value)
            for name, value in variables.items()
            if name.endswith("_PORT") and name not in {"BASE_PORT", "NEXT_PORT"}
        }

    def port(self, name: str = "web") -> int:
        done = self.run("get", name)
        assert done.code == 0, done
        return int(done.out)

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start the command line in a process of its own."""
        options.setdefault("cwd", self.root)
        return subprocess.Popen(
            [sys.executable, "-m", "portconf", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **options,
        )


def registry() -> Path:
    """Return the registry's file."""
    return Path(os.environ["XDG_STATE_HOME"]) / "portconf" / "registry.sqlite3"


def rows(what: str, *values: Any) -> list[tuple[Any, ...]]:
    """Ask the database itself, not our own code; no rows where there is none."""
    if not registry().exists():
        return []
    with closing(sqlite3.connect(registry(), isolation_level=None)) as database:
        return database.execute(what, values).fetchall()


def leased() -> dict[str, list[int]]:
    """Return the leased ports by the checkout's folder, as the database has them."""
    found: dict[str, list[int]] = {}
    for root, port in rows(
        "SELECT root, port FROM ports JOIN leases ON lease = number ORDER BY port"
    ):
        found.setdefault(os.fsdecode(root), []).append(port)
    return found


_SERVER = """
import socket, sys
kind = socket.SOCK_DGRAM if sys.argv[2] == "udp" else socket.SOCK_STREAM
found = socket.socket(socket.AF_INET, kind)
reuse = socket.SOL_SOCKET, socket.SO_REUSEADDR
if sys.argv[2] != "udp":
    found.setsockopt(*reuse, 1)  # the remains of connections are in nobody's way
found.bind(("127.0.0.1", int(sys.argv[1])))
if sys.argv[2] == "listen":
    found.listen()
else:
    found.setsockopt(*reuse, 0)  # nobody beside it
print("ready", flush=True)
sys.stdin.read()
"""


def repository(root: Path, base: int, *services: str, settings: str = "") -> Checkout:
    """Make a main checkout that declares services, committed, without a lease."""
    root.mkdir(parents=True)
    made = Checkout(root)
    made.git("init", "-q", "-b", "main")
    made.commit(base, *services, settings=settings)
    return made


@contextmanager
def server(
    port: int, *, at: Path, does: str = "listen", **environment: str
) -> Iterator[int]:
    """
    Let a process in the folder ``at`` have a port; yield its pid.

    It does one of `listen`, `bind`, which is to hold the port in silence, and `udp`.
    """
    with subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", _SERVER, str(port), does],
        cwd=at,
        env={"PATH": os.environ["PATH"], **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process.pid
        finally:
            process.send_signal(signal.SIGKILL)
