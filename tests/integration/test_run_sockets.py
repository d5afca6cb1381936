"""`portconf run` with ports that are held, and with sockets that are handed over."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, closing, contextmanager, suppress
from importlib.util import find_spec
from typing import Any

import pytest
from capability import needs
from checkouts import Checkout, server

import portconf
from portconf import ForeignListenerError, PortInUseError, sockets
from portconf.model import Protocol
from portconf.sockets import Bindable, holding as holding_sockets


pytestmark = [
    needs("git"),
    pytest.mark.skipif(sys.platform != "linux", reason="needs silent sockets of Linux"),
]
V4, V6 = socket.AF_INET, socket.AF_INET6
ADDRESSES = ((V4, "127.0.0.1"), (V4, "127.0.0.2"), (V6, "::1"))
# Every address would be reached from other machines: bound only, for a moment.
EVERY = (*ADDRESSES, (V4, "0.0.0.0"), (V6, "::"))  # noqa: S104


def listens(address: tuple[Any, str], port: int, *, reuse: bool) -> bool:
    """Tell whether a server could be started on an address at this moment."""
    family, host = address
    with socket.socket(family) as found:
        if reuse:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, port))
            if address in ADDRESSES:
                found.listen()
        except OSError:
            return False
    return True


def started(at: Checkout, *words: str) -> list[str]:
    return [sys.executable, "-m", "portconf", "-C", str(at.root), "run", *words]


@contextmanager
def running(
    at: Checkout, *words: str, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """Start `portconf run`, and end what it has become when the block ends."""
    with subprocess.Popen(
        started(at, *words),
        cwd=at.root,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # with its workers; or it has ended
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def holding(at: Checkout, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Let a command run that says that it has begun, and does nothing."""
    with running(at, *words, "--", "sh", "-c", "echo up; read x") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n", process.communicate()[1]
        yield process


def await_listener(port: int, process: subprocess.Popen[str]) -> None:
    """Wait for a listener without a bind, which would be in its way."""
    until = time.monotonic() + 30
    while not sockets.listening([port]):
        assert time.monotonic() < until
        assert process.poll() is None, process.communicate()


def ran(at: Checkout, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        started(at, *words),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# Which sockets a command has, in the order of their descriptors.
SHOW = """
import json, os, socket
found = []
for number in range(3, 100):
    try:
        one = socket.socket(fileno=number)
    except OSError:
        continue
    if one.family != socket.AF_UNIX:
        listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        found.append([number, *one.getsockname()[:2], one.type.name, bool(listens)])
    one.detach()
told = {k: v for k, v in os.environ.items() if k.startswith("LISTEN_")}
print(json.dumps([found, told, os.getpid()]))
"""


def shown(at: Checkout, *words: str) -> tuple[list[list[Any]], dict[str, str], int]:
    done = ran(at, *words, "--", sys.executable, "-S", "-c", SHOW)
    assert done.returncode == 0, done
    found, told, pid = json.loads(done.stdout)
    return found, told, pid


def test_held_ports_are_kept_from_plain_binds_and_left_to_servers(shop, base):
    shop.init()

    with holding(shop, "--hold"):
        plain = {each: listens(each, base, reuse=False) for each in EVERY}
        servers = {each: listens(each, base, reuse=True) for each in EVERY}

    assert plain == dict.fromkeys(EVERY, False)
    assert servers == dict.fromkeys(EVERY, True)


def test_a_held_port_accepts_nobody_and_is_no_listener(shop, base):
    shop.init()

    with holding(shop, "--hold"), socket.socket() as client:
        with pytest.raises(ConnectionRefusedError):
            client.connect(("127.0.0.1", base))
        state = shop.run("status", "--json").data["services"][0]["state"]

    assert state == "free"


def test_the_hold_ends_with_the_command(shop, base):
    shop.init()
    with holding(shop, "--hold"):
        assert sockets.bindable(base) is Bindable.HELD

    assert sockets.bindable(base) is Bindable.FREE


def test_what_is_held_lies_out_of_the_way(shop, base):
    found, told, _ = shown(shop, "--hold")

    ports = [base + n for n in range(3) for _ in range(2)]
    assert [row[2] for row in found] == ports
    assert [row[1] for row in found] == ["0.0.0.0", "::"] * 3  # noqa: S104
    assert min(row[0] for row in found) >= 64
    assert not any(row[4] for row in found)
    assert told == {}


def test_shared_services_and_those_of_udp_are_not_held(shop, base):
    shop.declare(
        f"[tool.portconf]\nbase-port = {base}\n[tool.portconf.services]\n"
        "web = ''\ndb = { shared = true }\nqueue = { protocol = 'udp' }\n"
    )

    done = ran(shop, "--hold", "--", "true")
    found, _, _ = shown(shop, "--hold")

    assert {row[2] for row in found} == {base}
    assert done.stderr == (
        "portconf: queue is not held: a socket of UDP would get its packets\n"
    )


# A server as a child, in the two ways in which descriptors are handed down.
CHILD = """
import os, socket, subprocess, sys
serve = '''
import os, socket
one = socket.create_server(("127.0.0.1", int(os.environ["WEB_PORT"])))
print("up", flush=True)
one.accept()[0].sendall(b"child")
'''
if sys.argv[1] == "fork":
    if not os.fork():
        exec(serve)
        sys.exit()
    os.wait()
else:
    subprocess.run([sys.executable, "-S", "-c", serve])
"""


@pytest.mark.parametrize("how", ["fork", "subprocess"])
def test_a_child_of_the_command_serves_on_a_held_port(shop, base, how):
    command = (sys.executable, "-S", "-c", CHILD, how)
    with running(shop, "--hold", "--", *command) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n", process.communicate()[1]
        refused = not listens((V4, "127.0.0.1"), base, reuse=True)

        with socket.create_connection(("127.0.0.1", base)) as client:
            said = client.recv(9)

    assert said == b"child"
    assert refused


def test_what_our_own_checkout_has_already_is_left_alone(shop, base):
    shop.init()

    with server(base, at=shop.root) as pid, holding(shop, "--hold") as process:
        free = listens((V4, "127.0.0.1"), base + 1, reuse=False)
        again = ran(shop, "--hold", "--", "true")
        said = process.communicate("\n", timeout=60)[1]

    assert not free
    assert f"portconf: web is not held: pid {pid} (" in said
    assert again.returncode == 0
    assert f"portconf: db is not held: pid {process.pid} (sh -c" in again.stderr


@pytest.mark.parametrize("words", [["--hold"], ["--pass-sockets", "web"]])
@pytest.mark.parametrize("does", ["listen", "bind"])
def test_what_somebody_else_has_is_refused_with_who_it_is(
    shop, base, tmp_path, words, does
):
    shop.init()

    with server(base, at=tmp_path, does=does) as pid:
        done = ran(shop, *words, "--", "echo", "never")
        kept = listens((V4, "127.0.0.1"), base + 1, reuse=False)

    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith(f"portconf: port {base} of 'web' ")
    assert f"pid {pid} (" in done.stderr
    assert f"stop it: kill {pid}" in done.stderr
    assert ("is somebody else's" in done.stderr) == (does == "listen")
    assert kept


def test_a_port_that_our_own_server_has_cannot_be_handed_over(shop, base):
    shop.init()

    with server(base, at=shop.root) as pid:
        done = ran(shop, "--pass-sockets", "web", "--", "echo", "never")

    assert (done.returncode, done.stdout) == (125, "")
    assert f"port {base} of 'web' cannot be bound: pid {pid} (" in done.stderr


def test_remains_of_connections_are_in_nobodys_way(shop, base):
    shop.init()
    with socket.create_server(("127.0.0.1", base)) as listener:
        client = socket.create_connection(("127.0.0.1", base))
        listener.accept()[0].close()  # who closes first, waits
        client.close()
    assert sockets.bindable(base) is Bindable.WAITING

    done = ran(shop, "--hold", "--pass-sockets", "web", "--", "true")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [["--hold"], ["--pass-sockets", "web"]])
def test_where_no_file_can_be_opened_the_limit_is_named(shop, words):
    script = 'ulimit -n 32; exec "$@"'
    command = started(shop, *words, "--", "echo", "never")

    done = subprocess.run(
        ["sh", "-c", script, "sh", *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("portconf: the ports cannot be held or handed over: ")
    assert "more open files: 'ulimit -n'" in done.stderr


def test_sockets_are_handed_over_in_the_order_of_the_words(shop, base):
    found, told, pid = shown(shop, "--pass-sockets", "queue", "web")

    assert [row for row in found if row[0] < 64] == [
        [3, "127.0.0.1", base + 2, "SOCK_STREAM", True],
        [4, "127.0.0.1", base, "SOCK_STREAM", True],
    ]
    assert told == {
        "LISTEN_FDS": "2",
        "LISTEN_FDNAMES": "queue:web",
        "LISTEN_PID": str(pid),
    }


def test_nobody_gets_beside_a_socket_that_is_handed_over(shop, base):
    shop.init()

    with holding(shop, "--pass-sockets", "web", "--pass-sockets", "db"):
        servers = {
            (each, port): listens(each, port, reuse=True)
            for each in EVERY
            for port in (base, base + 1)
        }
        free = listens((V4, "127.0.0.1"), base + 2, reuse=False)

    assert not any(servers.values())
    assert free


def test_a_service_of_udp_gets_a_socket_that_receives(shop, base):
    shop.declare(
        f"[tool.portconf]\nbase-port = {base}\n[tool.portconf.services]\n"
        "web = { protocol = 'udp' }\n"
    )
    shop.init()  # or the packet may meet the probe that a new lease is tried with
    say = "import socket; print(socket.socket(fileno=3).recv(9).decode())"
    words = ("--pass-sockets", "web", "--", sys.executable, "-S", "-c", say)
    with running(shop, *words) as process, socket.socket(V4, socket.SOCK_DGRAM) as us:
        await_listener(base, process)
        us.sendto(b"packet", ("127.0.0.1", base))

        assert process.communicate(timeout=60)[0] == "packet\n"


def test_numbers_in_the_command_are_filled_in(shop, base):
    words = ["{port:db}", "{fd:web}", "{}", "{fd:db},{fd:db}"]

    done = ran(shop, "--pass-sockets", "db", "web", "--", "echo", *words)

    assert done.stdout == f"{base + 1} 4 {{}} 3,3\n"


def test_ports_are_filled_in_without_any_socket(shop, base):
    assert ran(shop, "--", "echo", "{port:web}").stdout == f"{base}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--", "x", "{port:wbe}"], "{port:wbe} names no service; did you mean 'web'?"),
        (
            ["--", "x", "{fd:web}"],
            "{fd:web} names a service whose socket is not handed",
        ),
        (["--pass-sockets", "wbe", "--", "x"], "no service is named 'wbe'; did you me"),
        (["--pass-sockets", "--", "x"], "--pass-sockets"),
    ],
)
def test_what_cannot_be_meant_is_refused(shop, words, message):
    shop.init()

    done = shop.run("run", *words)

    assert done.code == (2 if words[1] == "--" else 125)
    assert done.err.startswith("portconf: ")
    assert message in done.err


def test_a_shared_service_is_handed_over_in_the_main_checkout_only(shop, base):
    shop.declare(
        f"[tool.portconf]\nbase-port = {base}\n[tool.portconf.services]\n"
        "web = { shared = true }\n"
    )
    shop.git("commit", "-qam", "shared")
    tree = shop.worktree("../tree")
    shop.init()

    here, there = (
        ran(at, "--pass-sockets", "web", "--", "true") for at in (shop, tree)
    )

    assert (here.returncode, here.stderr) == (0, "")
    assert there.returncode == 125
    assert "'web' is shared: the main checkout's server has its port" in there.stderr


def test_another_system_says_what_it_cannot(shop, monkeypatch):
    shop.init()
    # The package's own first: it would remember the patched one for good.
    monkeypatch.setattr("portconf.sockets.can_hold", lambda: False)
    monkeypatch.setattr("portconf.sockets.holding.can_hold", lambda: False)

    done = shop.run("run", "--hold", "--", "never")

    assert done.code == 125
    assert "this system cannot hold a port" in done.err


# A service manager that has handed a socket over to the process itself, or to another.
MANAGED = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid() + int(sys.argv[1]))
os.environ |= {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "outer"}
os.execv(sys.executable, [sys.executable, "-m", "portconf", "run", *sys.argv[2:]])
"""


def managed(at: Checkout, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-S", "-c", MANAGED, *words],
        cwd=at.root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str]) -> Mapping[str, str]:
    pairs = (line.partition("=")[::2] for line in done.stdout.splitlines())
    return {name: value for name, value in pairs if name.startswith("LISTEN_")}


def test_sockets_of_an_outer_service_manager_go_to_the_command(shop):
    done = managed(shop, "0", "--", "env")

    assert told(done).keys() == {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}


def test_what_an_outer_service_manager_told_another_process_does_not_leak_in(shop):
    assert told(managed(shop, "1", "--", "env")) == {}


def test_sockets_of_two_hands_are_refused(shop):
    done = managed(shop, "0", "--pass-sockets", "web", "--", "env")

    assert (done.returncode, done.stdout) == (125, "")
    assert "handed over to this command already" in done.stderr


def test_a_command_that_is_missing_is_127_with_sockets_too(shop):
    done = ran(shop, "--hold", "--pass-sockets", "web", "--", "no-such-command")

    assert done.returncode == 127
    assert "cannot run 'no-such-command'" in done.stderr


ADOPT = """
import os, portconf
os.chdir("/")
for _ in range(2):
    with portconf.listen("web") as one:
        print(one.fileno() > 3, one.getsockname()[1], flush=True)
one = portconf.listen("web")
one.accept()[0].sendall(b"adopted")
"""


def test_listen_adopts_what_was_handed_over_as_often_as_it_is_asked(shop, base):
    command = (sys.executable, "-c", ADOPT)
    with running(shop, "--pass-sockets", "db", "web", "--", *command) as process:
        await_listener(base, process)
        with socket.create_connection(("127.0.0.1", base), timeout=30) as client:
            assert client.recv(9) == b"adopted"
        said = process.communicate(timeout=60)

    assert said == (f"True {base}\n" * 2, "")


def test_listen_binds_where_nothing_was_handed_over(shop, base):
    shop.init()

    with chdir(shop.root), portconf.listen("web") as found:
        socket.create_connection(("127.0.0.1", base)).close()

        assert found.getsockname() == ("127.0.0.1", base)
    assert listens((V4, "127.0.0.1"), base, reuse=True)


def test_listen_tells_who_listens_already(shop, base, tmp_path):
    shop.init()

    with (
        server(base, at=tmp_path) as other,
        server(base + 1, at=shop.root) as own,
        chdir(shop.root),
    ):
        with pytest.raises(ForeignListenerError) as foreign:
            portconf.listen("web")
        with pytest.raises(PortInUseError) as ours:
            portconf.listen("db")

    assert f"port {base} of 'web' is somebody else's: pid {other}" in str(foreign.value)
    assert f"pid {own} (" in str(ours.value)
    assert ours.value.details() == {"ports": [base + 1]}


def test_listen_refuses_a_descriptor_that_is_no_socket(monkeypatch):
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "9999")
    monkeypatch.setenv("LISTEN_FDNAMES", ":" * 9000 + "web")

    with pytest.raises(portconf.PortconfError, match="is no open socket"):
        portconf.listen("web")


def test_one_refused_port_leaves_none_bound(base):
    ports = dict.fromkeys((base, base + 1), Protocol.TCP)
    with socket.create_server(("127.0.0.1", base + 1)):
        held, refused = sockets.hold(ports)

    assert refused == {base + 1: Bindable.LISTENING}
    assert (held.silent, held.listening) == ((), {})
    assert sockets.bindable(base) is Bindable.FREE


def quick(
    monkeypatch: pytest.MonkeyPatch, moment: str, tries: Callable[[], object]
) -> None:
    """Let somebody try just before, or just after, a port gets its server."""
    serve = holding_sockets.serve

    def served(port: int, protocol: Protocol) -> socket.socket:
        if moment == "before":
            tries()
        made = serve(port, protocol)
        if moment == "after":
            tries()
        return made

    monkeypatch.setattr("portconf.sockets.serve", served)  # which is remembered first
    monkeypatch.setattr(holding_sockets, "serve", served)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("address", [(V4, "127.0.0.2"), (V6, "::1")])
def test_nobody_listens_beside_a_server_who_came_while_it_was_made(
    base, monkeypatch, address, moment
):
    family, host = address
    with socket.socket(family) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        came: list[int] = []

        def tries() -> None:
            with suppress(OSError):
                other.bind((host, base))
                other.listen()
                came.append(base)

        quick(monkeypatch, moment, tries)
        held, refused = sockets.hold({base: Protocol.TCP}, listen=[base])
        held.close()

    # On ::1 there is no such moment; of who has met it on IPv4 we know.
    assert came == ([base] if family == V4 else [])
    assert [*refused] == came
    assert sockets.bindable(base) is Bindable.FREE


def test_who_has_bound_while_a_server_was_made_never_listens(base, monkeypatch):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        quick(monkeypatch, "after", lambda: other.bind(("127.0.0.2", base)))
        held, refused = sockets.hold({base: Protocol.TCP}, listen=[base])

        with closing(held):
            assert refused == {}
            with pytest.raises(OSError, match="in use"):
                other.listen()


def test_a_port_that_another_holds_in_the_same_way_is_refused(base):
    ports = {base: Protocol.TCP}
    held, _ = sockets.hold(ports)

    with closing(held):
        again = sockets.hold(ports)[1]

    assert again == {base: Bindable.HELD}
    assert sockets.bindable(base) is Bindable.FREE


WSGI = """
def app(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"served"]
"""
ASGI = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        head = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b"served"})
"""
STANDARD = """
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"served")
server = HTTPServer(("", 0), Handler, bind_and_activate=False)
server.socket = socket.socket(fileno=3)
server.serve_forever()
"""
NODE = """
require("http").createServer((_, answer) => answer.end("served")).listen({fd: 3});
"""


def module(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not find_spec(name), reason=f"needs the package {name}")


PYTHON = sys.executable
SERVERS = [
    pytest.param(
        [PYTHON, "-m", "uvicorn", "--fd", "{fd:web}", "asgi:app"],
        marks=module("uvicorn"),
        id="uvicorn",
    ),
    pytest.param(
        [PYTHON, "-m", "uvicorn", "--workers=2", "--fd={fd:web}", "asgi:app"],
        marks=module("uvicorn"),
        id="uvicorn, 2 workers",
    ),
    pytest.param(
        [PYTHON, "-m", "gunicorn", "wsgi:app"],
        marks=module("gunicorn"),
        id="gunicorn by LISTEN_FDS",
    ),
    pytest.param(
        # With both it takes the socket twice, and fails.
        [
            *("env", "-u", "LISTEN_FDS", PYTHON),
            *("-m", "gunicorn", "-b", "fd://{fd:web}", "wsgi:app"),
        ],
        marks=module("gunicorn"),
        id="gunicorn by number",
    ),
    pytest.param(
        [PYTHON, "-m", "hypercorn", "-b", "fd://{fd:web}", "asgi:app"],
        marks=module("hypercorn"),
        id="hypercorn",
    ),
    pytest.param([PYTHON, "-S", "-c", STANDARD], id="http.server"),
    pytest.param(["node", "-e", NODE], marks=needs("node"), id="node"),
]


@pytest.mark.parametrize("command", SERVERS)
def test_a_server_answers_on_the_socket_that_it_was_handed(shop, base, command):
    (shop.root / "asgi.py").write_text(ASGI, encoding="utf-8")
    (shop.root / "wsgi.py").write_text(WSGI, encoding="utf-8")
    shop.init()

    with running(shop, "--pass-sockets", "web", "--", *command) as process:
        # Who comes before the server waits, and is not refused.
        await_listener(base, process)
        url = f"http://127.0.0.1:{base}/"
        with urllib.request.urlopen(url, timeout=60) as answer:
            body = answer.read()

    assert body == b"served"
