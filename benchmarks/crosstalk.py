"""
Two runs of `pytest -n 8` and a dev stack, in one checkout, at the same time.

Every test starts a server on each service's port, and asks each of them who it is: it
must be the one of this run, of this worker and of this very test. The dev stack is
asked all the while, and must always be the one that answers on the checkout's ports.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import shop
from table import Row


_RUNS, _WORKERS, _EACH, _ROUNDS = 2, 8, 50, 20
_SERVICES = 7
_PATIENCE = 600
_TESTS = """\
    import os
    import socket
    import time
    from pathlib import Path
    from socketserver import BaseRequestHandler, ThreadingTCPServer
    from threading import Thread

    import pytest

    HERE, RUN = os.environ["PORTCONF_ROOT"], os.environ["CROSSTALK_RUN"]
    DEV = {dev}
    LOG = Path(os.environ["CROSSTALK_LOG"], f"{{RUN}}-{{os.getpid()}}")


    class Server(ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True

        def __init__(self, port, name):
            self.name = name
            super().__init__(("127.0.0.1", port), Answer)


    class Answer(BaseRequestHandler):
        def handle(self):
            self.request.sendall(self.server.name)


    def ask(port):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            return client.makefile("rb").read()


    def tell(what):
        with LOG.open("a", encoding="utf-8") as file:
            file.write(f"{{what}}\\n")


    @pytest.mark.parametrize("nth", range({tests}))
    def test_nobody_else_answers(nth, ports, worker_id):
        servers = []
        for service, port in ports.items():
            name = f"{{HERE}} {{RUN}} {{worker_id}} {{nth}} {{service}}".encode()
            try:
                servers.append(Server(port, name))
            except OSError:
                tell("refused")
                raise
        for server in servers:
            Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        for server in servers:
            tell("right" if ask(server.server_address[1]) == server.name else "wrong")
        for port in DEV:
            tell("dev" if ask(port) == f"dev {{port}}".encode() else "wrong dev")
        for server in servers:
            server.shutdown()
            server.server_close()
"""
_DEV = """\
    import socket, sys
    from threading import Thread

    def serve(listening, name):
        while True:
            client, _ = listening.accept()
            client.sendall(name)
            client.close()

    for word in sys.argv[1:]:
        made = socket.create_server(("127.0.0.1", int(word)), backlog=512)
        Thread(target=serve, args=(made, f"dev {word}".encode()), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
"""


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Run them round after round, and count what went wrong."""
    root = shop.make(place / "crosstalk")
    ports = _ports(root)
    workers, each = (1, 2) if quick else (_WORKERS, _EACH)
    rounds = 1 if quick else _ROUNDS
    text = dedent(_TESTS).format(dev=ports, tests=workers * each)
    (root / "test_crosstalk.py").write_text(text, encoding="utf-8")
    found = Counter[str]()
    for turn in range(rounds):
        log = place / f"log-{turn}"
        log.mkdir()
        found += _round(root, ports, log, workers=workers)
    tests = rounds * _RUNS * workers * each
    scale = f"{rounds} rounds of {_RUNS} runs, {workers} workers, {each} tests each"
    yield Row.exactly(f"tests that passed: {scale}", found["passed"], tests)
    answers = tests * _SERVICES
    yield Row.exactly("answers of the test's own server", found["right"], answers)
    yield Row.exactly("answers of the dev stack on its ports", found["dev"], answers)
    yield Row.exactly("binds that were refused", found["refused"], 0)
    wrong = found["wrong"] + found["wrong dev"]
    yield Row.exactly("answers of somebody else", wrong, 0)


def _ports(root: Path) -> list[int]:
    done = subprocess.run(
        (sys.executable, "-m", "portconf", "export", "--format", "json"),
        cwd=root,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    named = re.findall(r'"([A-Z_]+)_PORT": "?(\d+)', done.stdout)
    return [int(port) for name, port in named if name not in ("BASE", "NEXT")]


def _round(root: Path, ports: list[int], log: Path, *, workers: int) -> Counter[str]:
    words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    found = Counter[str]()
    with subprocess.Popen(
        (sys.executable, "-c", dedent(_DEV), *map(str, ports)),
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as dev:
        assert dev.stdout
        assert dev.stdout.readline() == b"ready\n", "the dev stack did not start"
        runs = [
            subprocess.Popen(
                (*words, "-n", str(workers)),
                cwd=root,
                env={
                    **os.environ,
                    "CROSSTALK_RUN": str(nth),
                    "CROSSTALK_LOG": str(log),
                },
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
            for nth in range(_RUNS)
        ]
        for run in runs:
            out, _ = run.communicate(timeout=_PATIENCE)
            passed = re.search(r"(\d+) passed", out)
            found["passed"] += int(passed[1]) if passed else 0
            if run.returncode:
                print(out, file=sys.stderr)
        dev.communicate(timeout=_PATIENCE)  # the end of its input ends it
    for file in log.iterdir():
        found.update(file.read_text(encoding="utf-8").splitlines())
    return found
