"""A registry of an older format, brought to the newest within one transaction."""

import sqlite3

from portconf.registry.rows import FORMAT, TABLES


# 1 to 2: process leases. A table's own UNIQUE cannot be altered, so both are made anew;
# the ports go first, or dropping the leases would drop them too.
_STATEMENTS = f"""
DROP INDEX ports_of_lease;
DROP INDEX leases_at;
ALTER TABLE leases RENAME TO leases_1;
ALTER TABLE ports RENAME TO ports_1;
{TABLES};
INSERT INTO leases SELECT *, NULL, NULL, NULL FROM leases_1;
INSERT INTO ports SELECT * FROM ports_1;
DELETE FROM sqlite_sequence WHERE name = 'leases';
INSERT INTO sqlite_sequence
    SELECT 'leases', seq FROM sqlite_sequence WHERE name = 'leases_1';
DROP TABLE ports_1;
DROP TABLE leases_1;
PRAGMA user_version = {FORMAT};
"""  # noqa: S608 - our own words


def upgrade(connection: sqlite3.Connection) -> None:
    """
    Upgrade a registry of format 1.

    In a transaction that is rolled back it is upgraded for that one alone.

    Raises:
        sqlite3.Error: If it cannot be written, or is not what its number says.
    """
    for statement in _STATEMENTS.split(";"):  # `executescript` would commit
        connection.execute(statement)
