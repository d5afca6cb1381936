"""What is made of the kernel's messages, and how the kernel is told what to leave out."""

import errno
import socket
import struct

import pytest

from portconf.sockets import netlink
from portconf.sockets.netlink import LISTEN, SockDiag, Table


DONE = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)
GO_ON, NO_MORE = 0x2, 0x12  # multipart; with NLM_F_DUMP_INTR


def record(
    port: int,
    *,
    inode: int = 1,
    uid: int = 1000,
    flags: int = GO_ON,
    extra: int = 0,
    family: socket.AddressFamily = socket.AF_INET,
) -> bytes:
    """One socket as the kernel writes it, with so many bytes of attributes."""
    address = socket.inet_pton(family, "127.0.0.1" if family == 2 else "fe80::1")
    body = struct.pack("=BBBB", family, LISTEN, 0, 0)
    body += struct.pack(">HH", port, 0) + address.ljust(16, b"\0") + bytes(28)
    body += struct.pack("=IIIII", 0, 0, 128, uid, inode) + b"\xaa" * extra
    return struct.pack("=IHHII", 16 + len(body), 20, flags, 1, 0) + body


class Channel:
    """The kernel's side: it answers each question with the next of the answers."""

    def __init__(self, *answers: tuple[bytes, ...]) -> None:
        self._answers = list(answers)
        self._parts: list[bytes] = []
        self.asked: list[bytes] = []

    def send(self, question: bytes) -> None:
        assert not self._parts, "a question before the end of the last answer"
        self.asked.append(question)
        self._parts = list(self._answers.pop(0))

    def recv_into(self, buffer: memoryview) -> int:
        part = self._parts.pop(0)
        buffer[: len(part)] = part
        return len(part)


def ask(channel: Channel, *, family: socket.AddressFamily = socket.AF_INET) -> Table:
    talk = SockDiag(channel)  # type: ignore[arg-type] # all that is used of a socket
    return talk.table(family, socket.IPPROTO_TCP, (LISTEN,))


@pytest.mark.parametrize(
    "parts",
    [
        (record(1) + record(2) + record(3), DONE),
        (record(1), record(2), record(3) + DONE),
        (record(1) + record(2, extra=8) + record(3), DONE),
        (record(1, extra=8), record(2) + record(3, extra=12) + DONE),
        (record(1, extra=36) + record(2, extra=36) + record(3) + DONE,),
        (record(1, extra=36) + record(2) + record(3, extra=3), DONE),
    ],
)
def test_sockets_are_read_however_the_kernel_parts_and_sizes_its_messages(parts):
    table = ask(Channel(parts))

    assert sorted(table.ports) == [1, 2, 3]
    assert table.addresses == ["127.0.0.1"] * 3
    assert table.uids == [1000] * 3
    assert list(table.states) == [LISTEN] * 3


def test_the_columns_of_a_socket_stay_together():
    ports = [1, *range(7, 65536, 131), 65535]
    messages = [
        record(port, inode=port * 7, uid=port * 3, extra=port % 3 * 12)
        for port in ports
    ]

    table = ask(Channel((b"".join(messages), DONE)))

    rows = zip(table.ports, table.inodes, table.uids, strict=True)
    assert sorted(rows) == sorted((port, port * 7, port * 3) for port in ports)


def test_addresses_of_ipv6_are_told_apart():
    messages = record(1, family=socket.AF_INET6) + record(2, family=socket.AF_INET6)

    table = ask(Channel((messages, DONE)), family=socket.AF_INET6)

    assert table.addresses == ["fe80::1", "fe80::1"]


def test_a_dump_that_was_interrupted_is_asked_for_again():
    spoilt = (record(1) + record(2, flags=NO_MORE), record(3) + DONE)
    channel = Channel(spoilt, (record(1), record(4), DONE))

    table = ask(channel)

    assert table.ports == [1, 4]
    assert len(channel.asked) == 2


def test_a_dump_that_is_interrupted_for_ever_is_no_answer():
    channel = Channel(*[(record(1, flags=NO_MORE), DONE)] * 100)

    with pytest.raises(netlink.InterruptedDumpError):
        ask(channel)
    assert len(channel.asked) < 20


@pytest.mark.parametrize(
    "part",
    [
        struct.pack("=IHHIIi", 36, 2, 0, 1, 0, -errno.ENOENT).ljust(36, b"\0"),
        b"",
        b"\0" * 8,
    ],
)
def test_a_kernel_that_refuses_or_breaks_off_is_an_error(part):
    with pytest.raises(OSError, match="sockets"):
        ask(Channel((part,)))


def test_a_message_without_size_is_no_endless_loop():
    table = ask(Channel((b"\0" * 64, DONE)))

    assert table.ports == []


def taken(program: bytes, port: int) -> bool:
    """Run a filter as the kernel does: `inet_diag_bc_run` in net/ipv4/inet_diag.c."""
    at, left = 0, len(program)
    while left > 0:
        code, yes, no = struct.unpack_from("=BBH", program, at)
        if code in {2, 3}:
            bound = struct.unpack_from("=BBH", program, at + 4)[2]
            holds = port >= bound if code == 2 else port <= bound
        else:
            assert code == 1
            holds = False
        step = yes if holds else no
        assert step >= 4
        assert step % 4 == 0
        at, left = at + step, left - step
    return left == 0


@pytest.mark.parametrize(
    "ports",
    [
        {1},
        {65535},
        {4000, 4001, 4002},
        {1, 3, 65535},
        set(range(20000, 20100)) | {5432},
        set(range(100, 164, 2)),
    ],
)
def test_the_filter_takes_the_ports_and_no_others(ports):
    program = netlink._filter(ports)

    near = {port + step for port in ports for step in (-1, 0, 1)} | {0, 30000}

    assert {port for port in near if taken(program, port)} == ports


def test_a_filter_of_many_runs_is_short_and_leaves_none_out():
    ports = set(range(1000, 3000, 2))
    program = netlink._filter(ports)

    assert len(program) == 16
    assert all(taken(program, port) for port in ports)
    assert not taken(program, 999)
    assert not taken(program, 2999)
