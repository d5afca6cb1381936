"""What makes a port unusable, one situation after the other, with real sockets."""

import errno
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import cycle
from types import SimpleNamespace

import pytest

from portconf.model import Protocol
from portconf.sockets import Bindable, bindable, binding, netlink, traces, unusable


ANY = "0.0.0.0"  # noqa: S104 - bound for a moment, on ports that nobody knows
TCP, UDP = Protocol.TCP, Protocol.UDP
FREE, LISTENING = Bindable.FREE, Bindable.LISTENING
HELD, WAITING = Bindable.HELD, Bindable.WAITING


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _shows_silent_sockets() -> bool:
    if sys.platform != "linux":
        return False
    release = os.uname().release.split("-")[0].split(".")
    return (int(release[0]), int(release[1])) >= (6, 8)


def _has_more_loopback() -> bool:
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.2", 0))
    except OSError:
        return False
    return True


ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="needs IPv6")
more_loopback = pytest.mark.skipif(
    not _has_more_loopback(), reason="needs 127.0.0.2, which macOS has not"
)
silent_shown = pytest.mark.skipif(
    not _shows_silent_sockets(), reason="needs a kernel that shows silent sockets"
)


# Below the ephemeral range; each process of the run begins elsewhere.
_NUMBERS = cycle(range(10000 + os.getpid() * 97 % 20000, 32000))


def spare() -> int:
    """Return a port that nobody has, and that no outgoing connection is given."""
    while True:
        port = next(_NUMBERS)
        with ExitStack() as stack:
            try:
                for host in (ANY, "::"):
                    family = socket.AF_INET6 if ":" in host else socket.AF_INET
                    probe = stack.enter_context(socket.socket(family))
                    if family == socket.AF_INET6:
                        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    probe.bind((host, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
            return port


@contextmanager
def bound(
    host: str,
    *,
    options: tuple[int, ...] = (),
    dual: bool = False,
    listens: bool = True,
    port: int = 0,
) -> Iterator[int]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as held:
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        for option in options:
            held.setsockopt(socket.SOL_SOCKET, option, 1)
        held.bind((host, port))
        if listens:
            held.listen()
        yield held.getsockname()[1]


def connected(server: socket.socket) -> tuple[int, socket.socket, socket.socket]:
    """Let a server listen on 127.0.0.1; return its port, and a connection's two ends."""
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", 0))
    server.listen()
    port = server.getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port))
    accepted, _ = server.accept()
    return port, client, accepted


@contextmanager
def only_time_wait() -> Iterator[int]:
    """A server that closed its connections, as any that is stopped."""
    with socket.socket() as server:
        port, client, accepted = connected(server)
        accepted.close()  # the side that closes first has to wait
        client.recv(1)
        client.close()
    yield port


@contextmanager
def stopped_under_a_client() -> Iterator[int]:
    """A server that was stopped while a browser kept its connection open."""
    with socket.socket() as server:
        port, client, accepted = connected(server)
        accepted.close()
    with client:
        client.recv(1)
        yield port


@contextmanager
def outgoing() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname()) as client:
            yield client.getsockname()[1]


@contextmanager
def accepted_without_listener() -> Iterator[int]:
    """A worker that still serves a client while its server is gone."""
    with socket.socket() as server:
        port, client, accepted = connected(server)
    with client, accepted:
        yield port


@contextmanager
def half_closed() -> Iterator[int]:
    """A program that has said all and still reads."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname()) as client:
            accepted, _ = server.accept()
            with accepted:
                client.shutdown(socket.SHUT_WR)
                accepted.recv(1)
                yield client.getsockname()[1]


@contextmanager
def waiting_and_silent() -> Iterator[int]:
    with only_time_wait() as port:
        options = (socket.SO_REUSEADDR,)
        with bound("127.0.0.1", options=options, listens=False, port=port):
            yield port


@contextmanager
def nothing() -> Iterator[int]:
    yield spare()


def made(*words, **options) -> Callable[[], object]:
    return lambda: bound(*words, **options)


REUSE, SHARE = (socket.SO_REUSEADDR,), (getattr(socket, "SO_REUSEPORT", 0),)
TABLE = {
    "listener on 127.0.0.1": (made("127.0.0.1"), LISTENING),
    "listener on 0.0.0.0": (made(ANY), LISTENING),
    "listener on ::1": (made("::1"), LISTENING),
    "listener on [::], IPv6 only": (made("::"), LISTENING),
    "listener on [::], dual": (made("::", dual=True), LISTENING),
    "listener on 127.0.0.2": (made("127.0.0.2"), LISTENING),
    "silent": (made("127.0.0.1", listens=False), HELD),
    "silent, SO_REUSEADDR": (made("127.0.0.1", options=REUSE, listens=False), HELD),
    "silent on ::1": (made("::1", options=REUSE, listens=False), HELD),
    "listener, SO_REUSEADDR": (made("127.0.0.1", options=REUSE), LISTENING),
    "listener, SO_REUSEPORT": (made("127.0.0.1", options=SHARE), LISTENING),
    "only TIME_WAIT": (only_time_wait, WAITING),
    "stopped under a client": (stopped_under_a_client, WAITING),
    "outgoing connection": (outgoing, HELD),
    "accepted, no listener": (accepted_without_listener, HELD),
    "half-closed connection": (half_closed, HELD),
    "TIME_WAIT and silent": (waiting_and_silent, HELD),
    "nothing": (nothing, FREE),
}
NEEDS = {
    "listener on ::1": ipv6,
    "listener on [::], IPv6 only": ipv6,
    "listener on [::], dual": ipv6,
    "silent on ::1": ipv6,
    "listener on 127.0.0.2": more_loopback,
    "TIME_WAIT and silent": silent_shown,
}


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        pytest.param(*row, id=name, marks=NEEDS.get(name, ()))
        for name, row in TABLE.items()
    ],
)
def test_each_situation_is_told_from_the_others(situation, expected):
    with situation() as port:
        assert bindable(port) is expected
        assert unusable({port: TCP}) == ({} if expected.usable else {port: expected})


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="needs SO_REUSEPORT")
def test_two_servers_that_share_a_port_are_listeners():
    with (
        bound("127.0.0.1", options=SHARE) as port,
        bound("127.0.0.1", options=SHARE, port=port),
    ):
        assert bindable(port) is LISTENING


def test_a_server_can_start_where_the_verdict_is_waiting():
    with only_time_wait() as port:
        assert bindable(port).usable
        with bound("127.0.0.1", options=REUSE, port=port):
            assert bindable(port) is LISTENING


@contextmanager
def udp(*, peer: bool) -> Iterator[int]:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as other,
        socket.socket(type=socket.SOCK_DGRAM) as held,
    ):
        other.bind(("127.0.0.1", 0))
        held.bind(("127.0.0.1", 0))
        if peer:
            held.connect(other.getsockname())
        yield held.getsockname()[1]


@pytest.mark.parametrize(("peer", "expected"), [(False, LISTENING), (True, HELD)])
def test_a_udp_socket_takes_its_port(peer, expected):
    with udp(peer=peer) as port:
        assert bindable(port, UDP) is expected


def test_the_protocols_have_ports_of_their_own():
    with udp(peer=False) as port, nothing() as other:
        assert bindable(other, UDP) is FREE
        assert unusable({port: UDP, other: TCP}) == {port: LISTENING}


def test_many_ports_of_both_protocols_are_judged_in_one_go():
    with ExitStack() as stack:
        listens = stack.enter_context(bound("127.0.0.1"))
        silent = stack.enter_context(bound(ANY, options=REUSE, listens=False))
        packets = stack.enter_context(udp(peer=False))
        waits = stack.enter_context(only_time_wait())
        free = stack.enter_context(nothing())

        found = unusable(
            {silent: TCP, free: TCP, packets: UDP, waits: TCP, listens: TCP}
        )

    assert list(found.items()) == [
        (silent, HELD),
        (packets, LISTENING),
        (listens, LISTENING),
    ]


def test_nothing_is_asked_of_the_tables_where_every_bind_succeeds(monkeypatch):
    def asked(_):
        raise AssertionError("a dump for free ports")

    monkeypatch.setattr(binding, "traces", asked)

    assert unusable({}) == {}
    assert bindable(spare()) is FREE


PROBER = """
import sys, time
from portconf.model import Protocol
from portconf.sockets import bindable
port, protocol = int(sys.argv[1]), Protocol(sys.argv[2])
until = time.monotonic() + 0.5
while time.monotonic() < until:
    print(bindable(port, protocol))
    time.sleep(0.0005)  # several at once all the same, but each has its turns
"""


def test_those_who_probe_one_port_at_once_do_not_take_each_other_for_holders():
    port = spare()
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROBER, str(port), protocol],
            stdout=subprocess.PIPE,
            text=True,
        )
        for protocol in ("tcp", "tcp", "udp", "udp")
    ]

    answers = [each.communicate(timeout=30)[0].split() for each in running]

    assert all(len(each) > 20 for each in answers)
    assert Counter(word for each in answers for word in each).keys() == {"free"}


@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_a_host_without_ipv6_is_asked_for_ipv4_alone(number, monkeypatch):
    class NoIPv6(socket.socket):
        def bind(self, address):
            if self.family == socket.AF_INET6:
                asked.append(address)
                raise OSError(number, os.strerror(number))
            super().bind(address)

    asked: list[object] = []
    monkeypatch.setattr("socket.socket", NoIPv6)
    with bound("127.0.0.1") as port:
        ports = {spare(): TCP, spare(): TCP, port: TCP}
        asked.clear()

        assert unusable(ports) == {port: LISTENING}

    assert len(asked) == 2  # ::1 and ::, not once for each port


def test_a_port_that_the_system_refuses_is_held(monkeypatch):
    class Refused(socket.socket):
        def bind(self, address):
            if address[1]:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            super().bind(address)

    monkeypatch.setattr("socket.socket", Refused)
    with bound("127.0.0.1") as port:
        listener = bindable(port)

    assert bindable(port) is HELD
    assert listener is LISTENING


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        pytest.param(*TABLE[name], id=name)
        for name in (
            *("listener on 127.0.0.1", "silent", "silent, SO_REUSEADDR"),
            *("only TIME_WAIT", "outgoing connection", "nothing"),
        )
    ],
)
def test_psutil_gives_the_same_verdicts_where_netlink_does_not_answer(
    situation, expected, no_netlink
):
    with situation() as port:
        assert bindable(port) is expected
    assert no_netlink or expected is FREE


@pytest.fixture
def no_netlink(monkeypatch) -> list[str]:
    """A sandbox, like gVisor, or one that filters system calls."""

    def refuse():
        asked.append("asked")
        raise OSError(errno.EPROTONOSUPPORT, "not here")

    asked: list[str] = []
    monkeypatch.setattr(netlink, "sock_diag", refuse)
    return asked


def test_a_port_that_is_let_go_while_it_is_judged_is_free():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        real = traces.traces

        def let_go(ports):
            found = real(ports)
            silent.close()
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(binding, "traces", let_go)
            assert bindable(port) is FREE


def test_a_socket_that_is_being_closed_holds_nothing(monkeypatch):
    table = netlink.Table(family=socket.AF_INET)
    for column, value in (
        (table.ports, 4000),
        (table.states, netlink.CLOSE),
        (table.inodes, 0),
    ):
        column.append(value)
    kernel = SimpleNamespace(table=lambda *_: table)
    monkeypatch.setattr(netlink, "sock_diag", lambda: nullcontext(kernel))

    assert traces.traces({4000: TCP}) == {4000: set()}


def test_a_bind_costs_microseconds():
    ports = {spare(): TCP for _ in range(100)}
    least = min(_seconds(lambda: unusable(ports)) for _ in range(5))

    assert least < 0.05  # 4 binds each; 5 ms where nothing else runs


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def test_threads_may_ask_at_once():
    with bound("127.0.0.1") as port, nothing() as free:
        answers: list[tuple[Bindable, Bindable]] = []
        threads = [
            threading.Thread(
                target=lambda: answers.append((bindable(port), bindable(free)))
            )
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)

    assert answers == [(LISTENING, FREE)] * 8
