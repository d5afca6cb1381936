"""Prometheus and the programs around it, each a process that ends with the test."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener


_DIRECT = build_opener(ProxyHandler({}))


def get(port: int, path: str) -> Any:
    """Return what a server answers: decoded JSON, or else a text; None without one."""
    try:
        with _DIRECT.open(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            data = answer.read().decode()
    except (URLError, ConnectionError, TimeoutError):
        return None
    return json.loads(data) if data.startswith(("{", "[")) else data


@contextmanager
def started(*words: str, at: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Let a program run in a folder until the block ends; what it says is in `log`."""
    with (
        open(at / "log", "ab") as log,
        subprocess.Popen(
            words,
            cwd=at,
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def hurry(folder: Path) -> None:
    """Let what is generated for people be quick enough for a test."""
    for name in ("prometheus.yml", "portconf.rules.yml", "alertmanager.yml"):
        file = folder / name
        text = file.read_text(encoding="utf-8")
        quick, count = re.subn(
            r"(interval|for|group_wait): \d+[smh]$", r"\1: 1s", text, flags=re.MULTILINE
        )
        assert count
        file.write_text(quick, encoding="utf-8")


@contextmanager
def prometheus(folder: Path, port: int) -> Iterator[None]:
    """Let Prometheus run on the `prometheus.yml` of a folder."""
    with started(
        "prometheus",
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
        at=folder,
    ):
        yield


@contextmanager
def blackbox(folder: Path, port: int) -> Iterator[None]:
    """Let the blackbox exporter run on the `blackbox.yml` of a folder."""
    with started(
        "prometheus-blackbox-exporter",
        "--config.file=blackbox.yml",
        f"--web.listen-address=127.0.0.1:{port}",
        at=folder,
    ):
        yield


@contextmanager
def alertmanager(folder: Path, port: int) -> Iterator[None]:
    """Let Alertmanager run on the `alertmanager.yml` of a folder."""
    with started(
        "prometheus-alertmanager",
        "--config.file=alertmanager.yml",
        "--storage.path=alerts",
        "--cluster.listen-address=",
        f"--web.listen-address=127.0.0.1:{port}",
        at=folder,
    ):
        yield


@contextmanager
def webhook(port: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the alerts that somebody posts to a port, in their order."""
    rung: list[dict[str, Any]] = []

    class Bell(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            rung.extend(json.loads(body)["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Bell) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield rung
        finally:
            server.shutdown()
            thread.join(10)
