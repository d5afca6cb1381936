"""
A registry of format 1, brought to format 2 by who changes it next.

Started as a program this file forks: that is safe only in a process without threads.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from fakes import make_holder, make_wanted
from lessees import faults, fork

from portconf.errors import RegistryError
from portconf.model import PortRange
from portconf.registry import lease as leasing
from portconf.registry.protocol import Table
from portconf.registry.rows import FORMAT, MAGIC
from portconf.registry.sqlite import SqliteRegistry
from portconf.registry.values import Facts, Lease, Obstacle, Run


# As the first release has made it.
FIRST = f"""
CREATE TABLE leases (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
    namespace TEXT NOT NULL,
    checkout BLOB NOT NULL,                   -- paths are bytes, not text
    project BLOB NOT NULL,
    root BLOB NOT NULL,
    name BLOB NOT NULL,
    linked INTEGER NOT NULL,
    shift INTEGER NOT NULL,
    first INTEGER,                            -- of the block
    last INTEGER,
    since REAL NOT NULL,
    obstacles TEXT NOT NULL,
    anchors TEXT NOT NULL,
    UNIQUE (namespace, checkout, project)
);
CREATE TABLE ports (
    namespace TEXT NOT NULL,
    port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    lease INTEGER NOT NULL REFERENCES leases (number) ON DELETE CASCADE,
    service TEXT NOT NULL,
    PRIMARY KEY (namespace, port)             -- nobody gets a port that is given
) WITHOUT ROWID;
CREATE INDEX leases_at ON leases (namespace, root);
CREATE INDEX ports_of_lease ON ports (lease);
PRAGMA application_id = {MAGIC};
PRAGMA user_version = 1;
"""
LEASES = (
    Lease(
        number=2,
        holder=make_holder("shop"),
        ports={4000: "web", 5432: "db"},
        since=1234567890.125,
    ),
    Lease(
        number=5,
        holder=make_holder(os.fsdecode(b"caf\xe9 \xff"), project="api", linked=True),
        shift=16000,
        block=PortRange(first=20000, last=20009),
        ports=dict.fromkeys(range(20000, 20010), "") | {20000: "web"},
        obstacles=(Obstacle(first=4000, last=4000, reason="pid 7; listens"),),
        anchors={"/home/you/shop": {"/home/you": [2**63 - 1, 7]}},
    ),
)
GIVEN = 9
"""The last number that was given; its lease is gone."""


def build(
    path: Path, leases: tuple[Lease, ...] = LEASES, *, given: int = GIVEN
) -> Path:
    """Make a registry of format 1."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(FIRST)
        for each in leases:
            holder, block = each.holder, each.block
            names = (holder.checkout, holder.project, holder.root, holder.name)
            row = (
                each.number,
                holder.namespace,
                *map(os.fsencode, names),
                int(holder.linked),
                each.shift,
                block and block.first,
                block and block.last,
                each.since,
                json.dumps([[o.first, o.last, o.reason] for o in each.obstacles]),
                json.dumps(dict(each.anchors)),
            )
            marks = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO leases VALUES ({marks})", row)  # noqa: S608 - question marks
            ports = [
                (holder.namespace, p, each.number, n) for p, n in each.ports.items()
            ]
            database.executemany("INSERT INTO ports VALUES (?, ?, ?, ?)", ports)
        if given:
            database.execute("UPDATE sqlite_sequence SET seq = ?", (given,))
    path.chmod(0o600)
    return path


@pytest.fixture
def old(tmp_path) -> Path:
    return build(tmp_path / "registry.sqlite3")


def every(table: Table) -> tuple[Lease, ...]:
    return table.all()


def dropped(table: Table) -> None:
    for each in table.all():
        table.drop(each.number)


def format_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        (found,) = database.execute("PRAGMA user_version").fetchone()
    return int(found)


def run_of(first: int) -> Lease:
    block = PortRange(first=first, last=first + 9)
    return Lease(
        holder=make_holder("shop"),
        block=block,
        shift=first - 4000,
        ports=dict.fromkeys(block.ports(), ""),
        run=Run(pid=7, started="boot/space/1"),
    )


def test_it_is_read_as_it_is_and_stays_so(old):
    before = old.read_bytes()

    found = SqliteRegistry(path=str(old)).read(every)

    assert found == LEASES
    assert [each.anchors for each in found] == [each.anchors for each in LEASES]
    assert SqliteRegistry(path=str(old)).read(lambda t: t.next_number()) == GIVEN + 1
    assert (format_of(old), old.read_bytes()) == (1, before)


def test_who_changes_it_keeps_every_lease_and_gives_no_number_again(old):
    registry = SqliteRegistry(path=str(old))

    new = registry.change(lambda table: table.save(run_of(20100)))

    assert new.number == GIVEN + 1
    assert registry.read(every) == (*LEASES, new)
    assert registry.read(lambda table: table.runs()) == (new,)
    assert (format_of(old), faults(old)) == (FORMAT, [])
    with closing(sqlite3.connect(old)) as database:
        names = "SELECT name FROM sqlite_master WHERE name LIKE '%\\_1' ESCAPE '\\'"
        assert database.execute(names).fetchall() == []
        fresh = old.with_name("fresh.sqlite3")
        SqliteRegistry(path=str(fresh)).change(lambda _: None)
        with closing(sqlite3.connect(fresh)) as other:
            assert shape(database) == shape(other)


def shape(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return every table and index with its SQL, but for white space and quotes."""
    rows = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return sorted((name, " ".join(sql.replace('"', "").split())) for name, sql in rows)


@pytest.mark.parametrize("given", [0, GIVEN], ids=["new", "used"])
def test_one_without_leases_keeps_its_counter_too(given, tmp_path):
    path = build(tmp_path / "registry.sqlite3", LEASES if given else (), given=given)
    registry = SqliteRegistry(path=str(path))

    registry.change(dropped)

    assert format_of(path) == FORMAT
    assert registry.change(lambda t: t.save(run_of(20000))).number == given + 1


def test_what_was_unique_is_unique_still(old):
    registry = SqliteRegistry(path=str(old))
    twin = replace(LEASES[0], number=0, ports={4100: "web"})

    with pytest.raises(RegistryError):
        registry.change(lambda t: t.save(replace(run_of(20100), ports={20009: ""})))
    with pytest.raises(RegistryError):
        registry.change(lambda table: table.save(twin))

    assert registry.read(every) == LEASES
    registry.change(lambda table: table.drop(5))
    assert registry.read(lambda t: t.holding("net", range(20000, 20010))) == {}


def test_a_rule_that_raises_leaves_it_of_format_1(old):
    def rule(table: Table) -> None:
        table.save(run_of(20100))
        raise LookupError

    with pytest.raises(LookupError):
        SqliteRegistry(path=str(old)).change(rule)

    assert (format_of(old), faults(old)) == (1, [])


def test_one_that_cannot_be_written_is_read_all_the_same(old):
    with closing(sqlite3.connect(old)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = old.read_bytes()

    found = SqliteRegistry(path=str(old), frozen=True).read(every)

    assert found == LEASES
    assert old.read_bytes() == before


def test_a_later_portconf_is_refused_by_its_number(old):
    with closing(sqlite3.connect(old)) as database:
        database.execute(f"PRAGMA user_version = {FORMAT + 1}")

    with pytest.raises(RegistryError, match=f"has format {FORMAT + 1}"):
        SqliteRegistry(path=str(old)).change(every)


def test_what_says_that_it_is_of_format_1_and_is_not_is_refused_and_untouched(tmp_path):
    path = tmp_path / "registry.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            f"PRAGMA application_id = {MAGIC}; PRAGMA user_version = 1;"
            "CREATE TABLE leases (a);"
        )
    path.chmod(0o600)
    before = path.read_bytes()

    with pytest.raises(RegistryError, match="left untouched"):
        SqliteRegistry(path=str(path)).change(every)

    assert path.read_bytes() == before


def test_a_kill_at_any_step_leaves_all_of_it(tmp_path):
    done = _as_program("kill", tmp_path)

    found = json.loads(done.stdout)
    assert found["faults"] == []
    assert found["formats"].count(1) >= 10  # it was killed within, as often
    assert found["formats"][-1] == FORMAT


def test_who_reads_and_who_writes_meanwhile_miss_nothing(tmp_path):
    done = _as_program("crowd", tmp_path)

    assert json.loads(done.stdout) == []
    registry = SqliteRegistry(path=str(tmp_path / "registry.sqlite3"))
    assert registry.read(every)[:2] == LEASES
    assert len(registry.read(every)) == 2 + WRITERS
    assert faults(registry.path) == []


WRITERS, READERS = 6, 6


def _as_program(act: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, __file__, act, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def _kill(folder: Path) -> dict[str, Any]:
    """Upgrade copies, each killed before its next statement but one."""
    source = build(folder / "source.sqlite3")
    found, formats = list[str](), list[int]()
    step = 0
    while not formats or formats[-1] == 1:
        path = Path(shutil.copy(source, folder / f"{step}.sqlite3"))
        pid = fork(_upgrade, str(path), step)
        os.waitpid(pid, 0)
        formats.append(format_of(path))
        found += [f"step {step}: {each}" for each in faults(path)]
        if SqliteRegistry(path=str(path)).read(every) != LEASES:
            found.append(f"step {step}: other leases")
        step += 1
    return {"faults": found, "formats": formats}


def _upgrade(path: str, last: int) -> None:
    steps = 0

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *words: Any) -> sqlite3.Cursor:
            nonlocal steps
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)
            steps += 1
            return super().execute(sql, *words)

    with patch.object(sqlite3, "connect", partial(sqlite3.connect, factory=Connection)):
        SqliteRegistry(path=path).change(every)


def _crowd(folder: Path) -> list[str]:
    """Let some read and some write, all from one moment on; return what went wrong."""
    path = str(build(folder / "registry.sqlite3"))
    reader, writer = os.pipe()
    gate, starter = os.pipe()
    works: list[Callable[[], None]] = [partial(_read, path)] * READERS
    works += [partial(_write, path, number) for number in range(WRITERS)]
    pids = [fork(_work, each, gate, starter, writer) for each in works]
    os.close(starter)
    os.close(writer)
    with open(reader, encoding="utf-8") as told:
        found = told.read().splitlines()
    return found + [f"{pid} failed" for pid in pids if os.waitpid(pid, 0)[1]]


def _work(work: Callable[[], None], gate: int, starter: int, writer: int) -> None:
    os.close(starter)
    os.read(gate, 1)  # ends when the last one has been forked
    try:
        work()
    except Exception as error:  # noqa: BLE001 - the test shows it
        os.write(writer, f"{error!r}\n".encode())


def _read(path: str) -> None:
    for _ in range(20):
        assert SqliteRegistry(path=path).read(every)[:2] == LEASES


def _write(path: str, number: int) -> None:
    blocks = PortRange(first=20000, last=20999)
    wanted = make_wanted(f"tree{number}", 4000, base=False, blocks=blocks)
    SqliteRegistry(path=path).change(lambda t: leasing.grant(t, wanted, Facts()))


if __name__ == "__main__":
    act = {"kill": _kill, "crowd": _crowd}[sys.argv[1]]
    json.dump(act(Path(sys.argv[2])), sys.stdout)
