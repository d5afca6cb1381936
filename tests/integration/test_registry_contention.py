"""Many processes and threads that take leases at once: no port is anybody else's too."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from commandline import run
from lessees import PLAN, contend, faults, leases, live, make

from portconf.registry import access
from portconf.registry.lease import grant
from portconf.registry.sqlite import SqliteRegistry
from portconf.registry.values import Facts


FULL = bool(os.environ.get("PORTCONF_TESTS_FULL"))
SIZE = (32, 20, 20) if FULL else (6, 5, 3)


def test_no_port_is_in_two_live_leases_at_any_moment(tmp_path):
    processes, projects, rounds = SIZE

    found = contend(tmp_path, processes=processes, projects=projects, rounds=rounds)

    assert found.errors == []
    assert found.twice == []
    assert found.seen == []
    assert found.leases == processes * projects * rounds
    assert live(tmp_path / "state" / "registry.sqlite3") == 0
    # Else nothing was shown: one after the other, or never looked at.
    assert found.looks >= 2
    assert found.most > projects


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """The machine's registry, in a folder of its own."""
    path = tmp_path / "state" / "registry.sqlite3"
    path.parent.mkdir(mode=0o700)
    monkeypatch.setenv("PORTCONF_REGISTRY", str(path))
    return path


def test_threads_of_one_process_get_no_port_twice(registry, tmp_path):
    folders = [make(tmp_path / f"shop{number}") for number in range(8)]
    taken: list[int] = []
    errors: list[Exception] = []

    def work(folder: Path) -> None:
        try:
            for _ in range(2):
                leases(folder).take(PLAN)
                leases(folder).drop()
            lease = leases(folder).take(PLAN)
            taken.extend(lease.ports if lease else ())
        except Exception as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [Thread(target=work, args=(folder,)) for folder in folders]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert errors == []
    assert len({*taken}) == len(taken)
    assert faults(registry) == []
    assert live(registry) == 8


_READ = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("SELECT count(*) FROM leases").fetchone()
database.close()
"""


def test_looking_for_the_registry_takes_no_other_threads_lock_away(registry, tmp_path):
    """
    Closing any descriptor of a file ends all POSIX locks of a process on it.

    Who then closes the database elsewhere takes itself for the last one, and removes
    the log that we write to.
    """
    folder = leases(make(tmp_path / "shop"))
    kept = SqliteRegistry(path=str(registry))
    kept.change(lambda _: None)

    def rule(_: object) -> list[str]:
        before = sorted(os.listdir(registry.parent))
        access.to(folder.folder, timeout=1, make=True)  # as another thread does
        access.machine(timeout=1)
        subprocess.run([sys.executable, "-c", _READ, str(registry)], check=True)
        return [name for name in before if not (registry.parent / name).exists()]

    assert kept.change(rule) == []


_HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA locking_mode = EXCLUSIVE")
database.execute("BEGIN EXCLUSIVE")
database.execute("UPDATE leases SET since = since")
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_wait_leaves_no_file_of_the_registry_open(registry, tmp_path):
    """SQLite counts locks by process: a forgotten connection would keep them."""
    leases(make(tmp_path / "shop")).take(PLAN)
    waiting = leases(make(tmp_path / "other"), timeout=0.2)
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", _HOLD, str(registry)]

    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Exception, match=r"busy, gave up after 0\.2 s"):
            waiting.take(PLAN)
        before = _open(registry)
        holder.communicate("\n", timeout=60)

    assert before == []
    assert waiting.take(PLAN) is not None


def _open(registry) -> list[str]:
    """Return which of the registry's files this process has open."""
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc")
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:  # the one that lists them
            continue
    return [name for name in found if name.startswith(str(registry))]


def test_what_a_checkout_remembers_ends_with_the_next_change(registry, tmp_path):
    first, second = make(tmp_path / "first"), make(tmp_path / "second")
    run("init", at=first)
    ends = time.monotonic() + 30
    while not list((first / ".git").rglob("snapshot-*")):
        assert time.monotonic() < ends
        assert run("get", "a", at=first).out == "4000\n"
    with closing(sqlite3.connect(registry)) as other:
        other.execute("SELECT * FROM leases").fetchall()  # so that its log stays
        moved = run("release", "--checkout", str(first), at=second)
        assert moved.code == 0
        assert leases(second).take(PLAN) is not None

        got = run("get", "a", at=first)

    assert got.out == "20000\n"
    assert live(registry) == 2


def test_the_database_itself_refuses_a_port_that_is_given(registry, tmp_path):
    lease = leases(make(tmp_path / "shop")).take(PLAN)
    assert lease is not None

    with closing(sqlite3.connect(registry)) as database:
        row = ("other", b"/a", b"", b"/a", b"a", 0, 0, 0.0, "[]", "{}")
        columns = "namespace, checkout, project, root, name, linked, shift, since"
        number = database.execute(
            f"INSERT INTO leases ({columns}, obstacles, anchors)"  # noqa: S608 - ours
            f" VALUES ({', '.join('?' * len(row))})",
            row,
        ).lastrowid
        port = min(lease.ports)
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE constraint"):
            database.execute(
                "INSERT INTO ports VALUES (?, ?, ?, '')",
                (lease.holder.namespace, port, number),
            )


def test_a_change_whose_rule_runs_again_counts_once(registry, tmp_path):
    """Its first run is thrown away when it meets another command's commit."""
    holder = leases(make(tmp_path / "shop"))
    wanted = holder.wanted(holder.known(SqliteRegistry(path=str(registry))), PLAN)
    kept = SqliteRegistry(path=str(registry))

    numbers = [kept.change(lambda t: grant(t, wanted, Facts())).number for _ in "ab"]

    assert numbers[0] == numbers[1]
    assert live(registry) == 1
