"""Tools that hand out ports, each asked in the way that suits it best."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import shop

from portconf.project import Project


Ask = Callable[[str], int]

# Where those look that are told where: below the ephemeral range of every kernel.
_FIRST, _LAST = 20_000, 29_999
_HOST = "127.0.0.1"
_START_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """
    A tool, and how it is asked.

    Attributes:
        name: What the table calls it.
        use: How it is asked, in words.
        make: Gives, from the folder of a trial and within the process that asks,
            the function that asks for a port by a new name.
        beside: What a trial needs beside those who ask, for as long as it lasts.
        module: What must be installed; None where it always is.
    """

    name: str
    use: str
    make: Callable[[Path], Ask]
    beside: Callable[[Path], AbstractContextManager[object]] = nullcontext
    module: str | None = None

    def missing(self) -> str:
        """Return why it cannot be asked here; empty where it can."""
        if self.module and not find_spec(self.module):
            return "not installed: dependency group bench"
        return ""


def _bind_0(_folder: Path) -> Ask:
    def ask(_name: str) -> int:
        with socket.socket() as probe:
            probe.bind((_HOST, 0))
            port: int = probe.getsockname()[1]
        return port

    return ask


def _port_for(_folder: Path) -> Ask:
    port_for = import_module("port_for")
    good = port_for.available_good_ports()
    return lambda _name: port_for.select_random(good)


def _portpicker(_folder: Path) -> Ask:
    portpicker = import_module("portpicker")
    return lambda _name: portpicker.pick_unused_port()


def _portpicker_server(folder: Path) -> Ask:
    portpicker = import_module("portpicker")
    address = _address(folder)
    return lambda _name: portpicker.pick_unused_port(portserver_address=address)


def _reserve(_folder: Path) -> Ask:
    tool = import_module("ephemeral_port_reserve")
    return lambda _name: tool.reserve()


def _port_allocator(folder: Path) -> Ask:
    tool = import_module("port_alloc")
    os.environ["PORT_REGISTRY_PATH"] = str(folder / "ports.json")
    ports = (_FIRST, _LAST)
    return lambda name: tool.allocate_port(name, preferred=_FIRST, port_range=ports)


def _portconf(folder: Path) -> Ask:
    root = str(folder / "shop")
    return lambda _name: Project.find(root).free_ports(1)[0]


def _portconf_kept(folder: Path) -> Ask:
    project = Project.find(str(folder / "shop"))
    return lambda _name: project.free_ports(1)[0]


@contextmanager
def _portserver(folder: Path) -> Iterator[None]:
    """Run the server of portpicker; it has a pool of its own."""
    words = (
        sys.executable,
        shop.script("portserver.py") or "",
        f"--portserver_static_pool={_FIRST}-{_LAST}",
        f"--portserver_address={_address(folder)}",
    )
    # It writes two lines about each request.
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as server:
        try:
            _await(folder, server)
            yield
        finally:
            server.terminate()


def _await(folder: Path, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_TIMEOUT
    while True:
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(_address(folder)) == 0:
                return
        if server.poll() is not None or time.monotonic() > until:
            raise SystemExit("the server of portpicker does not start")
        time.sleep(0.01)


def _address(folder: Path) -> str:
    return str(folder / "portserver")


@contextmanager
def _project(folder: Path) -> Iterator[None]:
    """Make a project whose machine knows no other."""
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    shop.make(folder / "shop")
    yield


BIND_0 = Asker(name="bind(0)", use="bind, ask which, close", make=_bind_0)
PORT_FOR = Asker(
    name="port-for",
    use="select_random(its good ports), those computed once",
    make=_port_for,
    module="port_for",
)
PORTPICKER = Asker(
    name="portpicker",
    use="pick_unused_port()",
    make=_portpicker,
    module="portpicker",
)
SERVER = Asker(
    name="portpicker with its server",
    use=f"the same, from portserver.py with {_FIRST}-{_LAST}",
    make=_portpicker_server,
    beside=_portserver,
    module="portpicker",
)
RESERVE = Asker(
    name="ephemeral-port-reserve",
    use="reserve()",
    make=_reserve,
    module="ephemeral_port_reserve",
)
PORT_ALLOCATOR = Asker(
    name="port-allocator",
    use=f"allocate_port(a new name, {_FIRST}-{_LAST})",
    make=_port_allocator,
    module="port_alloc",
)
PORTCONF = Asker(
    name="portconf",
    use="Project.find(folder).free_ports(1): the declaration is read each time",
    make=_portconf,
    beside=_project,
)
PORTCONF_KEPT = Asker(
    name="portconf, found once",
    use="project.free_ports(1), as the fixtures of pytest do",
    make=_portconf_kept,
    beside=_project,
)
OURS = (PORTCONF, PORTCONF_KEPT)
# In the order in which they take turns.
ASKERS = (
    BIND_0,
    PORT_FOR,
    PORTPICKER,
    SERVER,
    RESERVE,
    PORT_ALLOCATOR,
    *OURS,
)
