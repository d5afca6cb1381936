"""Servers that answer in a way of their own, in a thread of the test."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


Answer = Callable[[socket.socket], None]


def said(*answers: bytes) -> Answer:
    """Give the answers one after another, a connection each; the last for ever."""
    left = list(answers)

    def answer(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(left.pop(0) if len(left) > 1 else left[0])

    return answer


def status(number: int, *more: str, body: bytes = b"") -> bytes:
    """Return an HTTP answer."""
    lines = [f"HTTP/1.1 {number} X", *more, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def endless(head: bytes, drop: bytes) -> Answer:
    """Answer with a head and then drop by drop, until the client leaves."""

    def answer(client: socket.socket) -> None:
        client.sendall(head)
        client.settimeout(0.05)
        while True:
            with suppress(TimeoutError):
                if not client.recv(65536):
                    return
            client.sendall(drop)

    return answer


def silent(client: socket.socket) -> None:
    """Say nothing, until the client leaves."""
    while client.recv(65536):
        pass


@contextmanager
def answering(answer: Answer, *, on: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Let a server answer each connection until the block ends; yield its port."""
    family = socket.AF_INET6 if ":" in on else socket.AF_INET
    with socket.create_server((on, port), family=family) as server:
        clients: list[socket.socket] = []
        threads: list[threading.Thread] = []

        def one(client: socket.socket) -> None:
            with client, suppress(OSError):
                answer(client)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    clients.append(client)
                    threads.append(threading.Thread(target=one, args=(client,)))
                    threads[-1].start()

        master = threading.Thread(target=serve)
        master.start()
        try:
            yield server.getsockname()[1]
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            master.join(10)
            for client in clients:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)
