"""Registries that are broken, foreign or out of reach, and checkouts of hostile names."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from commandline import Ran, run

from portconf.project import Project
from portconf.registry.rows import FORMAT, MAGIC, SCHEMA


DECLARATION = """\
[tool.portconf]
services = ["web", "db"]
block-size = 10
dotenv = false
compose-env = false
"""
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
# Where a backend queues; nothing is kept in it.
LOCKS = {f"{name}-queue" for name in ("registry.sqlite3", "r?vfs=none#.db")}
as_root = pytest.mark.skipif(not ROOT, reason="needs to give files to another user")


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The state folder's own `portconf`, made by a lease that is there already."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    first = make(tmp_path / "first")
    assert run("init", at=first).code == 0
    return tmp_path / "state" / "portconf"


@pytest.fixture
def registry(state: Path) -> Path:
    """The machine's registry, with one lease in it."""
    return state / "registry.sqlite3"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A checkout that has no lease yet."""
    return make(tmp_path / "shop")


def make(root: Path) -> Path:
    """Make a project in a folder that is a checkout, as far as portconf looks."""
    (root / ".git").mkdir(parents=True)
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (root / "pyproject.toml").write_text(DECLARATION, encoding="utf-8")
    return root


def ports(root: Path) -> list[str]:
    """Return the effective ports of a project."""
    return [run("get", name, at=root).out.strip() for name in ("web", "db")]


def content(folder: Path) -> dict[str, object]:
    """Return every file of a folder byte by byte, with modes and owners."""
    found: dict[str, object] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        data: object = os.readlink(path) if path.is_symlink() else None
        if stat.S_ISREG(status.st_mode):
            data = path.read_bytes()
        found[str(path)] = (data, status.st_mode, status.st_uid)
    return found


def assert_refused(done: Ran, named: object) -> None:
    """It ended with the registry's code, one message and one hint."""
    assert done.code == 5
    assert done.out == ""
    lines = done.err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["portconf", "hint"]
    assert str(named) in lines[0]
    assert "Traceback" not in done.err


def world_writable(path: Path) -> None:
    path.chmod(0o777)


def group_writable(path: Path) -> None:
    path.chmod(0o770)


def another_users(path: Path) -> None:
    os.chown(path, 65534, 65534)


def a_link(path: Path) -> None:
    moved = path.rename(path.with_name("elsewhere"))
    path.symlink_to(moved)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_bytes(b"mine\n")


UNTRUSTED = [
    (world_writable, "can be written by everybody"),
    (group_writable, "can be written by its group"),
    (a_link, "is a symbolic link"),
    pytest.param(another_users, "belongs to another user (uid 65534)", marks=as_root),
]
NEEDED = [
    ("init",),
    ("init", "--relocate"),
    ("get", "web"),
    ("export", "--format", "sh"),
    ("status",),
    ("check",),
    ("guard",),
    ("why", "web"),
    ("run", "--", "true"),
    ("reset", "--yes"),
    ("leases",),
    ("gc",),
    ("status", "--all"),
    ("release", "--checkout", "."),
]


@pytest.mark.parametrize(("damage", "told"), [*UNTRUSTED, (a_file, "is not a folder")])
def test_a_folder_in_which_others_could_give_our_ports_away_is_refused(
    damage, told, state, shop
):
    damage(state)
    before = content(state.parent)

    done = run("init", at=shop)

    assert_refused(done, told)
    assert content(state.parent) == before
    assert not (shop / "config").exists()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        *UNTRUSTED,
        (a_folder, "is not a regular file"),
        (a_pipe, "is not a regular file"),
    ],
)
def test_a_file_in_which_others_could_give_our_ports_away_is_refused(
    damage, told, registry, shop
):
    damage(registry)
    before = content(registry.parent)

    done = run("init", at=shop)

    assert_refused(done, told)
    assert content(registry.parent) == before


@pytest.mark.parametrize("words", NEEDED, ids=" ".join)
def test_every_command_that_needs_the_registry_refuses_it(words, registry, shop):
    assert run("init", at=shop).code == 0
    registry.chmod(0o666)
    before = content(registry.parent), content(shop)

    done = run(*words, at=shop)

    # Of `run` 125 is all that a program can take: env(1).
    assert done.code == (125 if words[0] == "run" else 5)
    assert "can be written by everybody" in done.err
    assert content(registry.parent) == before[0]
    kept = {k: v for k, v in content(shop).items() if "/.git/portconf" not in k}
    assert kept == {k: v for k, v in before[1].items() if "/.git/portconf" not in k}


def test_the_new_registry_is_for_its_user_alone(registry):
    assert stat.S_IMODE(registry.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(registry.stat().st_mode) == 0o600
    assert {*os.listdir(registry.parent)} - LOCKS == {"registry.sqlite3"}


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("these are my notes\n" * 100, encoding="utf-8")


def half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def first_page(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4096])


def header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def zeros(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def scribbled(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * len(data[4096:])
    path.write_bytes(data)


def sql(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)


def newer(path: Path) -> None:
    sql(path, f"PRAGMA user_version = {FORMAT + 1}")


def older(path: Path) -> None:
    sql(path, "PRAGMA user_version = 0")


def foreign(path: Path) -> None:
    path.unlink()
    path.touch(0o600)
    sql(path, "CREATE TABLE bookmarks (url); PRAGMA user_version = 1")


def without_ports(path: Path) -> None:
    sql(path, "DROP TABLE ports")


def without_leases(path: Path) -> None:
    sql(path, "PRAGMA foreign_keys = OFF; DROP TABLE leases")


def without_columns(path: Path) -> None:
    sql(path, "ALTER TABLE leases DROP COLUMN anchors")


def odd_column(path: Path) -> None:
    sql(path, "UPDATE leases SET obstacles = 'x'")


def odd_shape(path: Path) -> None:
    sql(path, "UPDATE leases SET obstacles = '[1]', anchors = '[]'")


def odd_block(path: Path) -> None:
    sql(path, "UPDATE leases SET first = 9, last = 3")


def odd_type(path: Path) -> None:
    sql(path, "UPDATE leases SET shift = 'x', first = 'y', root = 3")


BROKEN = [
    (empty, "not a registry of portconf's"),
    (text, "broken: file is not a database"),
    (half, "broken: database disk image is malformed"),
    (first_page, "broken: database disk image is malformed"),
    (header, "broken: "),
    (zeros, "broken: file is not a database"),
    (scribbled, "broken: database disk image is malformed"),
    (newer, f"has format {FORMAT + 1}, this portconf reads format {FORMAT}"),
    (older, f"has format 0, this portconf reads format {FORMAT}"),
    (foreign, "is not a registry of portconf's"),
    (without_ports, "no such table: ports"),
    (without_leases, "no such table: leases"),
    (without_columns, "broken"),
    (odd_column, "broken: lease 1 cannot be read"),
    (odd_shape, "broken: lease 1 cannot be read"),
    (odd_block, "broken: lease 1 cannot be read"),
    (odd_type, "broken: lease 1 cannot be read"),
]


@pytest.mark.parametrize(("damage", "told"), BROKEN)
def test_a_broken_registry_is_refused_and_stays_byte_for_byte(
    damage, told, registry, shop, tmp_path
):
    damage(registry)
    before = content(registry.parent)

    # The first checkout's own lease, a new one, and the list of all.
    asked = [("init", tmp_path / "first"), ("init", shop), ("leases", shop)]
    done = [run(*word.split(), at=where) for word, where in asked]

    for each in done:
        assert_refused(each, registry)
        assert told in each.err
    assert content(registry.parent) == before


def with_a_log(path: Path, script: str) -> None:
    """Leave a write-ahead log beside the registry, as a killed command does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(script)
        copies = {
            each: each.read_bytes()
            for each in path.parent.iterdir()
            if not each.name.endswith("-shm")
        }
    for each in list(path.parent.iterdir()):
        each.unlink()
    for each, data in copies.items():
        each.write_bytes(data)
        each.chmod(0o600)


def test_an_emptied_registry_keeps_its_log(registry, shop):
    with_a_log(registry, "UPDATE leases SET since = 1")
    registry.write_bytes(b"")
    before = content(registry.parent)
    assert f"{registry}-wal" in before

    done = run("init", at=shop)

    assert_refused(done, registry)
    assert content(registry.parent) == before


def test_what_a_newer_portconf_left_in_its_log_is_not_lost(registry, shop):
    with_a_log(registry, f"CREATE TABLE more (x); PRAGMA user_version = {FORMAT + 1}")

    done = run("init", at=shop)

    assert_refused(done, f"has format {FORMAT + 1}")
    with closing(sqlite3.connect(registry)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT * FROM more").fetchall() == []
        assert database.execute("SELECT count(*) FROM leases").fetchone() == (1,)


def test_a_clock_that_goes_back_changes_nothing(registry, shop, tmp_path, monkeypatch):
    assert run("init", at=shop).code == 0
    first = ports(tmp_path / "first"), ports(shop)
    ahead = time.time() + 10**7
    os.utime(registry, (ahead, ahead))
    monkeypatch.setattr(time, "time", lambda: 86400.0)
    monkeypatch.setattr(time, "time_ns", lambda: 86400 * 10**9)
    other = make(tmp_path / "other")

    codes = [run("init", at=root).code for root in (tmp_path / "first", shop, other)]

    assert codes == [0, 0, 0]
    assert (ports(tmp_path / "first"), ports(shop)) == first
    assert {*ports(other)}.isdisjoint({*first[0], *first[1]})
    assert run("gc", "--json", at=other).data["freed"] == []
    assert run("release", "--checkout", str(shop), at=other).code == 0
    late = make(tmp_path / "late")
    assert ports_after_init(late) == first[1]  # what was given up, and no memory of it
    assert {*ports_after_init(shop)}.isdisjoint({*first[1], *ports(other)})


def ports_after_init(root: Path) -> list[str]:
    assert run("init", at=root).code == 0
    return ports(root)


NAMES = [
    "two\nlines",
    'it\'s "quoted"; DROP TABLE leases; --',
    "\u2603 \u202e\u0430",
    os.fsdecode(b"caf\xe9 \xff"),
    "100% ?a=b#c",
    "\x1b[2J",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_checkout_of_any_name_has_its_lease_and_loses_it(name, registry, tmp_path):
    try:
        shop = make(tmp_path / name)
    except OSError:
        pytest.skip("needs a file system that takes such a name")

    assert ports_after_init(shop) == ports_after_init(shop) == ["20000", "20001"]

    with closing(sqlite3.connect(registry)) as database:
        rows = database.execute("SELECT root, checkout FROM leases WHERE number = 2")
        assert rows.fetchall() == [
            (os.fsencode(shop.resolve()), os.fsencode(shop.resolve() / ".git"))
        ]
    listed = run("leases", at=shop)
    assert listed.code == 0
    assert [c for c in listed.out if not c.isprintable() and c != "\n"] == []
    assert json.loads(run("leases", "--json", at=shop).out)["ok"] is True
    assert run("why", "web", at=shop).code == 0
    os.chdir(tmp_path)
    shutil.rmtree(shop)
    assert len(run("gc", "--json", at=tmp_path / "first").data["freed"]) == 1


def test_a_registry_at_a_hostile_path_is_that_file_and_no_other(
    tmp_path, shop, monkeypatch
):
    folder = tmp_path / "a?mode=memory&x#y%20z"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("PORTCONF_REGISTRY", str(folder / "r?vfs=none#.db"))

    assert run("init", at=shop).code == 0

    assert {*os.listdir(folder)} - LOCKS == {"r?vfs=none#.db"}
    assert run("leases", "--json", at=shop).data["leases"] != []


def fill(path: Path, count: int) -> None:
    """Keep so many leases of two ports each, from 20000 on, by plain SQL."""
    space = os.readlink("/proc/self/ns/net") if os.path.exists("/proc/self/ns") else ""
    with closing(sqlite3.connect(path)) as database:
        for number in range(count):
            first = 20000 + 2 * number
            root = f"/home/you/{number}".encode()
            values = (
                space,
                root,
                b"",
                root,
                b"shop",
                0,
                first - 4000,
                first,
                first + 1,
            )
            kept = database.execute(
                "INSERT INTO leases (namespace, checkout, project, root, name, linked,"
                " shift, first, last, since, obstacles, anchors)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '[]', '{}')",
                values,
            ).lastrowid
            ports = [(space, first + n, kept, name) for n, name in enumerate("ab")]
            database.executemany("INSERT INTO ports VALUES (?, ?, ?, ?)", ports)
        database.commit()


def test_five_thousand_leases_are_carried(registry, shop):
    fill(registry, 4990)

    done = run("init", at=shop)

    assert done.code == 0
    assert ports(shop) == ["29980", "29981"]
    assert len(run("leases", "--json", at=shop).data["leases"]) == 4992
    swept = run("gc", "--json", at=shop).data
    assert (swept["freed"], len(swept["kept"])) == ([], 4992)


def test_a_full_range_of_five_thousand_leases_is_refused_in_words(registry, shop):
    fill(registry, 5000)

    done = run("init", at=shop)

    assert_refused(done, "no free block of 10 ports in 20000-29999")
    assert "10000 of its ports are leased" in done.err


@cache
def _mounts() -> bool:
    """Tell whether we may have mounts of our own."""
    words = ["unshare", "-m", "mount", "--bind", "/proc", "/proc"]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


_READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"
"""


def run_without_writing_to(
    folder: Path, *words: str, at: Path, code: str | None = None
) -> Ran:
    """Run a command, or code, that cannot write to a folder, as in a sandbox."""
    command = [sys.executable, "-m", "portconf", *words]
    if code is not None:
        command[1:3] = ["-c", code]
    if ROOT:
        if not _mounts():
            pytest.skip("needs to mount, or to be no root")
        command = ["unshare", "-m", "sh", "-c", _READ_ONLY, "sh", str(folder), *command]
    modes = {path: path.stat().st_mode for path in [folder, *folder.rglob("*")]}
    try:
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)
        done = subprocess.run(
            command, cwd=at, capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    return Ran(done.returncode, done.stdout, done.stderr)


def test_a_lease_that_can_be_read_but_not_written_is_honoured(state, shop):
    assert run("init", at=shop).code == 0
    wanted = ports(shop)
    before = content(state)

    again = run_without_writing_to(state, "init", at=shop)
    got = run_without_writing_to(state, "get", "web", at=shop)

    assert (again.code, got.code) == (0, 0)
    assert got.out.strip() == wanted[0] == "20000"
    assert f"{state}/registry.sqlite3 cannot be written" in again.err
    assert content(state) == before
    assert list(shop.rglob("registry.sqlite3")) == []


def test_the_newest_lease_is_honoured_also_while_it_is_only_in_the_log(state, shop):
    with closing(sqlite3.connect(state / "registry.sqlite3")) as database:
        database.execute("SELECT * FROM leases").fetchall()  # so that a log stays
        assert run("init", at=shop).code == 0

        got = run_without_writing_to(state, "get", "web", at=shop)

    assert (got.code, got.out.strip()) == (0, "20000")


def inner(root: Path) -> Path:
    """Return the registry that lies in a checkout."""
    (found,) = (root / ".git" / "portconf").rglob("registry.sqlite3")
    return found


def test_where_nothing_can_be_written_a_new_lease_lies_in_the_checkout(state, shop):
    before = content(state)

    done = run_without_writing_to(state, "init", at=shop)
    got = [run_without_writing_to(state, "get", "web", at=shop) for _ in range(2)]

    assert [done.code, *(each.code for each in got)] == [0, 0, 0]
    assert f"this lease is kept in {inner(shop)}" in done.err
    assert "other repositories do not see" in done.err
    assert got[0].out == got[1].out
    with closing(sqlite3.connect(inner(shop))) as database:
        (port,) = database.execute(
            "SELECT port FROM ports WHERE service = 'web'"
        ).fetchone()
    assert got[0].out == f"{port}\n"
    assert content(state) == before


_LEASE_ALL = """
from portconf.errors import BlocksExhaustedError
from portconf.project import Project
try:
    while True:
        print(Project.find().isolated()[0].get("web"))
except BlocksExhaustedError:
    print("no more")
"""


def test_a_run_gets_no_port_of_a_registry_that_can_only_be_read(state, shop, tmp_path):
    place = 'instance-range = "20000-20049"'
    roots = [shop, *(make(tmp_path / name) for name in ("second", "third"))]
    for root in roots:
        (root / "pyproject.toml").write_text(f"{DECLARATION}{place}\n", "utf-8")
        assert run("init", at=root).code == 0
    before = content(state)

    done = run_without_writing_to(state, at=shop, code=_LEASE_ALL)

    assert [ports(root)[0] for root in roots] == ["20000", "20010", "20020"]
    assert sorted(done.out.split("\n")) == ["", "20030", "20040", "no more"], done.err
    assert content(state) == before


@pytest.fixture
def _no_state(monkeypatch) -> None:
    """The state folder lies below a file."""
    monkeypatch.setenv("XDG_STATE_HOME", f"{os.devnull}/x")


@pytest.mark.usefixtures("_no_state")
def test_without_a_state_folder_the_worktrees_of_a_repository_share_one(make_sample):
    main = make_sample(DECLARATION, git=True)
    main.git("add", "-A")
    main.git("commit", "-q", "-m", "x")
    trees = [main.root.parent / f"tree{number}" for number in range(3)]
    for tree in trees:
        main.git("worktree", "add", "-q", str(tree))

    done = [run("init", at=root) for root in (main.root, *trees)]

    assert [each.code for each in done] == [0] * 4
    taken = [port for root in (main.root, *trees) for port in ports(root)]
    assert len({*taken}) == 8
    kept = inner(main.root)
    for each in done:
        assert f"{os.devnull}/x/portconf/registry.sqlite3 cannot be written" in each.err
        assert f"this lease is kept in {kept}" in each.err
    assert [port for r in (main.root, *trees) for port in ports_after_init(r)] == taken


@pytest.mark.usefixtures("_no_state")
def test_without_a_state_folder_not_all_runs_begin_alike(tmp_path):
    """Their repositories do not see each other's leases."""
    shops = [Project.find(str(make(tmp_path / f"shop{n}"))) for n in range(4)]
    for each in shops:
        each.init()

    given = [each.isolated()[0] for each in shops]

    assert len({each.ports()["web"] for each in given}) > 1


@pytest.mark.usefixtures("_no_state")
def test_without_a_state_folder_and_git_the_registry_lies_in_the_project(make_sample):
    sample = make_sample(DECLARATION)

    done = run("init", at=sample.root)

    kept = sample.root / ".portconf" / "registry.sqlite3"
    assert done.code == 0
    assert f"this lease is kept in {kept}" in done.err
    assert kept.exists()


@pytest.mark.usefixtures("_no_state")
@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o077])
def test_the_registry_in_a_checkout_is_trusted_whatever_the_umask(mask, make_sample):
    before = os.umask(mask)
    try:
        sample = make_sample(DECLARATION, git=True)

        codes = [run("init", at=sample.root).code for _ in range(2)]
    finally:
        os.umask(before)

    assert codes == [0, 0]
    kept = inner(sample.root)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o077])
def test_the_machines_registry_is_trusted_whatever_the_umask(mask, shop):
    before = os.umask(mask)
    try:
        codes = [run("init", at=shop).code for _ in range(2)]
    finally:
        os.umask(before)

    assert codes == [0, 0]


@pytest.mark.usefixtures("_no_state")
def test_without_a_state_folder_the_commands_of_the_machine_say_so(shop):
    assert run("leases", "--json", at=shop).data["leases"] == []
    assert run("gc", at=shop).code == 0


def test_a_named_registry_that_cannot_be_written_has_no_substitute(shop, monkeypatch):
    monkeypatch.setenv("PORTCONF_REGISTRY", f"{os.devnull}/x/registry.sqlite3")

    done = run("init", at=shop)

    assert_refused(done, f"{os.devnull}/x/registry.sqlite3 cannot be written")
    assert list(shop.rglob("registry.sqlite3")) == []


def test_a_named_registry_that_can_only_be_read_has_no_substitute(
    state, shop, monkeypatch
):
    monkeypatch.setenv("PORTCONF_REGISTRY", str(state / "registry.sqlite3"))

    done = run_without_writing_to(state, "init", at=shop)

    assert_refused(done, "cannot be written")


@as_root
@pytest.mark.parametrize(("mode", "code"), [(0o770, 0), (0o750, 5), (0o777, 5)])
def test_a_named_registry_may_be_a_groups(mode, code, shop, tmp_path, monkeypatch):
    folder = tmp_path / "team"
    folder.mkdir()
    folder.chmod(mode)
    os.chown(folder, 65534, os.getegid())
    monkeypatch.setenv("PORTCONF_REGISTRY", str(folder / "registry.sqlite3"))

    assert run("init", at=shop).code == code


def test_a_registry_of_this_format_made_elsewhere_is_ours(registry, shop):
    registry.unlink()
    registry.touch(0o600)
    sql(registry, SCHEMA)
    with closing(sqlite3.connect(registry)) as database:
        assert database.execute("PRAGMA application_id").fetchone() == (MAGIC,)

    assert run("init", at=shop).code == 0
    assert ports(shop) == ["4000", "4001"]
