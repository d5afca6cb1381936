"""Real requests through the real programs, to servers that say who they are."""

import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import views
from answerers import answering
from balancers import BALANCERS, REFUSED, Balancer, declared, got, named, status
from checkouts import free_ports
from patience import until
from servers import needs_address

from portconf import formats
from portconf.model import Endpoint
from portconf.views import View


Run = Callable[[View, str], AbstractContextManager[int]]
EVERY = pytest.mark.parametrize("balancer", BALANCERS)
ACTIVE = pytest.mark.parametrize(
    "balancer", [each for each in BALANCERS if not str(each.id).startswith("nginx")]
)


# Of Go's templates, of Caddy's and of HAProxy's variables, and for the next line.
FOLDER = '/home/you/{{ nothing }}{$HOME}%[x]\n}"`\\' + "/é" * 1000 + "'"


def view(*endpoints: Endpoint, others: tuple[Endpoint, ...] = ()) -> View:
    """Return a view of the main checkout, and of another one with ``others``."""
    fix = views.site(*others, root="/home/you/fix", branch="fix", instance=2)
    return declared(views.site(*endpoints, root=FOLDER), *([fix] if others else []))


@pytest.fixture
def serve(balancer: Balancer, tmp_path: Path) -> Run:
    """Serve a view, waiting for a host of it; the block's value is the port."""

    @contextmanager
    def run(given: View, host: str) -> Iterator[int]:
        port = free_ports(1)
        files = formats.load(balancer.name).render(replace(given, listen=port))
        folder = tmp_path / "balancer"
        balancer.put(files, folder, port=port)
        with balancer.running(folder, port=port, host=host):
            yield port

    return run


def who(port: int, host: str) -> str:
    """Return the name of the server that answered."""
    return got(port, host).partition("\r\n\r\n")[2].partition("\n")[0]


def answers(port: int, host: str, name: str) -> bool:
    return who(port, host) == name


@EVERY
def test_each_worktree_answers_to_its_own_name(balancer, shop, tmp_path):
    fix = shop.worktree("../fix")
    shop.init()
    fix.init()
    port, folder = free_ports(1), tmp_path / "balancer"

    done = shop.run(
        *("export", "--format", balancer.name, "--output", str(folder)),
        *("--all-checkouts", "--listen", str(port)),
    )

    assert done.code == 0, done
    files = {
        each.name: each.read_text(encoding="utf-8") for each in folder.glob("[!.]*")
    }
    balancer.put(files, folder, port=port)
    with (
        answering(named("main"), port=shop.port()),
        answering(named("fix"), port=fix.port()),
        balancer.running(folder, port=port, host="web.main.shop.localhost"),
    ):
        assert who(port, "web.main.shop.localhost") == "main"
        assert who(port, f"WEB.fix.shop.localhost:{port}") == "fix"
        assert {who(port, "web.shop.localhost") for _ in range(8)} == {"main", "fix"}


@EVERY
def test_a_server_that_stops_is_left_out_of_the_common_name(serve):
    first, second = (views.endpoint("web", free_ports(1)) for _ in range(2))
    with (
        ExitStack() as running,
        answering(named("second"), port=second.port),
    ):
        running.enter_context(answering(named("first"), port=first.port))
        with serve(view(first, others=(second,)), "web.shop.localhost") as port:
            for name in ("first", "second"):
                until(partial(answers, port, "web.shop.localhost", name))

            running.close()

            seen = {who(port, "web.shop.localhost") for _ in range(12)}
            assert seen == {"second"}
            assert status(port, "web.main.shop.localhost") in {502, 503}


@ACTIVE
def test_a_server_that_says_it_is_unwell_is_left_out_until_it_is_well(serve):
    path = "/well?a='b'&c=$HOME;d,{e}#f"
    sick = True
    asked = []

    def unhealthy(path: str) -> bool:
        asked.append(path)
        return sick and path != "/"

    first, second = (
        views.endpoint("web", free_ports(1), health=path) for _ in range(2)
    )
    with (
        answering(named("first", unhealthy=unhealthy), port=first.port),
        answering(named("second"), port=second.port),
        serve(view(first, others=(second,)), "web.shop.localhost") as port,
    ):
        until(lambda: {who(port, "web.shop.localhost") for _ in range(8)} == {"second"})
        assert who(port, "web.main.shop.localhost") == "first"  # for people to look at

        sick = False

        until(lambda: who(port, "web.shop.localhost") == "first")
        assert {*asked} == {"/", "/well?a='b'&c=$HOME;d,%7Be%7D"}


@EVERY
def test_a_server_that_is_started_anew_is_there_at_once(serve):
    web = views.endpoint("web", free_ports(1))
    with serve(view(web), "web.shop.localhost") as port:
        assert status(port, "web.shop.localhost") in {502, 503}

        with answering(named("main"), port=web.port):
            until(lambda: status(port, "web.shop.localhost") == 200, within=8)


@EVERY
def test_no_name_but_ours_is_served(serve):
    web = views.endpoint("web", free_ports(1))
    database = views.endpoint("db", free_ports(1), scheme="postgresql")
    with (
        answering(named("main"), port=web.port),
        answering(named("database"), port=database.port),
        serve(view(web, database), "web.shop.localhost") as port,
    ):
        for host in (
            *("evil.example", "localhost", f"127.0.0.1:{port}", "shop.localhost"),
            *("db.shop.localhost", "web.shop.localhost.evil.example", "REFUSED"),
            *("x.web.shop.localhost", "web.shop.localhos", "portconf"),
            *("evil.example,web.shop.localhost", "web.shop.localhost,evil.example"),
        ):
            assert status(port, host) in {400, *REFUSED}, host


@EVERY
def test_a_name_with_the_dot_of_the_root_is_the_same_name(serve):
    web = views.endpoint("web", free_ports(1))
    with (
        answering(named("main"), port=web.port),
        serve(view(web), "web.shop.localhost") as port,
    ):
        assert who(port, "web.shop.localhost.") == "main"
        assert who(port, f"Web.Shop.localhost.:{port}") == "main"
        assert status(port, "web.shop.localhost..") in {400, *REFUSED}


@EVERY
def test_the_server_learns_what_was_asked_for_and_by_whom(serve):
    web = views.endpoint("web", free_ports(1))
    with (
        answering(named("main"), port=web.port),
        serve(view(web), "web.shop.localhost") as port,
    ):
        forged = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: evil.example\r\n"
        forged += "X-Real-IP: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n"

        answer = got(port, f"web.shop.localhost:{port}", path="/a%2Fb?c=d", more=forged)

    seen = answer.partition("\r\n\r\n")[2].splitlines()
    headers = {
        name.lower(): value
        for name, _, value in (line.partition(": ") for line in seen[2:])
    }
    assert seen[1] == "GET /a%2Fb?c=d HTTP/1.1"
    assert headers["host"] == f"web.shop.localhost:{port}"
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == "127.0.0.1"
    assert "forwarded" not in headers
    assert headers["x-forwarded-host"] == f"web.shop.localhost:{port}"
    assert headers["x-forwarded-proto"] == "http"


def answer_head(client: socket.socket) -> bytes:
    """Return what comes up to the empty line, and leave the rest."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = client.recv(1)
        assert part, head
        head += part
    return head


@EVERY
def test_a_websocket_passes(serve):
    web = views.endpoint("web", free_ports(1))

    def echo(client: socket.socket) -> None:
        head = client.recv(65536).decode().lower()
        if "upgrade: websocket" not in head:
            client.sendall(b"HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n")
            return
        assert re.search(r"connection: .*upgrade", head)
        client.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
        )
        while part := client.recv(65536):
            client.sendall(part.upper())

    with (
        answering(echo, port=web.port),
        serve(view(web), "web.shop.localhost") as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as client,
    ):
        client.sendall(
            b"GET /ws HTTP/1.1\r\nHost: web.shop.localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert answer_head(client).startswith(b"HTTP/1.1 101 ")
        for word in (b"one", b"two"):
            client.sendall(word)
            assert client.recv(len(word), socket.MSG_WAITALL) == word.upper()


@EVERY
def test_an_event_is_there_before_the_next_one_is_sent(serve):
    web, seen = views.endpoint("web", free_ports(1)), threading.Event()

    def events(client: socket.socket) -> None:
        if b" /events " not in client.recv(65536):
            client.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n")
            return
        client.sendall(
            b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n"
            b"Connection: close\r\n\r\ndata: one\n\n"
        )
        if seen.wait(10):
            client.sendall(b"data: two\n\n")

    with (
        answering(events, port=web.port),
        serve(view(web), "web.shop.localhost") as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as client,
    ):
        client.sendall(b"GET /events HTTP/1.1\r\nHost: web.shop.localhost\r\n\r\n")
        answer = b""
        while b"data: one\n\n" not in answer:
            answer += client.recv(65536)
        seen.set()
        while b"data: two\n\n" not in answer:
            answer += client.recv(65536)


@EVERY
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_server_on_one_address_is_reached_every_time(serve, address):
    needs_address(address)
    web = views.endpoint("web", free_ports(1))
    with (
        answering(named("main"), on=address, port=web.port),
        serve(view(web), "web.shop.localhost") as port,
        ThreadPoolExecutor(10) as pool,
    ):
        hosts = ["web.shop.localhost"] * 100
        assert {*pool.map(partial(status, port), hosts)} == {200}


@pytest.mark.parametrize(
    "balancer", [each for each in BALANCERS if each.id != "traefik"]
)
def test_it_listens_on_both_addresses_of_the_machine_and_no_other(serve):
    needs_address("::1")
    web = views.endpoint("web", free_ports(1))
    with (
        answering(named("main"), port=web.port),
        serve(view(web), "web.shop.localhost") as port,
    ):
        assert status(port, "web.shop.localhost", on="::1") == 200
        with pytest.raises(ConnectionRefusedError):
            status(port, "web.shop.localhost", on="127.0.0.2")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """What a server needs whose certificate nobody has signed, for another name."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", "/CN=elsewhere.example", "-keyout", path, "-out", path),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@EVERY
def test_servers_with_a_certificate_of_their_own_are_reached_over_tls(serve, tls):
    first, second = (
        views.endpoint("web", free_ports(1), scheme="https", health="/")
        for _ in range(2)
    )

    def secure(name: str) -> Callable[[socket.socket], None]:
        def answer(client: socket.socket) -> None:
            with tls.wrap_socket(client, server_side=True) as wrapped:
                named(name)(wrapped)

        return answer

    with (
        answering(secure("first"), port=first.port),
        answering(secure("second"), port=second.port),
        serve(view(first, others=(second,)), "web.shop.localhost") as port,
    ):
        assert who(port, "web.fix.shop.localhost") == "second"
        for name in ("first", "second"):
            until(partial(answers, port, "web.shop.localhost", name))
