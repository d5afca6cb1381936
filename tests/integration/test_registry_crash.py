"""Commands that are killed while they change the registry."""

import os

import pytest
from lessees import PLAN, crash, faults, leases, live, make


KILLS = 300 if os.environ.get("PORTCONF_TESTS_FULL") else 20


def test_killed_commands_leave_a_whole_registry_and_can_be_repeated(tmp_path):
    found = crash(tmp_path, kills=KILLS)

    assert found.faults == []
    assert sum(found.kills.values()) == KILLS
    # Else the moments were badly chosen, and nothing was shown.
    assert found.inside >= KILLS // 3
    assert {each.split(",")[0] for each in found.kills} == {
        *("init", "relocate", "release", "gc", "first init")
    }


@pytest.mark.parametrize("damage", ["overlapping", "twice", "without its lease"])
def test_what_a_kill_could_leave_would_be_found(damage, tmp_path, monkeypatch):
    registry = tmp_path / "state" / "registry.sqlite3"
    registry.parent.mkdir(mode=0o700)
    monkeypatch.setenv("PORTCONF_REGISTRY", str(registry))
    for name in ("one", "two", "three"):
        leases(make(tmp_path / name)).take(PLAN)
    assert faults(registry) == []

    _damage(registry, damage)

    assert [each for each in faults(registry) if each.startswith(damage)] != []
    assert live(registry) >= 2


def _damage(registry, kind: str) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(registry)) as database:
        if kind == "overlapping":
            database.execute("UPDATE leases SET last = first + 10 WHERE number = 2")
        elif kind == "without its lease":
            database.execute("DELETE FROM leases WHERE number = 2")
        else:
            database.executescript(
                "CREATE TABLE others AS SELECT * FROM ports; DROP TABLE ports;"
                "ALTER TABLE others RENAME TO ports;"
                "INSERT INTO ports SELECT namespace, port, 1, service FROM ports"
                " WHERE lease = 2"
            )
        database.commit()
