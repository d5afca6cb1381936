"""
A stand-in for the Docker Engine, on a unix socket.

`DOCUMENTED` is the example answer of `GET /containers/json` in the Engine's own API
description, api/docs/v1.47.yaml of github.com/moby/moby, word for word in the fields
that name a container, a port or a label (the other fields are left out). It shows
one published port and no Compose. `COMPOSED` has the form that the same page defines
(`ContainerSummary`, `Port`: one entry for each address that a port is published on,
no `PublicPort` where it is only exposed) with the labels that Compose sets,
pkg/api/labels.go of github.com/docker/compose. No engine was there to record one.
"""

import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias


DOCUMENTED: list[dict[str, Any]] = [
    {
        "Id": "8dfafdbc3a40",
        "Names": ["/boring_feynman"],
        "Image": "ubuntu:latest",
        "Command": "echo 1",
        "Created": 1367854155,
        "State": "Exited",
        "Status": "Exit 0",
        "Ports": [{"PrivatePort": 2222, "PublicPort": 3333, "Type": "tcp"}],
        "Labels": {
            "com.example.vendor": "Acme",
            "com.example.license": "GPL",
            "com.example.version": "1.0",
        },
        "HostConfig": {"NetworkMode": "default"},
    },
    {
        "Id": "9cd87474be90",
        "Names": ["/coolName"],
        "Image": "ubuntu:latest",
        "Command": "echo 222222",
        "Created": 1367854155,
        "State": "Exited",
        "Status": "Exit 0",
        "Ports": [],
        "Labels": {},
        "HostConfig": {"NetworkMode": "default"},
    },
]
COMPOSED: list[dict[str, Any]] = [
    {
        "Id": "4cb07b47f9fb",
        "Names": ["/shop-postgres-1"],
        "Image": "postgres:17",
        "State": "running",
        "Status": "Up 2 hours",
        "Ports": [
            {
                "IP": "0.0.0.0",  # noqa: S104 - what Docker writes
                "PrivatePort": 5432,
                "PublicPort": 4001,
                "Type": "tcp",
            },
            {"IP": "::", "PrivatePort": 5432, "PublicPort": 4001, "Type": "tcp"},
        ],
        "Labels": {
            "com.docker.compose.project": "shop",
            "com.docker.compose.project.working_dir": "/home/you/shop",
            "com.docker.compose.service": "postgres",
        },
    },
    {
        "Id": "3176a2479c92",
        "Names": ["/shop-redis-1"],
        "Image": "redis:8",
        "State": "running",
        "Status": "Up 2 hours",
        "Ports": [{"PrivatePort": 6379, "Type": "tcp"}],
        "Labels": {"com.docker.compose.project": "shop"},
    },
]

Answer: TypeAlias = Callable[[socket.socket, threading.Event], None]
"""Says something on a connection, and looks whether it is to stop."""


def says(body: object, *, status: str = "200 OK", head: str = "") -> Answer:
    """Answer like the engine does to HTTP 1.0: all at once, then the end."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = f"HTTP/1.0 {status}\r\nContent-Type: application/json\r\n{head}\r\n"

    def answer(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(lines.encode() + content)

    return answer


@contextmanager
def engine(answer: Answer) -> Iterator[tuple[str, list[bytes]]]:
    """Yield the path of the socket, and the requests that came."""
    asked: list[bytes] = []
    stop = threading.Event()
    # Not in the test's folder: a path of a unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="stub-") as folder:
        path = os.path.join(folder, "docker.sock")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()
            server.settimeout(0.05)
            thread = threading.Thread(
                target=_serve, args=(server, answer, asked, stop), name="dockerstub"
            )
            thread.start()
            try:
                yield path, asked
            finally:
                stop.set()
                thread.join(timeout=30)


def _serve(
    server: socket.socket, answer: Answer, asked: list[bytes], stop: threading.Event
) -> None:
    while not stop.is_set():
        with suppress(TimeoutError):
            connection, _ = server.accept()
            with connection, suppress(OSError):  # the other side has had enough
                connection.settimeout(5)
                asked.append(connection.recv(65536))
                answer(connection, stop)
