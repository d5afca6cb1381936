"""
Checkouts that take and give up leases: many at once, or killed within a change.

The functions start this file as a program, because it forks: that is safe only in a
process without threads.
"""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

from capability import unmeasured

from portconf import machine
from portconf.declaration import load
from portconf.folder import Folder
from portconf.leases import Leases
from portconf.model import Assignment, Plan
from portconf.project import Project
from portconf.registry.values import Lease
from portconf.settings import Settings


_PATIENCE = 3600.0
_WAIT = 60.0
_LOOK, _REST = 0.05, 10
# A commit takes as long as its disk: a kill comes somewhere in it, or right after.
_LONGEST_COMMIT = 0.002


def plan(services: int) -> Plan:
    """Return a plan of so many services, from 4000 on."""
    names = "abcdefghijklmnopqrstuvwxyz"[:services]
    return Plan(
        base_port=4000,
        next_port=4000 + services,
        services={name: Assignment(port=4000 + n) for n, name in enumerate(names)},
    )


PLAN = plan(3)
"""What each of them declares: they all want the same three ports."""
_DECLARATION = """\
[tool.portconf]
services = ["a", "b", "c"]
block-size = 10
dotenv = false
compose-env = false
shell-exports = false
"""


def make(root: Path) -> Path:
    """Make a project in a folder that is a checkout, as far as portconf looks."""
    (root / ".git").mkdir(parents=True)
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (root / "pyproject.toml").write_text(_DECLARATION, encoding="utf-8")
    return root


def leases(root: Path | str, *, timeout: float = _WAIT) -> Leases:
    """Return what asks for the leases of the project in a folder, a real path."""
    return Leases(
        folder=Folder.at(str(root)),
        settings=load(str(root)) or Settings(),
        timeout=timeout,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contention:
    """
    What became of leases that were taken and given up at the same time.

    Attributes:
        leases: How many were taken, and given up again.
        waits: Seconds of each of these calls, in rising order.
        twice: Ports that two had at one time, as they themselves wrote it down.
        seen: What was wrong in the database, whenever it was looked at.
        looks: How often it was.
        most: The most leases that a look found.
        errors: What was raised.
        seconds: From the first to the last.
    """

    leases: int
    waits: list[float]
    twice: list[str]
    seen: list[str]
    looks: int
    most: int
    errors: list[str]
    seconds: float


def contend(
    place: Path, *, processes: int = 32, projects: int = 20, rounds: int = 20
) -> Contention:
    """
    Let processes take a lease for each of their projects, and give it up, again.

    Args:
        place: An empty folder; the projects and the registry will be in it.
        processes: They start together.
        projects: That each process has.
        rounds: How often it takes all of its leases, and gives them all up.
    """
    return Contention(**_run("contend", place, processes, projects, rounds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashes:
    """
    What commands left that were killed.

    Attributes:
        kills: How many were, by the act and the moment.
        inside: How many between the begin of a change and its end.
        faults: What should not be.
        leftovers: Files that lie beside the registry at the end.
        seconds: From the first to the last.
    """

    kills: dict[str, int]
    inside: int
    faults: list[str]
    leftovers: list[str]
    seconds: float


def crash(place: Path, *, kills: int = 300) -> Crashes:
    """
    Kill commands that change the registry, each at a moment of its own.

    Args:
        place: An empty folder; the projects and the registry will be in it.
        kills: How many.
    """
    return Crashes(**_run("crash", place, kills))


def faults(registry: Path | str) -> list[str]:
    """
    Say what is wrong in a registry, by plain SQL and none of our own code.

    Blocks that overlap are looked for beside the ports, whose key alone would not let
    one be there twice.
    """
    if not os.path.exists(registry):
        return []
    uri = f"file:{quote(str(registry))}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_WAIT)) as database:
        database.execute("BEGIN")
        found = [f"integrity: {row[0]}" for row in database.execute(_INTEGRITY)]
        found.remove("integrity: ok")
        for what, query in _WRONG.items():
            found += [f"{what}: {row}" for row in database.execute(query)]
    return found


def live(registry: Path | str) -> int:
    """Return how many leases there are."""
    uri = f"file:{quote(str(registry))}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_WAIT)) as database:
        (count,) = database.execute("SELECT count(*) FROM leases").fetchone()
    return int(count)


_BEGIN = "BEGIN IMMEDIATE"
# Where a change begins: of the leases, or of the file itself.
_FIRST = (_BEGIN, "PRAGMA journal_mode")
_COMMIT, _NEVER = -1, -2
_INTEGRITY = "PRAGMA integrity_check"
_WRONG = {
    "without its lease": "PRAGMA foreign_key_check",
    "twice": "SELECT namespace, port, count(*) FROM ports"
    " GROUP BY namespace, port HAVING count(*) > 1",
    "overlapping": "SELECT a.number, b.number FROM leases a JOIN leases b"
    " ON a.number < b.number AND a.namespace = b.namespace"
    " AND a.first <= b.last AND b.first <= a.last",
    "half a block": "SELECT number FROM leases WHERE first IS NOT NULL AND"
    " last - first + 1 <> (SELECT count(*) FROM ports WHERE lease = number"
    " AND port BETWEEN first AND last)",
    "without ports": "SELECT number FROM leases"
    " WHERE number NOT IN (SELECT lease FROM ports)",
}


def beside() -> dict[str, str]:
    """Let a program find these modules, also where Python does not look beside it."""
    above = [os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, above))}


def _run(workload: str, place: Path, *numbers: int) -> dict[str, Any]:
    registry = place / "state" / "registry.sqlite3"
    registry.parent.mkdir(parents=True, mode=0o700)
    command = [sys.executable, __file__, workload, str(place), *map(str, numbers)]
    # Without git, which `init` would start to ask what it ignores.
    env = {**unmeasured(), "PORTCONF_REGISTRY": str(registry), "PATH": "", **beside()}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, check=True, timeout=_PATIENCE, env=env
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@dataclass(slots=True)
class _Log:
    """What one process writes down of its own leases."""

    held: list[tuple[list[int], float, float]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def _contend(place: str, processes: int, projects: int, rounds: int) -> Contention:
    folders = [
        [make(Path(place) / f"p{one}" / f"shop{two}") for two in range(projects)]
        for one in range(processes)
    ]
    leases(folders[0][0]).take(PLAN)  # so that no worker has to load what it takes
    leases(folders[0][0]).drop()
    gate, starter = os.pipe()
    pids = [
        fork(_compete, folders[one], rounds, gate, starter, f"{place}/log{one}")
        for one in range(processes)
    ]
    stop, stopper = os.pipe()
    watcher = fork(_watch, stop, (stopper, starter), f"{place}/log-watch")
    os.close(stop)
    began = time.monotonic()
    os.close(starter)
    failed = [f"process {pid} failed" for pid in pids if os.waitpid(pid, 0)[1]]
    seconds = time.monotonic() - began
    os.close(stopper)
    os.waitpid(watcher, 0)
    logs = [_Log(**_read(f"{place}/log{one}")) for one in range(processes)]
    held = [each for log in logs for each in log.held]
    return Contention(
        leases=len(held),
        waits=sorted(wait for log in logs for wait in log.waits),
        twice=_overlapping(held),
        errors=failed + [error for log in logs for error in log.errors],
        seconds=seconds,
        **_read(f"{place}/log-watch"),
    )


def _compete(
    folders: list[Path], rounds: int, gate: int, starter: int, path: str
) -> None:
    os.close(starter)
    log, mine = _Log(), [leases(each) for each in folders]
    os.read(gate, 1)  # ends when the last one has been forked
    for _ in range(rounds):
        taken: list[tuple[Leases, list[int], float]] = []
        for each in mine:
            lease = _timed(log, partial(each.take, PLAN))
            if lease:
                taken.append((each, [*lease.ports], time.monotonic()))
        for each, ports, since in taken:
            log.held.append((ports, since, time.monotonic()))
            _timed(log, each.drop)
    _write(path, asdict(log))


def _timed(log: _Log, act: Callable[[], Lease | None]) -> Lease | None:
    began = time.monotonic()
    try:
        return act()
    except Exception as error:  # noqa: BLE001 - the test shows it
        log.errors.append(repr(error))
        return None
    finally:
        log.waits.append(time.monotonic() - began)


def _watch(stop: int, others: tuple[int, ...], path: str) -> None:
    """Look at the database as long as the others work."""
    for descriptor in others:
        os.close(descriptor)
    os.set_blocking(stop, False)
    registry = os.environ["PORTCONF_REGISTRY"]
    looks = most = 0
    seen: set[str] = set()
    while True:
        began = time.monotonic()
        seen |= {*faults(registry)}
        looks, most = looks + 1, max(most, live(registry))
        try:
            if os.read(stop, 1) == b"":  # everybody is done
                break
        except BlockingIOError:
            # It is to see the others, not to keep them from the processors.
            time.sleep(max(_LOOK, _REST * (time.monotonic() - began)))
    _write(path, {"seen": sorted(seen), "looks": looks, "most": most})


def _overlapping(held: Iterable[tuple[list[int], float, float]]) -> list[str]:
    """Return the ports that were held by two at one time."""
    by_port: dict[int, list[tuple[float, float]]] = {}
    for ports, since, until in held:
        for port in ports:
            by_port.setdefault(port, []).append((since, until))
    found = []
    for port, spans in sorted(by_port.items()):
        spans.sort()
        found += [
            f"{port}: {former} and {latter}"
            for former, latter in pairwise(spans)
            if latter[0] < former[1]
        ]
    return found


def _crash(place: str, kills: int) -> Crashes:
    chance = random.Random()  # noqa: S311 - moments, not secrets
    scene = _Scene(Path(place))
    tally: Counter[str] = Counter()
    found: list[str] = []
    leftovers: set[str] = set()
    began, inside = time.monotonic(), 0
    steps = {name: len(scene.steps(name)) for name in scene.acts}
    for number in range(kills):
        name = [*scene.acts][number % len(scene.acts)]
        # Half of the strikes are in a commit.
        moment = chance.choice((_COMMIT, chance.randrange(steps[name])))
        scene.set_up(name)
        expected, others = scene.expected(name), scene.others()
        told = scene.strike(name, moment, chance.uniform(0, _LONGEST_COMMIT))
        what = f"{name}, {told.words}"
        tally[f"{name}, {told.kind}"] += 1
        inside += told.inside
        wrong = faults(scene.registry)
        wrong += scene.wrong_after(name, expected, others)
        found += [f"{what}: {each}" for each in wrong]
        leftovers |= scene.leftovers()
    return Crashes(
        kills=dict(sorted(tally.items())),
        inside=inside,
        faults=found,
        leftovers=sorted(leftovers),
        seconds=time.monotonic() - began,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Struck:
    """Where a kill met a command."""

    words: str
    kind: str
    inside: bool


class _Scene:
    """A machine with three checkouts: one acts, one stays, one is gone at times."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.registry = Path(os.environ["PORTCONF_REGISTRY"])
        self.actor, self.stayer = make(place / "actor"), make(place / "stayer")
        self.goner = place / "goner"
        self.acts: dict[str, Callable[[], object]] = {
            "init": self._init,
            "relocate": lambda: self.project.init(relocate=True),
            "release": lambda: self.project.reset(force=True),
            "gc": lambda: machine.gc(timeout=_WAIT),
            "first init": self._init,
        }

    def _init(self) -> None:
        self.project.init()

    @property
    def project(self) -> Project:
        return Project.find(str(self.actor))

    def set_up(self, name: str) -> None:
        """Make the machine what it is before an act."""
        if name == "first init":
            shutil.rmtree(self.registry.parent)
            self.registry.parent.mkdir(mode=0o700)
            return
        leases(self.stayer).take(PLAN)
        if name == "init":
            leases(self.actor).drop()
        else:
            self.project.init()
        if name == "gc":
            leases(make(self.goner)).take(PLAN)
            shutil.rmtree(self.goner)

    def expected(self, name: str) -> object:
        """Return what the act gives the checkout, where it can be known."""
        if name in ("init", "first init"):
            lease = leases(self.actor).take(PLAN, dry_run=True)
            return lease and [lease.shift, *lease.ports]
        return None

    def others(self) -> object:
        """Return what nobody but its holder may change."""
        kept = leases(self.stayer).find()
        return kept and (kept.number, [*kept.ports])

    def wrong_after(self, name: str, expected: object, others: object) -> list[str]:
        """Say what a kill broke; do the act again, which is to end well."""
        found = []
        if self.others() != others:
            found.append(f"another's lease became {self.others()}")
        try:
            self.acts[name]()
        except Exception as error:  # noqa: BLE001 - the test shows it
            return [*found, f"again: {error!r}"]
        lease = leases(self.actor).find()
        got = lease and [lease.shift, *lease.ports]
        if expected and got != expected:
            found.append(f"again gave {got}, not {expected}")
        if (lease is None) != (name == "release"):
            found.append(f"again left {lease}")
        if name == "gc" and live(self.registry) != 2:
            found.append(f"{live(self.registry)} leases are left")
        if self.others() != others:
            found.append(f"another's lease became {self.others()} in the end")
        return found + faults(self.registry)

    def steps(self, name: str) -> list[str]:
        """Return the steps of an act, from the first that changes something on."""
        self.set_up(name)
        reader, writer = os.pipe()
        pid = fork(self._act, name, _NEVER, writer)
        os.close(writer)
        with open(reader, encoding="utf-8") as told:
            steps = told.read().splitlines()
        assert os.waitpid(pid, 0)[1] == 0
        first = next(n for n, each in enumerate(steps) if each in _FIRST)
        return steps[first : steps.index("touch") + 1]

    def leftovers(self) -> set[str]:
        """Return what lies beside the registry and is none of SQLite's files."""
        name = self.registry.name
        beside = {f"{name}{end}" for end in ("", "-wal", "-shm", "-journal", "-queue")}
        return {*os.listdir(self.registry.parent)} - beside

    def strike(self, name: str, moment: int, delay: float) -> _Struck:
        """
        Do an act in a process that is killed.

        It is killed before the step of that number; or, where that is the commit,
        ``delay`` seconds after its begin; at the latest when it is done.
        """
        reader, writer = os.pipe()
        pid = fork(self._act, name, moment, writer)
        os.close(writer)
        steps: list[str] = []
        with open(reader, encoding="utf-8", buffering=1) as told:
            for line in told:
                steps.append(line.rstrip("\n"))
                if steps[-1] == "done" or (steps[-1] == "COMMIT" and moment == _COMMIT):
                    time.sleep(delay)
                    os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        assert os.WIFSIGNALED(status), f"{name} failed after {steps}"
        return _met(steps)

    def _act(self, name: str, moment: int, writer: int) -> None:
        steps = _Steps(moment, writer)
        with steps.watched():
            self.acts[name]()
        if moment != _NEVER:
            steps.tell("done")
            signal.pause()


def _met(steps: list[str]) -> _Struck:
    """Say where a command was when it was killed; it had told of each step."""
    last = steps[-1]
    began = [n for n, step in enumerate(steps) if step == _BEGIN]
    ended = [n for n, step in enumerate(steps) if step == "committed"]
    inside = len(began) > len(ended)
    made = _FIRST[1] in steps
    kind = "outside a change"
    if last == "COMMIT":
        kind = "in the commit"
    elif inside:
        kind = "before the commit"
    elif ended:
        kind = "after the commit"
    elif made:
        kind = "while the file is made"
    return _Struck(words=f"at {last!r}, step {len(steps)}", kind=kind, inside=inside)


class _Steps:
    """The steps of a command that touch the registry, told before each is made."""

    def __init__(self, moment: int, writer: int) -> None:
        self._moment, self._writer = moment, writer
        self._count: int | None = None

    def tell(self, words: str) -> None:
        os.write(self._writer, f"{words}\n".encode())
        if self._count is not None:
            self._count += 1
        elif words in _FIRST:
            self._count = 0
        if self._count is not None and self._count == self._moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(self) -> Any:
        steps = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *words: Any) -> sqlite3.Cursor:
                steps.tell(" ".join(sql.split()[:2]))
                done = super().execute(sql, *words)
                if sql == "COMMIT":
                    steps.tell("committed")
                return done

            def executemany(self, sql: str, *words: Any) -> sqlite3.Cursor:
                steps.tell(" ".join(sql.split()[:2]))
                return super().executemany(sql, *words)

            def executescript(self, sql: str) -> sqlite3.Cursor:
                steps.tell("make tables")
                return super().executescript(sql)

            def close(self) -> None:
                steps.tell("close")
                super().close()

        return _patched(steps, partial(sqlite3.connect, factory=Connection))


def _patched(steps: _Steps, connect: Callable[..., Any]) -> Any:
    link, utime = os.link, os.utime

    def linked(*words: Any, **options: Any) -> None:
        steps.tell("make link")
        link(*words, **options)

    def touched(*words: Any, **options: Any) -> None:
        steps.tell("touch")
        utime(*words, **options)

    return _Patches(
        patch.object(sqlite3, "connect", connect),
        patch.object(os, "link", linked),
        patch.object(os, "utime", touched),
    )


class _Patches:
    def __init__(self, *patches: Any) -> None:
        self._patches = patches

    def __enter__(self) -> None:
        for each in self._patches:
            each.start()

    def __exit__(self, *_: object) -> None:
        for each in self._patches:
            each.stop()


def fork(work: Callable[..., None], *words: Any) -> int:
    """Let a child of this process do some work, and return its pid."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work(*words)
            status = 0
        finally:
            os._exit(status)
    return pid


def _write(path: str, document: object) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)


def _read(path: str) -> dict[str, Any]:
    with open(path, encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


if __name__ == "__main__":
    workloads: Mapping[str, Callable[..., Any]] = {"contend": _contend, "crash": _crash}
    answer = workloads[sys.argv[1]](sys.argv[2], *map(int, sys.argv[3:]))
    json.dump(asdict(answer), sys.stdout)
