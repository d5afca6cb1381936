"""One question to one endpoint, asked of real sockets."""

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import views
from answerers import Answer, answering, endless, said, silent, status
from patience import gone
from servers import needs_address

from portconf import probes
from portconf.addressing.targets import Target
from portconf.health import Reach, Seen
from portconf.model import Protocol, Service
from portconf.probes.command import Command
from portconf.probes.http import Http
from portconf.probes.protocol import Probe
from portconf.probes.tcp import Tcp, itself
from portconf.probes.udp import Udp


HERE = "127.0.0.1"
OK = status(200)


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that is bound, so that nobody else listens on it meanwhile."""
    with socket.socket() as kept:
        kept.bind((HERE, 0))
        yield kept.getsockname()[1]


def http(answer: Answer, path: str = "/healthz", *, timeout: float = 10.0) -> Seen:
    with answering(answer) as port:
        return Http(HERE, port, path=path).ask(timeout=timeout)


def command(*words: str, at: Path, timeout: float = 10.0, **variables: str) -> Seen:
    environment = {"PATH": os.environ["PATH"], **variables}
    probe = Command(words, folder=str(at), environment=environment)
    return probe.ask(timeout=timeout)


def cut_soon(probe: Probe, when: threading.Event) -> threading.Thread:
    def cut() -> None:
        assert when.wait(10)
        probe.cut()

    thread = threading.Thread(target=cut)
    thread.start()
    return thread


# TCP.


@pytest.mark.parametrize("address", [HERE, "::1"])
def test_a_server_that_accepts_is_healthy(address):
    needs_address(address)

    with answering(silent, on=address) as port:
        seen = Tcp(address, port).ask(timeout=10)

    assert seen == Seen(reach=Reach.HEALTHY, text="accepts connections")


def test_a_port_without_a_listener_refuses():
    with closed_port() as port:
        seen = Tcp(HERE, port).ask(timeout=10)

    assert seen == Seen(reach=Reach.CLOSED, text="connection refused")


def test_an_address_that_the_host_lacks_is_told_apart():
    # Of the range for documentation, which no host has.
    seen = Tcp("2001:db8::1", 4000).ask(timeout=0.5)

    assert seen.reach in (Reach.NOWHERE, Reach.SILENT, Reach.WRONG)


@pytest.mark.skipif(sys.platform != "linux", reason="others refuse instead")
def test_a_full_backlog_is_no_answer_in_time():
    with socket.create_server((HERE, 0), backlog=0) as server:
        name = server.getsockname()
        first, second = socket.create_connection(name), socket.socket()
        second.settimeout(0)
        second.connect_ex(name)

        with first, second:
            seen = Tcp(HERE, name[1]).ask(timeout=0.2)

    assert seen == Seen(reach=Reach.SILENT, text="no connection within 0.2 s")


@pytest.mark.skipif(sys.platform != "linux", reason="others have no such connection")
def test_a_connection_to_itself_is_not_a_server():
    with socket.socket() as made:
        made.bind((HERE, 0))
        made.connect(made.getsockname())

        assert itself(made)


def test_a_connection_to_a_server_is_not_one_to_itself():
    with (
        answering(silent) as port,
        socket.create_connection((HERE, port)) as made,
    ):
        assert not itself(made)


# UDP.


@pytest.mark.parametrize("address", [HERE, "::1"])
def test_a_udp_socket_is_healthy(address):
    needs_address(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.bind((address, 0))
        seen = Udp(server.getsockname()[1]).ask(timeout=1)

    assert seen == Seen(reach=Reach.HEALTHY, text=f"a UDP socket on {address}")


def test_a_tcp_server_is_no_udp_socket():
    with answering(silent) as port:
        seen = Udp(port).ask(timeout=1)

    assert seen == Seen(reach=Reach.CLOSED, text="no UDP socket")


# HTTP.


@pytest.mark.parametrize("number", [200, 204, 301, 302, 399])
def test_success_and_redirect_are_healthy(number):
    seen = http(said(status(number, "Location: http://192.0.2.1/")))

    assert seen == Seen(reach=Reach.HEALTHY, text=f"HTTP {number} from /healthz")


@pytest.mark.parametrize("number", [400, 404, 500, 503])
def test_every_other_status_is_not(number):
    seen = http(said(status(number)))

    assert seen == Seen(reach=Reach.WRONG, text=f"HTTP {number} from /healthz")


def test_a_continue_before_the_answer_is_not_the_answer():
    seen = http(said(b"HTTP/1.1 100 Continue\r\n\r\n" + status(503)))

    assert seen.text == "HTTP 503 from /healthz"


def test_the_request_is_one_that_local_servers_take(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:3128")
    asked: list[bytes] = []

    def answer(client: socket.socket) -> None:
        asked.append(client.recv(65536))
        client.sendall(OK)

    with answering(answer) as port:
        seen = Http(HERE, port, path="/größe?a=1&b=%20#top").ask(timeout=10)

    assert seen.reach is Reach.HEALTHY
    first, *headers = asked[0].decode("ascii").split("\r\n")
    assert first == "GET /gr%C3%B6%C3%9Fe?a=1&b=%20 HTTP/1.1"
    assert f"Host: localhost:{port}" in headers
    assert "Connection: close" in headers


def test_an_endless_body_is_not_read():
    began = time.monotonic()

    seen = http(endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1000))

    assert seen.text == "HTTP 200 from /healthz"
    assert time.monotonic() - began < 5


def test_a_server_that_says_nothing_is_no_answer_in_time():
    seen = http(silent, timeout=0.2)

    assert seen == Seen(
        reach=Reach.SILENT, text="no answer to GET /healthz within 0.2 s"
    )


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 ", b""], ids=repr
)
def test_an_answer_that_comes_drop_by_drop_can_be_cut(head):
    dripping = threading.Event()

    def answer(client: socket.socket) -> None:
        client.recv(65536)
        dripping.set()
        endless(head, b"1")(client)

    with answering(answer) as port:
        probe = Http(HERE, port, path="/healthz")
        cutter = cut_soon(probe, dripping)
        began = time.monotonic()
        seen = probe.ask(timeout=20)
        cutter.join()

    assert seen.reach is Reach.SILENT
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"", "no answer to GET /healthz: the connection was closed"),
        (b"SSH-2.0-OpenSSH\r\n", "the answer to GET /healthz is not HTTP"),
        (b"\x00" * 70_000 + b"\r\n", "the answer to GET /healthz is not HTTP"),
        (
            b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
            "the answer to GET /healthz is not HTTP",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
            "the answer to GET /healthz is not HTTP",
        ),
    ],
    ids=["closed", "ssh", "a long line", "many headers", "two lengths"],
)
def test_what_is_no_right_answer_is_told(answer, text):
    seen = http(said(answer))

    assert seen == Seen(reach=Reach.WRONG, text=text)


def test_a_closed_http_port_is_refused():
    with closed_port() as port:
        seen = Http(HERE, port, path="/").ask(timeout=10)

    assert seen == Seen(reach=Reach.CLOSED, text="connection refused")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody has signed, for another name."""
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
    return path


def test_https_is_asked_without_looking_at_the_certificate(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as secure:
            said(status(204))(secure)

    with answering(answer) as port:
        seen = Http(HERE, port, path="/", secure=True).ask(timeout=10)

    assert seen.text == "HTTP 204 from /"


def test_a_server_without_tls_is_no_https_server():
    with answering(said(OK)) as port:
        seen = Http(HERE, port, path="/", secure=True).ask(timeout=10)

    assert seen.reach is Reach.WRONG
    assert seen.text.startswith("no TLS (")


def test_a_handshake_that_does_not_end_can_be_cut():
    asked = threading.Event()

    def answer(client: socket.socket) -> None:
        client.recv(65536)
        asked.set()
        silent(client)

    with answering(answer) as port:
        probe = Http(HERE, port, path="/", secure=True)
        cutter = cut_soon(probe, asked)
        began = time.monotonic()
        seen = probe.ask(timeout=20)
        cutter.join()

    assert seen.reach is Reach.SILENT
    assert time.monotonic() - began < 10


# Commands.


def test_a_command_that_ends_with_0_is_healthy(tmp_path):
    seen = command("true", at=tmp_path)

    assert seen == Seen(reach=Reach.HEALTHY, text="true exited with 0")


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("exit 2", "sh exited with 2"),
        ("echo first; echo ' last ' >&2; exit 1", "sh exited with 1: last"),
        ("kill -TERM $$", "sh was ended by SIGTERM"),
        ("printf '\\377\\n'; exit 1", "sh exited with 1: \ufffd"),
        ("exec >&- 2>&-; sleep 0.05; exit 4", "sh exited with 4"),
    ],
)
def test_how_a_command_failed_is_told(tmp_path, script, text):
    seen = command("sh", "-c", script, at=tmp_path)

    assert seen == Seen(reach=Reach.WRONG, text=text)


def test_of_much_output_the_last_line_is_told(tmp_path):
    script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exit 1"

    seen = command("sh", "-c", script, at=tmp_path)

    assert seen.text == "sh exited with 1: line 19999"


def test_a_command_runs_in_its_folder_with_its_variables(tmp_path):
    seen = command("sh", "-c", 'echo "$PWD $X"; exit 1', at=tmp_path, X="1")

    assert seen.text == f"sh exited with 1: {tmp_path} 1"


@pytest.mark.parametrize("words", [["no-such-command-x"], ["./missing"]])
def test_a_command_that_is_missing_is_told(tmp_path, words):
    seen = command(*words, at=tmp_path)

    assert seen == Seen(
        reach=Reach.WRONG, text=f"cannot run '{words[0]}': No such file or directory"
    )


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path):
    script = "sleep 300 & echo $! >child; wait"

    seen = command("sh", "-c", script, at=tmp_path, timeout=0.5)

    assert seen == Seen(reach=Reach.SILENT, text="sh did not end within 0.5 s")
    assert gone(int((tmp_path / "child").read_text()))


def test_what_a_command_leaves_behind_is_ended_and_not_waited_for(tmp_path):
    began = time.monotonic()

    seen = command("sh", "-c", "sleep 300 & echo $! >child", at=tmp_path, timeout=60)

    assert seen.reach is Reach.HEALTHY
    assert time.monotonic() - began < 30
    assert gone(int((tmp_path / "child").read_text()))


def test_a_command_can_be_cut(tmp_path):
    probe = Command(["sleep", "300"], folder=str(tmp_path), environment=os.environ)
    begun = threading.Event()
    # It may come before the command: then it would be for the question before.
    repeat = threading.Event()

    def cut() -> None:
        assert begun.wait(10)
        while not repeat.wait(0.01):
            probe.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    begun.set()

    seen = probe.ask(timeout=60)

    repeat.set()
    cutter.join()
    assert seen.reach is Reach.SILENT


# Which probes a service has.


@pytest.mark.parametrize(
    ("keys", "kinds"),
    [
        ({}, [Tcp, Tcp]),
        ({"protocol": Protocol.UDP}, [Udp]),
        ({"health": "/", "scheme": "https"}, [Http, Http]),
        ({"health": ("true",)}, [Command]),
    ],
)
def test_a_service_has_the_probes_of_its_declaration(tmp_path, keys, kinds):
    service = Service(name="web", **keys)

    found = probes.of(service, 4000, folder=str(tmp_path), environment=dict)

    assert [type(each) for each in found] == kinds


def test_only_a_command_asks_for_the_variables(tmp_path):
    def environment() -> dict[str, str]:
        raise AssertionError("not needed")

    found = probes.of(
        Service(name="web"), 4000, folder=str(tmp_path), environment=environment
    )

    assert [each.address for each in found] == [HERE, "::1"]


@pytest.mark.parametrize(
    ("scheme", "secure"),
    [("wss", True), ("https", True), ("ws", False), ("http", False), (None, False)],
)
def test_what_speaks_tls_is_asked_over_tls(tmp_path, scheme, secure):
    service = Service(name="web", health="/", scheme=scheme)
    endpoint = views.endpoint("web", 4000, health="/", scheme=scheme)

    found = probes.of(service, 4000, folder=str(tmp_path), environment=dict)

    assert [isinstance(each, Http) and each.secure for each in found] == [
        secure,
        secure,
    ]
    url = Target(site=views.site(), endpoint=endpoint).url
    assert url
    assert url.startswith("https:") is secure
