"""Who owns a listener, with processes of all kinds that own one."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from portconf.model import Protocol
from portconf.ownership import Listener, Process
from portconf.sockets import elsewhere, listening, owners, processes, user_name


linux = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
root = pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="needs to become another user"
)
NOBODY = 65534
# Listens, says its port, and stays until its standard input is closed.
SERVER = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""
# Nobody may not start this interpreter, so it becomes nobody.
BECOME = "import os, socket; os.setgid(65534); os.setuid(65534)\n"
# The same, with a child that has the socket too, as a server and its workers.
FORKED = """
import os, signal, socket, sys
server = socket.create_server(("127.0.0.1", 0))
child = os.fork()
if not child:
    signal.pause()
print(server.getsockname()[1], child, flush=True)
sys.stdin.read()
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
"""


@contextmanager
def server(
    *words, program: str = SERVER, **options
) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Start a server; yields it, and the numbers that it says."""
    running = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )
    with running:
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            yield running, [int(word) for word in running.stdout.readline().split()]
        finally:
            running.stdin.close()
            running.wait(timeout=30)


def the_listener(port: int) -> Listener:
    (found,) = listening([port])
    return found


def owner(port: int) -> Process | None:
    listener = the_listener(port)
    return owners([listener])[listener]


def test_a_server_is_known_by_number_user_command_folder_start_and_mark(tmp_path):
    env = {**os.environ, "PORTCONF_ROOT": "/home/you/shop"}
    with server("--name", "my shop", cwd=tmp_path, env=env) as (running, (port,)):
        found = owner(port)
        seen = psutil.Process(running.pid)

        assert found is not None
        assert found.pid == running.pid
        assert found.user == seen.username()
        assert found.started == pytest.approx(seen.create_time(), abs=1.5)

    assert found.mine
    assert found.command.startswith(f"{sys.executable} -I -S -c ")
    assert found.command.endswith(" --name 'my shop'")
    assert found.folder == str(tmp_path.resolve())
    assert not found.folder_gone
    assert found.marked == "/home/you/shop"


def test_psutil_says_the_same_of_a_process(tmp_path):
    env = {**os.environ, "PORTCONF_ROOT": "/home/you/shop"}
    with server("x y", cwd=tmp_path, env=env) as (running, (port,)):
        found = owner(port)
        other = elsewhere.process(running.pid)

    assert found is not None
    assert other is not None
    differing = [
        name
        for name in Process.__slots__
        if name != "started" and getattr(found, name) != getattr(other, name)
    ]
    assert differing == []
    assert found.started == pytest.approx(other.started, abs=1.5)
    assert elsewhere.process(running.pid) is None


def test_a_process_without_mark_has_none(tmp_path):
    with server(cwd=tmp_path) as (_, (port,)):
        found = owner(port)

    assert found is not None
    assert found.marked is None


@linux
def test_a_process_without_variables_has_the_mark_of_who_started_it(tmp_path):
    """As a Redis has, which writes its title over its variables."""
    start = "import os, sys; os.spawnve(os.P_WAIT, sys.executable, %r, {})"
    words = [sys.executable, "-I", "-S", "-c", SERVER]
    env = {**os.environ, "PORTCONF_ROOT": "/home/you/shop"}
    with server(program=start % words, cwd=tmp_path, env=env) as (_, (port,)):
        found = owner(port)

    assert found is not None
    assert found.marked == "/home/you/shop"


def test_each_listener_gets_its_own_owner():
    with (
        server() as (one, (first,)),
        server() as (two, (second,)),
        socket.create_server(("127.0.0.1", 0)) as mine,
    ):
        found = owners(listening([first, second, mine.getsockname()[1]]))
        pids = {each.port: who.pid for each, who in found.items() if who}

        assert pids == {
            first: one.pid,
            second: two.pid,
            mine.getsockname()[1]: os.getpid(),
        }


def test_two_sockets_of_one_process_have_one_owner():
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        ports = [each.getsockname()[1] for each in (one, two)]
        found = owners(listening(ports))

    assert [who.pid for who in found.values() if who] == [os.getpid()] * 2


def test_nobody_is_asked_about_nothing():
    assert owners([]) == {}


@linux
def test_a_socket_that_workers_share_is_the_servers_that_started_them():
    with server(program=FORKED) as (running, (port, child)):
        assert child != running.pid
        found = [owner(port) for _ in range(3)]

    assert [who.pid for who in found if who] == [running.pid] * 3


@linux
def test_a_worker_that_outlives_its_server_is_the_owner():
    with server(program=FORKED) as (running, (port, child)):
        running.kill()
        running.wait(timeout=30)
        try:
            found = owner(port)
        finally:
            os.kill(child, signal.SIGKILL)

    assert found is not None
    assert found.pid == child


@linux
def test_a_removed_folder_is_named_and_called_removed(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    with server(cwd=folder) as (_, (port,)):
        folder.rmdir()
        found = owner(port)

    assert found is not None
    assert found.folder == str(folder.resolve())
    assert found.folder_gone


@linux
def test_a_folder_that_is_named_like_a_removed_one_is_not_removed(tmp_path):
    folder = tmp_path / "shop (deleted)"
    folder.mkdir()
    with server(cwd=folder) as (_, (port,)):
        found = owner(port)

    assert found is not None
    assert found.folder == str(folder.resolve())
    assert not found.folder_gone


@linux
@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("a\nb\r\n\x1b[2Jc", "'a b  ?[2Jc'"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("x" * 100_000, "..."),
    ],
)
def test_any_command_line_is_shown_on_one_line(argument, shown):
    with server(argument, program="1;" + SERVER.replace("\n", ";").strip(";")) as (
        _,
        (port,),
    ):
        found = owner(port)

    assert found is not None
    assert found.command.isprintable()
    assert len(found.command) <= 200
    assert shown in found.command


@linux
@root
def test_a_process_of_another_user_is_not_mine_and_its_variables_are_not_read(
    tmp_path, monkeypatch
):
    read: list[str] = []
    real = processes._read

    def noted(path: str, most: int) -> bytes:
        read.append(path)
        return real(path, most)

    monkeypatch.setattr(processes, "_read", noted)
    env = {"PORTCONF_ROOT": "/home/you/shop"}
    with server(program=BECOME + SERVER, cwd=tmp_path, env=env) as (running, (port,)):
        listener = the_listener(port)
        found = owners([listener])[listener]

    assert listener.uid == NOBODY
    assert user_name(listener.uid) == "nobody"
    assert found is not None
    assert (found.pid, found.user, found.mine) == (running.pid, "nobody", False)
    assert found.marked is None
    assert not [path for path in read if path.endswith("environ")]


# Looks for the owner of a port as an ordinary user.
LOOK = """
import os, sys
sys.path[:0] = sys.argv[2:]
from portconf.sockets import listening, owners, user_name
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
(found,) = listening([int(sys.argv[1])])
print(owners([found])[found], user_name(found.uid), bool(found.inode))
"""


@linux
@root
def test_a_process_that_is_hidden_is_none_and_its_user_is_told():
    import portconf

    place = str(Path(portconf.__file__).parents[1])
    with socket.create_server(("127.0.0.1", 0)) as mine:
        port = str(mine.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-c", LOOK, port, place],
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.stdout == f"None {user_name(os.getuid())} True\n", done.stderr


def test_a_process_that_has_ended_is_none():
    with server() as (_, (port,)):
        listener = the_listener(port)

    assert owners([listener]) == {listener: None}


@linux
def test_a_process_that_ends_while_it_is_read_is_none(monkeypatch):
    real = processes.process
    with server() as (running, (port,)):
        listener = the_listener(port)

        def read_late(pid):
            found = real(pid)
            running.kill()
            running.wait(timeout=30)
            return found

        monkeypatch.setattr(processes, "process", read_late)

        assert owners([listener]) == {listener: None}


def test_a_listener_whose_process_is_known_needs_no_search():
    with server() as (running, (port,)):
        told = Listener(
            port=port, protocol=Protocol.TCP, address="127.0.0.1", pid=running.pid
        )
        found = owners([told])[told]

    assert found is not None
    assert found.pid == running.pid


def test_a_user_without_name_is_shown_by_number():
    assert user_name(4_000_000_000) == "4000000000"
    assert user_name(None) is None


@linux
@pytest.mark.parametrize(
    ("stat", "expected"),
    [
        (b"7 (a) b) (c) S 1 " + b"0 " * 17 + b"300 0 0", ("a) b) (c", 1, 300)),
        (b"7 (x) S 1 0", ValueError),
        (b"", ValueError),
    ],
)
def test_a_process_may_have_any_name(stat, expected, tmp_path, monkeypatch):
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_bytes(stat)
    monkeypatch.setattr(processes, "_PROC", str(tmp_path))

    if expected is ValueError:
        with pytest.raises(ValueError, match="no start"):
            processes._stat(7)
        assert processes.process(7) is None
        assert processes.parent(7) is None
    else:
        name, fields = processes._stat(7)
        started = int(fields[processes._START])
        assert (name, processes.parent(7), started) == expected


@linux
@root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_a_folder_of_a_container_is_not_taken_for_one_of_ours(tmp_path):
    """The path is the same, the folder behind it is another."""
    shop = tmp_path / "shop"
    shop.mkdir()
    script = 'mount -t tmpfs none "$1" && cd "$1" && exec "$2" -I -S -c "$3"'
    with subprocess.Popen(
        ["unshare", "-m", "sh", "-c", script, "-", shop, sys.executable, SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        line = running.stdout.readline()
        found = owner(int(line)) if line else None
        running.stdin.close()
        running.wait(timeout=30)
    if not line:
        pytest.skip("needs mount namespaces")

    assert found is not None
    assert found.folder is None
    assert not found.folder_gone
