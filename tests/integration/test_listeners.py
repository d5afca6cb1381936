"""What listens, held against the sockets that the test made and against psutil."""

import errno
import os
import resource
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from portconf.model import Protocol
from portconf.ownership import Listener
from portconf.sockets import anybody, listening, namespace, netlink


TCP, UDP = Protocol.TCP, Protocol.UDP
# Asked for once, to be found: nobody is listened to.
ANY = "0.0.0.0"  # noqa: S104
linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux's sock_diag")


def opened(
    host: str = "127.0.0.1",
    *,
    kind: socket.SocketKind = socket.SOCK_STREAM,
    number: int = 0,
    backlog: int | None = 5,
) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, kind, number)
    made.bind((host, 0))
    if kind == socket.SOCK_STREAM and backlog is not None:
        made.listen(backlog)
    return made


def port_of(made: socket.socket) -> int:
    return int(made.getsockname()[1])


def keys(listeners) -> set[tuple[int, str, str]]:
    return {(each.port, each.protocol, each.address) for each in listeners}


@contextmanager
def some() -> Iterator[dict[tuple[int, str, str], socket.socket]]:
    """Listeners of all kinds, and sockets beside them that are none."""
    with ExitStack() as stack:
        made = {}
        for host in ("127.0.0.1", ANY, "::1", "::"):
            for kind, protocol in (
                (socket.SOCK_STREAM, "tcp"),
                (socket.SOCK_DGRAM, "udp"),
            ):
                try:
                    each = stack.enter_context(opened(host, kind=kind))
                except OSError as error:
                    if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                        raise
                    continue  # no IPv6 here
                made[port_of(each), protocol, host] = each
        yield made


def test_one_glance_sees_each_listener_and_nothing_that_does_not_listen():
    with some() as made, opened(backlog=None) as silent:
        seen = {port for port, _, _ in made if anybody([port])}
        quiet = anybody([port_of(silent)])

    assert seen == {port for port, _, _ in made}
    assert not quiet or sys.platform != "linux"
    assert not anybody(seen) or sys.platform != "linux"


def test_where_nobody_can_look_somebody_may_be_there(monkeypatch):
    monkeypatch.setattr(netlink, "sock_diag", refuse)

    assert anybody([1])


def test_all_that_listens_is_found_with_protocol_and_address():
    with some() as made:
        assert keys(listening()) >= set(made)
    assert keys(listening()).isdisjoint(made)


def test_what_does_not_listen_is_left_out():
    with (
        opened() as server,
        socket.create_connection(server.getsockname()) as client,
        opened(backlog=None) as silent,
        opened(kind=socket.SOCK_DGRAM) as packets,
        opened(kind=socket.SOCK_DGRAM) as connected,
    ):
        connected.connect(packets.getsockname())
        mine = {port_of(each) for each in (server, client, silent, packets, connected)}
        expected = {(port_of(server), TCP), (port_of(packets), UDP)}

        found = listening(mine)

    assert {(each.port, each.protocol) for each in found} == expected


def test_the_answer_is_restricted_to_the_ports():
    with opened() as one, opened() as two, opened() as three:
        ports = [port_of(one), port_of(three)]

        found = listening(ports)

        assert port_of(two) in {each.port for each in listening()}

    assert sorted(each.port for each in found) == sorted(ports)
    assert listening([]) == ()


def test_more_ports_than_a_filter_holds_are_found_all_the_same():
    with ExitStack() as stack:
        made = [port_of(stack.enter_context(opened())) for _ in range(200)]
        wanted = set(made[::2])

        found = {each.port for each in listening(wanted)}

    assert found == wanted


@linux
def test_user_and_inode_are_told():
    with opened() as made:
        (found,) = listening([port_of(made)])
        assert found.inode == os.fstat(made.fileno()).st_ino

    assert found.uid == os.getuid()
    assert found.pid is None


def test_a_listener_is_as_good_as_one_that_was_constructed():
    with opened() as made:
        (found,) = listening([port_of(made)])

    again = Listener(**{name: getattr(found, name) for name in Listener.__slots__})
    assert found == again
    assert hash(found) == hash(again)
    assert type(found) is Listener
    with pytest.raises(AttributeError):
        found.port = 1  # type: ignore[misc] # must not be possible


@linux
def test_a_server_of_multipath_tcp_is_found():
    """Go's servers speak it since Go 1.24."""
    try:
        made = opened(number=262)
    except OSError:
        pytest.skip("needs multipath TCP")
    with made:
        (found,) = listening([port_of(made)])

        assert found.protocol is TCP
        assert found.inode


@linux
def test_psutil_lists_the_same_listeners(monkeypatch):
    with some() as made:
        ports = {port for port, _, _ in made}
        by_netlink = keys(listening(ports))
        monkeypatch.setattr(netlink, "sock_diag", refuse)
        by_psutil = listening(ports)

    assert keys(by_psutil) == by_netlink == set(made)
    assert {each.pid for each in by_psutil} == {psutil.Process().pid}


def refuse():
    raise OSError(errno.EPROTONOSUPPORT, "not here")


def test_where_root_alone_sees_all_our_own_are_seen(monkeypatch):
    def denied(_):
        raise psutil.AccessDenied

    gone = psutil.Process()
    monkeypatch.setattr(netlink, "sock_diag", refuse)
    monkeypatch.setattr(psutil, "net_connections", denied)
    monkeypatch.setattr(psutil, "process_iter", lambda: [gone, psutil.Process()])
    monkeypatch.setattr(gone, "net_connections", denied)
    with opened() as made:
        (found,) = listening([port_of(made)])

    assert found.pid == psutil.Process().pid


def test_thousands_of_listeners_are_found_in_one_go():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2200:
        pytest.skip("needs 2,200 descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2200), hard))
    try:
        with ExitStack() as stack:
            made = {port_of(stack.enter_context(opened())) for _ in range(2000)}
            found = {
                each.port
                for each in listening()
                if each.protocol is TCP and each.address == "127.0.0.1"
            }
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert len(made) == 2000
    assert made <= found


def test_listeners_that_come_and_go_hide_none_that_stay():
    with opened() as made:
        port, stop = port_of(made), threading.Event()

        def churn() -> None:
            while not stop.is_set():
                for each in [opened() for _ in range(20)]:
                    each.close()

        thread = threading.Thread(target=churn)
        thread.start()
        try:
            seen = [len(listening([port])) for _ in range(200)]
        finally:
            stop.set()
            thread.join(timeout=30)

    assert seen == [1] * 200


@linux
def test_a_network_has_a_name():
    # The machine's own has another number after an update of the kernel.
    assert namespace() in {"net:initial", os.readlink("/proc/self/ns/net")}


def test_a_network_that_is_hidden_has_none(monkeypatch):
    def hidden(_):
        raise PermissionError

    monkeypatch.setattr("os.readlink", hidden)
    monkeypatch.setattr("os.path.exists", lambda _: False)

    assert namespace() == ""
