"""Leases: many who want one at once, commands that are killed, and what one costs."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

import lessees
from rounds import interleave, ratios
from table import Row

from portconf.model import PortRange
from portconf.registry.lease import decide
from portconf.registry.rows import SCHEMA
from portconf.registry.sqlite import SqliteRegistry
from portconf.registry.values import Facts, Holder, Wanted
from portconf.sockets import namespace


_MANY = 5_000
_VARIABLE = "PORTCONF_REGISTRY"
_WITHIN = 1.0


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure contention, crashes and the price of a lease."""
    yield from _contention(place / "contention", (4, 3, 2) if quick else (32, 20, 20))
    yield from _crashes(place / "crashes", 10 if quick else 300)
    yield from _prices(place / "prices", 3 if quick else 51)
    yield from _crowded(place / "crowded", 3 if quick else 51)


def _contention(place: Path, size: tuple[int, int, int]) -> Iterator[Row]:
    """Let processes take and give up leases, and look at the database meanwhile."""
    processes, projects, rounds = size
    found = lessees.contend(
        place, processes=processes, projects=projects, rounds=rounds
    )
    what = f"{processes} processes x {projects} projects x {rounds} rounds"
    wanted = processes * projects * rounds
    yield Row.exactly(f"{what}: leases taken and given up", found.leases, wanted)
    yield Row.exactly(f"{what}: errors", len(found.errors), 0)
    told = "each holder's own record, by one clock"
    yield Row.exactly(
        f"{what}: ports of two at a time", len(found.twice), 0, bound=told
    )
    looks = f"{found.looks:,} looks by plain SQL, at up to {found.most:,} leases"
    yield Row.exactly(f"{what}: faults seen", len(found.seen), 0, bound=looks)
    bare = _bare_rate(place / "bare.sqlite3", 20 if wanted < 100 else 500)
    yield Row(
        what=f"{what}: rate",
        figure=f"{found.leases / found.seconds:.0f} leases/s",
        bound=f"bare SQLite, the same writes, one process: {bare:.0f} leases/s",
    )
    yield from _waits(what, found.waits)


def _waits(what: str, waits: Sequence[float]) -> Iterator[Row]:
    """Say how long calls took, the wait for the others included."""
    few = {"median": median(waits), "p99": waits[int(0.99 * len(waits))]}
    for name, value in few.items():
        yield Row(what=f"{what}: {name} of a call", figure=f"{1e3 * value:.1f} ms")
    yield Row.of(
        f"{what}: longest call",
        waits,
        unit="s",
        pick=max,
        at_most=_WITHIN,
        bound="a queue of all processes, on the cores that there are",
    )


def _crashes(place: Path, kills: int) -> Iterator[Row]:
    """Kill commands within their changes."""
    found = lessees.crash(place, kills=kills)
    what = f"{sum(found.kills.values())} commands killed"
    commits = sum(n for name, n in found.kills.items() if "in the commit" in name)
    bound = f"{found.inside} within a transaction, {commits} of them in its commit"
    yield Row.exactly(f"{what}: faults, and repeats that differ", len(found.faults), 0)
    yield Row.exactly(f"{what}: within a transaction", found.inside, bound=bound)
    told = "of a registry that was being made"
    yield Row.exactly(f"{what}: files left", len(found.leftovers), bound=told)


def _prices(place: Path, rounds: int) -> Iterator[Row]:
    """Measure what a lease costs where nobody else wants one."""
    with _registry(place / "state"):
        mine = lessees.leases(lessees.make(place / "shop"))
        other = lessees.leases(lessees.make(place / "other"))
        mine.take(lessees.PLAN)
        with closing(_bare(place / "bare.sqlite3")) as bare:
            numbers = count(1)
            actions = {
                "bare": lambda: _bare_lease(bare, next(numbers)),
                "kept": lambda: mine.take(lessees.PLAN),
                "taken": lambda: (other.take(lessees.PLAN), other.drop()),
            }
            times = interleave(actions, rounds)
    for name, what in (("kept", "nothing to do"), ("taken", "taken and given up")):
        in_ms = [1e3 * each for each in times[name]]
        yield Row.of(f"a lease, {what}", in_ms, unit="ms")
    yield Row.of(
        "a lease, taken and given up",
        ratios(times, "taken", "bare"),
        unit="x bare transactions",
        bound="who listens is looked up; a connection for each question",
    )


def _crowded(place: Path, rounds: int) -> Iterator[Row]:
    """Choose a block where all but the last few are leased."""
    last = 20_000 + 2 * _MANY + 1
    with _registry(place / "state") as path:
        registry = SqliteRegistry(path=str(path))
        registry.change(lambda table: table.next_number())
        _fill(path)
        shop = lessees.make(place / "shop")
        declared = (shop / "pyproject.toml").read_text(encoding="utf-8")
        (shop / "pyproject.toml").write_text(
            declared.replace("size = 10", f'size = 2\ninstance-range = "20000-{last}"'),
            encoding="utf-8",
        )
        plan = lessees.plan(2)
        mine = lessees.leases(shop)
        wanted = _wanted(str(shop), last)
        actions = {
            "choose": lambda: registry.read(
                lambda table: decide(table, wanted, Facts())
            ),
            "take": lambda: mine.take(plan, dry_run=True),
        }
        found = mine.take(plan, dry_run=True)
        assert found is not None
        assert found.block == PortRange(first=last - 1, last=last)
        times = interleave(actions, rounds)
    what = f"{_MANY:,} leases present, the last block free"
    yield Row.of(
        f"{what}: choosing it",
        [1e3 * each for each in times["choose"]],
        unit="ms",
        at_most=10,
        bound="every leased port is read, every block looked at, in Python",
    )
    in_ms = [1e3 * each for each in times["take"]]
    yield Row.of(f"{what}: all of `init --dry-run`'s lease", in_ms, unit="ms")


def _wanted(root: str, last: int) -> Wanted:
    holder = Holder(
        namespace=namespace(), checkout=root, project="", root=root, name="shop"
    )
    return Wanted(
        holder=holder,
        base=False,
        moving={"a": 4000, "b": 4001},
        first=4000,
        blocks=PortRange(first=20_000, last=last),
        size=2,
    )


@contextmanager
def _registry(folder: Path) -> Iterator[Path]:
    """Name a registry in a folder of its own."""
    folder.mkdir(parents=True, mode=0o700)
    path = folder / "registry.sqlite3"
    os.environ[_VARIABLE] = str(path)
    try:
        yield path
    finally:
        del os.environ[_VARIABLE]


def _fill(path: Path) -> None:
    """Keep leases of two ports each, by plain SQL; the plan's own port among them."""
    with closing(sqlite3.connect(path)) as database:
        for number in range(_MANY):
            first = 20_000 + 2 * number
            ports = (first, first + 1) if number else (first, first + 1, 4000)
            _insert(database, namespace(), number, first, ports)
        database.commit()


def _bare(path: Path) -> sqlite3.Connection:
    """Open a database of the registry's form, to be used as fast as can be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.executescript(SCHEMA)
    return database


def _bare_rate(path: Path, times: int) -> float:
    """Return how many leases a second a lone connection keeps and forgets."""
    with closing(_bare(path)) as database:
        began = perf_counter()
        for number in range(times):
            _bare_lease(database, number)
        return times / (perf_counter() - began)


def _bare_lease(database: sqlite3.Connection, number: int) -> None:
    """Keep a lease of ten ports and forget it: two transactions, nothing asked."""
    database.execute("BEGIN IMMEDIATE")
    kept = _insert(database, "", number, 20_000, range(20_000, 20_010))
    database.execute("COMMIT")
    database.execute("BEGIN IMMEDIATE")
    database.execute("DELETE FROM ports WHERE lease = ?", (kept,))
    database.execute("DELETE FROM leases WHERE number = ?", (kept,))
    database.execute("COMMIT")


def _insert(
    database: sqlite3.Connection,
    space: str,
    number: int,
    first: int,
    ports: Sequence[int],
) -> int:
    root = f"/home/you/shop{number}".encode()
    names = "namespace, checkout, project, root, name, linked, shift, first, last"
    values = (space, root, b"", root, b"shop", 0, first - 4000, first, first + 1)
    kept = database.execute(
        f"INSERT INTO leases ({names}, since, obstacles, anchors)"  # noqa: S608 - ours
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '[]', '{}')",
        values,
    ).lastrowid
    many = [(space, port, kept, "a") for port in ports]
    database.executemany("INSERT INTO ports VALUES (?, ?, ?, ?)", many)
    return kept or 0
