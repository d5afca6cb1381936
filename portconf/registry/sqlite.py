"""
The registry in one SQLite file.

A port is a primary key, so the database itself refuses to give it twice. Every change
is one `BEGIN IMMEDIATE` transaction, synchronised to the disk at its commit. A file
that is not a registry, or a newer one, is refused and left untouched.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from portconf.errors import RegistryBusyError, RegistryError
from portconf.locks import whole
from portconf.registry.protocol import Table
from portconf.registry.queue import share, turn
from portconf.registry.rows import BROKEN, FORMAT, MAGIC, SCHEMA, Rows


# Who changes something stands in a queue. What is left to wait for is the moment in
# which SQLite opens or closes its log: looks some milliseconds apart, at random.
_POLL = 0.004
_NO_ROOM = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_OLDER = FORMAT - 1
_T = TypeVar("_T")
_HINT = (
    "make the file and its folder readable and writable, or name another in the"
    " variable PORTCONF_REGISTRY"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteRegistry:
    """
    A registry in the file ``path``.

    Attributes:
        path: The file; `change` makes it, `read` takes a missing one for empty.
        timeout: Seconds to wait for other commands.
        frozen: Whether the file cannot be written: it is then read as it lies there.
    """

    path: str
    timeout: float = 10.0
    frozen: bool = False

    def read(self, rule: Callable[[Table], _T]) -> _T:
        """Run a rule that changes nothing; see `portconf.registry.protocol.Registry`."""
        if not os.path.lexists(self.path):
            return self._scratch(rule)
        try:
            return self._retried(lambda: self._run(rule, begin="BEGIN", end="ROLLBACK"))
        except RegistryError as error:
            code = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF
            if self.frozen or code not in _NO_ROOM or self._logged():
                raise
            return replace(self, frozen=True).read(rule)

    def _is_empty(self) -> bool:
        try:
            return os.path.getsize(self.path) == 0
        except OSError:  # removed just now: opening it will tell
            return False

    def _logged(self) -> bool:
        try:
            return os.path.getsize(f"{self.path}-wal") > 0
        except OSError:
            return False

    def change(self, rule: Callable[[Table], _T]) -> _T:
        """Run a rule, and keep what it changed; see `read`."""
        if not os.path.lexists(self.path):
            self._create()
        with self._turn():
            return self._retried(
                lambda: self._run(rule, begin="BEGIN IMMEDIATE", end="COMMIT")
            )

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(turn(self.path, timeout=self.timeout))
            except OSError as error:
                raise RegistryError(
                    f"the registry {self.path} cannot be written: {error.strerror}",
                    path=self.path,
                    hint=_HINT,
                ) from error
            yield

    def _run(self, rule: Callable[[Table], _T], *, begin: str, end: str) -> _T:
        """Run a rule in one transaction."""
        if self._is_empty():
            # `_create` makes none like it. SQLite would take it for a new one, and throw
            # the log away that holds the leases.
            raise self._not_ours("it is empty")
        with whole, closing(self._connect()) as connection:
            connection.execute(begin)
            try:
                self._check(connection)
                result = rule(Rows(connection, self.path))
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            changed = connection.total_changes
            connection.execute(end)
        if end == "COMMIT" and changed:
            # A commit to the write-ahead log leaves the file's times alone; readers
            # know by them whether what they remember still holds.
            try:
                os.utime(self.path)
            except OSError as error:
                raise RegistryError(
                    f"the registry {self.path} cannot be touched: {error.strerror}",
                    path=self.path,
                    hint=_HINT,
                ) from error
        return result

    def _retried(self, attempt: Callable[[], _T]) -> _T:
        """Make attempts until one does not meet another command's lock."""
        ends = time.monotonic() + self.timeout
        while True:
            try:
                return attempt()
            except sqlite3.Error as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code not in _BUSY:
                    raise self._refusal(error, code) from error
                if time.monotonic() >= ends:
                    raise RegistryBusyError(self.path, timeout=self.timeout) from error
            time.sleep(_POLL * os.urandom(1)[0] / 255)

    def _connect(self) -> sqlite3.Connection:
        mode = "rw"
        if self.frozen:
            # A log that lies beside it holds the newest leases; without one the file
            # can be read where SQLite may not make its own files.
            mode = "ro" if self._logged() else "ro&immutable=1"
        uri = f"file:{_quoted(self.path)}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)
        try:
            if self.frozen:
                connection = _upgradable(connection)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            # Left to the collector it would keep its locks, which SQLite counts by
            # process: the next connection of this one would take none of its own.
            connection.close()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        """Refuse what is not a registry, or is a newer one; upgrade an older one."""
        (magic,) = connection.execute("PRAGMA application_id").fetchone()
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if magic != MAGIC:
            raise self._not_ours("it is another program's")
        if found == _OLDER:
            from portconf.registry.upgrade import upgrade  # noqa: PLC0415 - once

            upgrade(connection)
        elif found != FORMAT:
            raise RegistryError(
                f"the registry {self.path} has format {found}, this portconf reads"
                f" format {FORMAT}",
                path=self.path,
                hint="use the newer portconf, or name another file in PORTCONF_REGISTRY",
            )

    def _not_ours(self, reason: str) -> RegistryError:
        return RegistryError(
            f"{self.path} is not a registry of portconf's: {reason}; it was left"
            " untouched",
            path=self.path,
            hint=BROKEN,
        )

    def _create(self) -> None:
        """
        Make the file, whole at once.

        It is made under another name and linked to its own: a file that is there but
        empty is then always a broken one, and never taken for a new one.
        """
        log = f"{self.path}-wal"
        if os.path.exists(log) and not os.path.lexists(self.path):
            # SQLite would play the old file's log into the new one.
            raise RegistryError(
                f"the registry {self.path} is missing, but its log {log} is there",
                path=self.path,
                hint="restore the registry, or remove its log too",
            )
        temporary = f"{self.path}.{os.getpid()}-{os.urandom(4).hex()}"
        try:
            _touch(temporary)
            with (
                whole,
                closing(sqlite3.connect(temporary, isolation_level=None)) as new,
            ):
                # Where the file system cannot carry it, the old journal stays.
                new.execute("PRAGMA journal_mode = WAL")
                new.executescript(SCHEMA)
            with suppress(FileExistsError):  # another command was first
                os.link(temporary, self.path)
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise RegistryError(
                f"the registry {self.path} cannot be made: {reason}",
                path=self.path,
                hint=_HINT,
            ) from error
        finally:
            with suppress(OSError):
                os.unlink(temporary)

    def _scratch(self, rule: Callable[[Table], _T]) -> _T:
        """Run a rule on an empty registry that is nowhere."""
        with (
            whole,
            closing(sqlite3.connect(":memory:", isolation_level=None)) as connection,
        ):
            connection.executescript(SCHEMA)
            return rule(Rows(connection, self.path))

    def _refusal(self, error: sqlite3.Error, code: int) -> RegistryError:
        broken = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        what = "is broken" if broken else "cannot be used"
        return RegistryError(
            f"the registry {self.path} {what}: {error}; it was left untouched",
            path=self.path,
            hint=BROKEN if broken else _HINT,
        )


def _upgradable(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return a copy of an older registry that cannot be upgraded where it lies."""
    if connection.execute("PRAGMA user_version").fetchone() != (_OLDER,):
        return connection
    copy = sqlite3.connect(":memory:", isolation_level=None)
    with closing(connection):
        connection.backup(copy)
    return copy


def _quoted(path: str) -> str:
    """Return a path as SQLite's URIs take it: it may hold "?", "#" or any byte."""
    # As urllib.parse.quote does, whose import costs more than the whole query.
    plain = b"/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~"
    return "".join(chr(c) if c in plain else f"%{c:02X}" for c in os.fsencode(path))


def _touch(path: str) -> None:
    """Make an empty file for its user alone; for the group where the folder is its."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        share(descriptor, os.path.dirname(path))
    finally:
        os.close(descriptor)
