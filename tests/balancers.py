"""Load balancers that run what we write, each a process that ends with the test."""

import os
import shutil
import socket
import subprocess
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import views
from answerers import Answer
from patience import until

from portconf.model import Service
from portconf.settings import Settings
from portconf.views import Site, View


# What a name that is none of ours gets.
REFUSED = {404, 421}
_AROUND_A_PART = """\
daemon off;
pid nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
    include {file};
}}
"""
_AROUND_A_PROVIDER = """\
global: {{checkNewVersion: false}}
log: {{noColor: true}}
entryPoints: {{portconf: {{address: "127.0.0.1:{port}"}}}}
providers: {{providersThrottleDuration: 10ms, file: {{filename: "{file}"}}}}
"""


@dataclass(frozen=True)
class Balancer:
    """
    A program, and how it is given the file of a format.

    Attributes:
        name: The format's.
        program: What is run.
        check: The words that let it check the file FILE; none where it cannot.
        run: The words that let it listen.
        around: The file main.yaml that takes FILE in, where FILE is a part.
    """

    name: str
    program: str
    check: tuple[str, ...]
    run: tuple[str, ...]
    around: str = ""

    @property
    def path(self) -> str | None:
        """Where the program is; PyPI's lie beside Python."""
        beside = sysconfig.get_path("scripts")
        return shutil.which(self.program) or shutil.which(self.program, path=beside)

    def put(self, files: Mapping[str, str], folder: Path, *, port: int = 0) -> None:
        """Write the files down."""
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
            if self.around:
                main = self.around.format(file=folder / name, port=port)
                (folder / "main.yaml").write_text(main, encoding="utf-8")

    def checked(self, folder: Path, *words: str) -> str:
        """Let the program check the one file of a folder; return what it printed."""
        done = subprocess.run(
            self._command(words or self.check, folder),
            cwd=folder,
            env=_environment(folder),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "[warn]" not in done.stderr
        assert "[WARNING]" not in done.stderr
        return done.stdout

    @contextmanager
    def running(self, folder: Path, *, port: int, host: str) -> Iterator[Path]:
        """
        Let it listen, until the block ends; yield the file with what it says.

        Args:
            folder: Where its one file is.
            port: Where it listens.
            host: A name that it serves.
        """
        log = folder / "log"
        with (
            log.open("wb") as said,
            subprocess.Popen(
                self._command(self.run, folder),
                cwd=folder,
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            ) as process,
        ):
            try:
                until(lambda: process.poll() is not None or _ready(port, host))
                assert process.poll() is None, log.read_text(encoding="utf-8")
                yield log
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()

    def _command(self, words: tuple[str, ...], folder: Path) -> list[str]:
        file = next(
            each.name
            for each in sorted(folder.iterdir())
            if each.name in {"nginx.conf", "haproxy.cfg", "Caddyfile", "main.yaml"}
        )
        main = {"FILE": file, "DIR": str(folder)}
        return [self.path or self.program, *(main.get(word, word) for word in words)]


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder)}


def _ready(port: int, host: str) -> bool:
    try:
        return status(port, host) not in REFUSED
    except (OSError, ValueError):
        return False


_NGINX = ("-p", "DIR", "-c", "FILE", "-e", "stderr")
_ALL = (
    Balancer("nginx", "nginx", ("-t", "-q", *_NGINX), _NGINX),
    Balancer("nginx-servers", "nginx", ("-t", "-q", *_NGINX), _NGINX, _AROUND_A_PART),
    Balancer("haproxy", "haproxy", ("-c", "-f", "FILE"), ("-f", "FILE")),
    Balancer(
        "caddy",
        "caddy",
        ("validate", "--adapter", "caddyfile", "--config", "FILE"),
        ("run", "--adapter", "caddyfile", "--config", "FILE"),
    ),
    Balancer("traefik", "traefik", (), ("--configFile", "FILE"), _AROUND_A_PROVIDER),
)
BALANCERS = [
    pytest.param(
        each,
        id=each.name,
        marks=pytest.mark.skipif(
            not each.path, reason=f"needs the program {each.program}"
        ),
    )
    for each in _ALL
]
CHECKERS = [each for each in BALANCERS if each.id != "traefik"]


def talk(port: int, request: bytes, *, on: str = "127.0.0.1") -> bytes:
    """Send a request, and return all that comes back until the connection ends."""
    with socket.create_connection((on, port), timeout=10) as client:
        client.sendall(request)
        answer = b""
        while part := client.recv(65536):
            answer += part
    return answer


def got(
    port: int, host: str, *, path: str = "/", on: str = "127.0.0.1", more: str = ""
) -> str:
    """Get a path of a host by way of a port; return the answer, its head included."""
    head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n"
    return talk(port, head.encode(), on=on).decode()


def status(port: int, host: str, *, on: str = "127.0.0.1") -> int:
    """Return the status of the answer for a host."""
    return int(got(port, host, on=on).split(" ", 2)[1])


def declared(*sites: Site, **fields: Any) -> View:
    """Return a view of checkouts, whose services are all declared."""
    names = dict.fromkeys(each.name for site in sites for each in site.endpoints)
    settings = Settings(services=tuple(Service(name=name) for name in names))
    return views.view(site=sites[0], others=sites[1:], settings=settings, **fields)


def named(name: str, *, unhealthy: Callable[[str], bool] = lambda _: False) -> Answer:
    """Answer with a name and, below it, the request; 500 to unhealthy paths."""

    def answer(client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        text = f"{name}\n{head.decode()}".encode()
        code = 500 if unhealthy(head.decode().split(" ")[1]) else 200
        client.sendall(
            f"HTTP/1.1 {code} X\r\nContent-Length: {len(text)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + text
        )

    return answer
