"""Real little servers, each a process of its own that ends with the test."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


ANY = "0.0.0.0"  # noqa: S104 - only where the network is a test's own
_SERVER = """
import os, signal, socket, sys

port, addresses, kind, workers, folder, user = sys.argv[1:]
if user:
    import ctypes
    os.setgroups([])
    os.setgid(int(user))
    os.setuid(int(user))
    ctypes.CDLL(None).prctl(4, 1)  # as visible as what that user had started
number = int(port if port.isdecimal() else os.environ[port])
made = []
for address in addresses.split(","):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = socket.socket(family, getattr(socket, kind))
    if family == socket.AF_INET6:
        found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    found.bind((address, number))
    if kind == "SOCK_STREAM":
        found.listen()
    made.append(found)
master, pids = os.getpid(), []
for _ in range(int(workers)):
    pid = os.fork()
    if not pid:
        break
    pids.append(pid)

def end(*_):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)  # or it may still listen when the master has ended
    os._exit(0)

if os.getpid() == master:
    signal.signal(signal.SIGTERM, end)
    if folder:
        os.chdir(folder)
    print("ready", number, os.getpid(), *pids, flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Server:
    """
    A server that listens.

    Attributes:
        process: What was started.
        port: Where it listens.
        pid: Its process; of several, the master.
        workers: The processes that share its sockets.
        command: How its command line begins, as people see it.
    """

    process: subprocess.Popen[str]
    port: int
    pid: int
    workers: tuple[int, ...]
    command: str

    def wait(self) -> int:
        """Wait until it has ended, which somebody else has asked for."""
        return self.process.wait(timeout=30)


@contextmanager
def serve(
    port: int | str,
    *,
    at: Path,
    on: Sequence[str] = ("127.0.0.1",),
    udp: bool = False,
    workers: int = 0,
    goes_to: Path | None = None,
    by: Collection[str] = (),
    user: int | None = None,
    **environment: str,
) -> Iterator[Server]:
    """
    Let a server listen, until the block ends.

    Args:
        port: Its port, or the variable that names it.
        at: The folder that it is started in.
        on: The addresses that it listens on.
        udp: Whether it speaks UDP.
        workers: How many processes it forks that share its sockets.
        goes_to: The folder that it changes to, once it listens.
        by: The words of `portconf` that start it, like `run` and `--`.
        user: Who it runs as, where that is not us.
        **environment: Its variables, beside PATH; `portconf` needs ours too.
    """
    words = [sys.executable, "-S", "-E", "-c", _SERVER, str(port)]
    words += [",".join(on), "SOCK_DGRAM" if udp else "SOCK_STREAM", str(workers)]
    # Not by `subprocess`: that user may have no right to read this Python.
    words += [str(goes_to or ""), "" if user is None else str(user)]
    if by:
        words = [sys.executable, "-m", "portconf", *by, *words]
    ours = os.environ if by else {"PATH": os.environ["PATH"]}
    with subprocess.Popen(
        words,
        cwd=at,
        env={**ours, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        # At its end, standard input ends too, and so do the workers.
        try:
            assert process.stdout is not None
            said = process.stdout.readline().split()
            assert said[:1] == ["ready"], "the server could not be started"
            number, pid, *forked = map(int, said[1:])
            command = f"{sys.executable} -S -E -c"
            yield Server(process, number, pid, tuple(forked), command)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)


def free(port: int) -> bool:
    """Tell whether nobody listens on a port of 127.0.0.1, by asking the kernel."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def needs_address(address: str) -> None:
    """Skip a test where the host has no such address, or others would reach it."""
    if address in {ANY, "::"} and [name for _, name in socket.if_nameindex()] != ["lo"]:
        pytest.skip("would listen for other machines: the network is not its own")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except OSError:
        pytest.skip(f"the host has no {address}")


def other_user() -> int:
    """Return a user that servers can be started as; skip the test without one."""
    number = 65534
    try:
        subprocess.run(["true"], user=number, group=number, check=True)
    except OSError:
        pytest.skip("needs a second user, which only root can be")
    return number


def without_privileges() -> None:
    """Take from root the right to look into other users' processes: for `preexec_fn`."""
    drop, powers = 24, {"DAC_OVERRIDE": 1, "DAC_READ_SEARCH": 2, "SYS_PTRACE": 19}
    for number in powers.values():
        if ctypes.CDLL(None).prctl(drop, number, 0, 0, 0):
            raise OSError("cannot give it up")
