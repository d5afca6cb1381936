"""
Linux's tables of sockets, by sock_diag: the layout is that of `linux/inet_diag.h`.

A table is read as columns, not row by row: at 20,000 sockets that is a third of the
time that the kernel needs to write it, where a loop takes longer than the kernel.
"""

import socket
import struct
import sys
from array import array
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final


ESTABLISHED: Final = 1
SYN_SENT: Final = 2
SYN_RECV: Final = 3
TIME_WAIT: Final = 6
CLOSE: Final = 7
LISTEN: Final = 10
# Bound and silent: Linux 6.8 and later, a number that no socket has. Older kernels
# know no such bit and leave such sockets out.
BOUND: Final = 13

# A socket that listens has this state; an unconnected one of UDP has it too.
LISTENING: Final = ((socket.IPPROTO_TCP, LISTEN), (socket.IPPROTO_UDP, CLOSE))

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_REQUEST_DUMP = 0x001 | 0x300
_DUMP_INTERRUPTED = 0x10
_BYTECODE = 1
_SOURCE_AT_LEAST, _SOURCE_AT_MOST, _JUMP = 2, 3, 1
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI48x")
_WORD = struct.Struct("=I")
_OPERATION = struct.Struct("=BBH")
# What is read of a message; attributes that differ from kernel to kernel follow.
_RECORD = 88
# The word after the length in each message of a sound dump: its type, and "multipart".
_SOUND = struct.pack("=HH", _SOCK_DIAG_BY_FAMILY, 2)
# The kernel writes at most 32 KiB at once.
_PART = 65536
# A filter of more runs than this costs the kernel more than it spares us.
_RUNS = 32
_PATIENCE = 5.0
_TRIES = 8


class InterruptedDumpError(OSError):
    """The table changed under the kernel's hands: the answer may lack sockets."""


class _Texts(dict[Any, str]):
    """The texts of addresses: there are few, and most sockets share one."""

    def __missing__(self, address: int | tuple[int, ...]) -> str:
        words = address if isinstance(address, tuple) else (address,)
        packed = b"".join(map(_WORD.pack, words))
        family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
        return self.setdefault(address, socket.inet_ntop(family, packed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """
    Sockets of one family and protocol, a column for each property.

    Attributes:
        family: `AF_INET` or `AF_INET6`.
        ports: Local ports; 0 where a socket is not bound.
        states: Their TCP states, `BOUND` among them.
        addresses: Local addresses, as text like `127.0.0.1` or `::`.
        uids: Users who made them.
        inodes: Numbers of the sockets; 0 for one that no process has any more.
        texts: What the kernel's words for addresses mean.
    """

    family: int
    ports: list[int] = field(default_factory=list)
    states: bytearray = field(default_factory=bytearray)
    addresses: list[str] = field(default_factory=list)
    uids: list[int] = field(default_factory=list)
    inodes: list[int] = field(default_factory=list)
    texts: _Texts = field(default_factory=_Texts, repr=False)

    def add(self, records: memoryview, size: int) -> None:
        """Take records of ``size`` bytes each, a multiple of 4, that lie in a row."""
        halves, words, step = records.cast("H"), records.cast("I"), size // 4
        ports = array("H", halves[10 :: size // 2].tobytes())
        if sys.byteorder == "little":  # the one number in the network's order
            ports.byteswap()
        self.ports.extend(ports)
        self.states.extend(records[17::size].tobytes())
        self.uids.extend(words[20::step].tolist())
        self.inodes.extend(words[21::step].tolist())
        rows: list[Any] = words[6::step].tolist()
        if self.family == socket.AF_INET6:
            rest = [words[6 + n :: step].tolist() for n in (1, 2, 3)]
            rows = list(zip(rows, *rest, strict=True))
        self.addresses.extend(map(self.texts.__getitem__, rows))


class SockDiag:
    """A conversation with the kernel about its sockets."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def table(
        self,
        family: int,
        protocol: int,
        states: Collection[int],
        ports: Collection[int] | None = None,
    ) -> Table:
        """
        Return the sockets that are in one of ``states``.

        Args:
            family: `AF_INET` or `AF_INET6`.
            protocol: `IPPROTO_TCP` or `IPPROTO_UDP`.
            states: TCP states; for UDP `CLOSE` is "not connected".
            ports: Local ports that the kernel may leave out all others but; it may
                give others too. None is all.

        Raises:
            OSError: If the kernel, or what keeps us from it, does not answer.
        """
        mask = sum(1 << state for state in set(states))
        body = _REQUEST.pack(family, protocol, 0, mask)
        if ports is not None:
            code = _filter(ports)
            body += struct.pack("=HH", 4 + len(code), _BYTECODE) + code
        size = _HEADER.size + len(body)
        header = _HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0)
        for _ in range(_TRIES):
            try:
                self._channel.send(header + body)
                return self._answer(family)
            except InterruptedDumpError:
                continue
        raise InterruptedDumpError("the table of sockets changes too fast to be read")

    def _answer(self, family: int) -> Table:
        """Read to the end, also an answer that is spoilt: the next one follows it."""
        # One buffer, read while it is in the cache: a copy of all takes 10 % longer.
        table, done, spoilt = Table(family=family), False, False
        buffer = memoryview(bytearray(_PART))
        while not done:
            part = buffer[: self._channel.recv_into(buffer)]
            if len(part) < _HEADER.size:
                raise OSError("the kernel broke off in its table of sockets")
            size = max(_HEADER.size, _HEADER.unpack_from(part)[0])
            alike = part[: len(part) // size * size]
            if not _alike(alike, size):
                alike = part[:0]
            heads, done, broken = _heads(part[len(alike) :])
            spoilt = spoilt or broken
            table.add(alike, size)
            table.add(heads, _RECORD)
        if spoilt:
            raise InterruptedDumpError("the table of sockets changed while it was read")
        return table


@contextmanager
def sock_diag() -> Iterator[SockDiag]:
    """
    Open a conversation with the kernel about its sockets.

    Raises:
        OSError: If this is not Linux, or a sandbox has no such conversation.
    """
    if sys.platform != "linux":
        raise OSError("only Linux has sock_diag")
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG
    ) as channel:
        channel.settimeout(_PATIENCE)  # a sandbox may take a question and say nothing
        yield SockDiag(channel)


def _alike(records: memoryview, size: int) -> bool:
    """Say whether these are sound records only, of one size: then they are columns."""
    if size < _RECORD or size % 4:
        return False
    words, step, count = records.cast("I"), size // 4, len(records) // size
    sizes, kinds = words[::step].tobytes(), words[1::step].tobytes()
    return sizes == _WORD.pack(size) * count and kinds == _SOUND * count


def _heads(part: memoryview) -> tuple[memoryview, bool, bool]:
    """Return records cut to one size, whether the dump ends, and whether it broke."""
    heads: list[memoryview] = []
    broken, at = False, 0
    while at + _HEADER.size <= len(part):
        size, kind, flags, _, _ = _HEADER.unpack_from(part, at)
        broken = broken or bool(flags & _DUMP_INTERRUPTED)
        if kind == _NLMSG_ERROR:
            (number,) = struct.unpack_from("=i", part, at + _HEADER.size)
            raise OSError(-number, "the kernel does not show its sockets")
        if kind == _NLMSG_DONE:
            return memoryview(b"".join(heads)), True, broken
        if kind == _SOCK_DIAG_BY_FAMILY:
            heads.append(part[at : at + _RECORD])
        at += max(_HEADER.size, (size + 3) & ~3)  # a size of 0 would hold us for ever
    return memoryview(b"".join(heads)), False, broken


def _filter(ports: Collection[int]) -> bytes:
    """
    Return the program by which the kernel chooses: "in this run, or in that".

    Each operation says how far to go on where it holds, and where it does not. Going
    to the very end takes the socket; going beyond drops it.
    """
    runs = _runs(ports)
    if len(runs) > _RUNS:
        runs = [(runs[0][0], runs[-1][1])]
    program = b""
    for first, last in reversed(runs):
        after = _OPERATION.pack(_JUMP, 4, 4 + len(program)) if program else b""
        at_least = _OPERATION.pack(_SOURCE_AT_LEAST, 8, 20)
        at_most = _OPERATION.pack(_SOURCE_AT_MOST, 8, 12)
        bounds = [_OPERATION.pack(0, 0, port) for port in (first, last)]
        program = at_least + bounds[0] + at_most + bounds[1] + after + program
    return program


def _runs(ports: Collection[int]) -> list[tuple[int, int]]:
    """Return the runs of consecutive numbers, both ends included, in rising order."""
    runs: list[tuple[int, int]] = []
    for port in sorted(set(ports)):
        if runs and runs[-1][1] + 1 == port:
            runs[-1] = (runs[-1][0], port)
        else:
            runs.append((port, port))
    return runs
