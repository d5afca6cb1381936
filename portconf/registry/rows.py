"""Leases as rows of a SQLite database, in format 2."""

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Set as AbstractSet
from dataclasses import replace
from itertools import chain
from typing import Any

from portconf.errors import RegistryError
from portconf.model import PortRange
from portconf.registry.values import Holder, Lease, Obstacle, Run


FORMAT = 2
MAGIC = 0x706F7274  # "port": tells our file from other people's databases
TABLES = """
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
    pid INTEGER,                              -- of a process lease
    started TEXT,
    part TEXT
);
CREATE TABLE ports (
    namespace TEXT NOT NULL,
    port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    lease INTEGER NOT NULL REFERENCES leases (number) ON DELETE CASCADE,
    service TEXT NOT NULL,
    PRIMARY KEY (namespace, port)             -- nobody gets a port that is given
) WITHOUT ROWID;
CREATE UNIQUE INDEX leases_of ON leases (namespace, checkout, project)
    WHERE pid IS NULL;                        -- a checkout has one, its runs have many
CREATE INDEX leases_at ON leases (namespace, root);
CREATE INDEX ports_of_lease ON ports (lease);
"""
SCHEMA = f"""{TABLES}
PRAGMA application_id = {MAGIC};
PRAGMA user_version = {FORMAT};
"""
# SQLite once allowed no more than 999 values in a statement.
_AT_ONCE = 500
BROKEN = (
    "restore it from a copy, or move it away and run 'portconf init' in every checkout"
)


class Rows:
    """The leases, as one transaction of a connection sees them."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self._connection = connection
        self._path = path

    def find(self, namespace: str, checkout: str, project: str) -> Lease | None:
        """Return the lease of a checkout, or None."""
        found = self._leases(
            "namespace = ? AND checkout = ? AND project = ? AND pid IS NULL",
            (namespace, os.fsencode(checkout), os.fsencode(project)),
        )
        return next(iter(found), None)

    def at(self, namespace: str, root: str, project: str) -> tuple[Lease, ...]:
        """Return the checkouts' leases that were last seen in ``root``."""
        return self._leases(
            "namespace = ? AND root = ? AND project = ? AND pid IS NULL",
            (namespace, os.fsencode(root), os.fsencode(project)),
        )

    def runs(self) -> tuple[Lease, ...]:
        """Return the process leases, in the order of their numbers."""
        return self._leases("pid IS NOT NULL", ())

    def holding(self, namespace: str, ports: Iterable[int]) -> Mapping[int, Lease]:
        """Return who holds each of ``ports``, without those that nobody holds."""
        wanted, numbers = [*{*ports}], dict[int, int]()
        for first in range(0, len(wanted), _AT_ONCE):
            part = wanted[first : first + _AT_ONCE]
            marks = ", ".join("?" * len(part))
            numbers |= self._connection.execute(
                f"SELECT port, lease FROM ports WHERE namespace = ? AND port IN ({marks})",  # noqa: S608 - question marks
                (namespace, *part),
            ).fetchall()
        leases = {n: self._leases("number = ?", (n,))[0] for n in {*numbers.values()}}
        return {port: leases[number] for port, number in numbers.items()}

    def taken(self, namespace: str, within: PortRange) -> AbstractSet[int]:
        """Return the ports of a range that somebody holds."""
        rows = self._connection.execute(
            "SELECT port FROM ports WHERE namespace = ? AND port BETWEEN ? AND ?",
            (namespace, within.first, within.last),
        )
        return {*chain.from_iterable(rows.fetchall())}

    def all(self) -> tuple[Lease, ...]:
        """Return every lease, in the order of their numbers."""
        return self._leases("1", ())

    def save(self, lease: Lease) -> Lease:
        """
        Keep a lease; number 0 stands for a new one.

        Raises:
            RegistryError: If another lease holds one of its ports.
        """
        columns = _columns(lease)
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        cursor = self._connection.execute(
            f"INSERT INTO leases ({names}) VALUES ({marks})"  # noqa: S608 - our own names
            " ON CONFLICT (number) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in columns),
            tuple(columns.values()),
        )
        number = lease.number or int(cursor.lastrowid or 0)
        delete = "DELETE FROM ports WHERE lease = ?"
        self._connection.execute(delete, (number,))
        rows = [
            (lease.holder.namespace, port, number, name)
            for port, name in lease.ports.items()
        ]
        try:
            self._connection.executemany("INSERT INTO ports VALUES (?, ?, ?, ?)", rows)
        except sqlite3.IntegrityError as error:
            raise RegistryError(
                f"the registry {self._path} refused a lease: {error}", path=self._path
            ) from error
        return replace(lease, number=number)

    def next_number(self) -> int:
        """Return the number that the next new lease gets."""
        row = self._connection.execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'leases'"
        ).fetchone()
        return 1 + (row[0] if row else 0)

    def drop(self, number: int) -> None:
        """Forget a lease."""
        self._connection.execute("DELETE FROM leases WHERE number = ?", (number,))

    def _leases(self, where: str, values: tuple[Any, ...]) -> tuple[Lease, ...]:
        rows = self._connection.execute(
            f"SELECT * FROM leases WHERE {where} ORDER BY number",  # noqa: S608 - our own words
            values,
        ).fetchall()
        ports: dict[int, dict[int, str]] = {row[0]: {} for row in rows}
        for number, port, service in self._connection.execute(
            "SELECT lease, port, service FROM ports WHERE lease IN"  # noqa: S608 - as above
            f" (SELECT number FROM leases WHERE {where}) ORDER BY port",
            values,
        ):
            ports[number][port] = service
        return tuple(self._lease(row, ports[row[0]]) for row in rows)

    def _lease(self, row: tuple[Any, ...], ports: Mapping[int, str]) -> Lease:
        try:
            return _lease(row, ports)
        except (TypeError, ValueError) as error:
            raise RegistryError(
                f"the registry {self._path} is broken: lease {row[0]} cannot be read:"
                f" {error}; it was left untouched",
                path=self._path,
                hint=BROKEN,
            ) from error


def _lease(row: tuple[Any, ...], ports: Mapping[int, str]) -> Lease:
    """Return the lease of a row."""
    number, namespace, checkout, project, root, name, linked = row[:7]
    shift, first, last, since, obstacles, anchors = row[7:13]
    pid, started, part = row[13:]
    return Lease(
        number=number,
        holder=Holder(
            namespace=namespace,
            checkout=os.fsdecode(checkout),
            project=os.fsdecode(project),
            root=os.fsdecode(root),
            name=os.fsdecode(name),
            linked=bool(linked),
        ),
        shift=shift,
        block=None if first is None else PortRange(first=first, last=last),
        ports=ports,
        since=since,
        obstacles=tuple(
            Obstacle(first=a, last=b, reason=reason)
            for a, b, reason in json.loads(obstacles)
        ),
        anchors=json.loads(anchors),
        run=None if pid is None else Run(pid=pid, started=started, part=part),
    )


def _columns(lease: Lease) -> dict[str, Any]:
    """Return the row of a lease, by column."""
    holder, block, run = lease.holder, lease.block, lease.run
    return {
        "number": lease.number or None,
        "namespace": holder.namespace,
        "checkout": os.fsencode(holder.checkout),
        "project": os.fsencode(holder.project),
        "root": os.fsencode(holder.root),
        "name": os.fsencode(holder.name),
        "linked": int(holder.linked),
        "shift": lease.shift,
        "first": block and block.first,
        "last": block and block.last,
        "since": lease.since,
        "obstacles": json.dumps([[o.first, o.last, o.reason] for o in lease.obstacles]),
        "anchors": json.dumps(dict(lease.anchors)),
        "pid": run and run.pid,
        "started": run and run.started,
        "part": run and run.part,
    }
