"""Alerts go out: real commands, real webhooks, also such that hang."""

import json
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from answerers import Answer, answering, endless, silent, status
from capability import needs
from hooks import Hook, hook
from patience import gone, until

from portconf.views import Site
from portconf.watching.events import Event, Kind, Notice
from portconf.watching.notices import Bell, Program, Way
from portconf.watching.webhook import Webhook


EVENT = Event(
    kind=Kind.DOWN,
    service="web",
    port=4000,
    message="'web' is down; $(touch pwned) `x`",
)


def notice(event: Event = EVENT) -> Notice:
    site = Site(project="shop", root="/home/you/shop", branch="a b")
    return Notice(event=event, site=site, at=1.5)


@contextmanager
def bell(way: Way, *, timeout: float = 10) -> Iterator[tuple[Bell, list[str]]]:
    """Hang a bell; yield it, and what it tells."""
    wrong: list[str] = []
    made = Bell(way, wrong.append, timeout=timeout)
    try:
        yield made, wrong
    finally:
        made.end()
        name = f"portconf-alert-{way.name}"
        assert name not in {each.name for each in threading.enumerate()}


def after(data: bytes) -> Answer:
    """Answer when all has come: to close before that would cut the answer off."""

    def answer(client: socket.socket) -> None:
        got = b""
        while not got.endswith(b"}"):
            got += client.recv(65536)
        client.sendall(data)

    return answer


def program(*words: str, at: Path) -> Program:
    return Program(words, folder=str(at), variables={"WEB_PORT": "4000"})


@pytest.fixture
def hooked() -> Iterator[Hook]:
    with hook() as made:
        yield made


def test_a_command_gets_the_alert_in_words_and_variables_and_no_shell_reads_it(
    tmp_path,
):
    script = 'printf "%s\\n" "$@" "$PORTCONF_EVENT $PORTCONF_SERVICE $WEB_PORT" >.t'
    words = ["sh", "-c", f"{script}; mv .t rung", "-", "{message}", "{branch}!"]

    with bell(program(*words, at=tmp_path)) as (made, wrong):
        made.ring(notice())
        until((tmp_path / "rung").exists)

    lines = (tmp_path / "rung").read_text(encoding="utf-8").splitlines()
    assert lines == [EVENT.message, "a b!", "down web 4000"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["rung"]
    assert wrong == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["no-such-program"],
            "cannot run 'no-such-program': No such file or directory",
        ),
        (["sh", "-c", "echo no bus; exit 3"], "sh exited with 3: no bus"),
        (["sh", "-c", "sleep 60"], "sh did not end within 0.2 s"),
        (["echo", "a\0b"], "embedded null byte"),
    ],
)
def test_what_goes_wrong_with_a_command_is_told_and_the_next_alert_goes_out(
    tmp_path, words, message
):
    with bell(program(*words, at=tmp_path), timeout=0.2) as (made, wrong):
        made.ring(notice())
        until(lambda: len(wrong) == 1)
        made.ring(notice())
        until(lambda: len(wrong) == 2)

    assert wrong == [f"alert by command: {message}"] * 2


def test_a_command_that_hangs_is_ended_with_its_children_at_the_end(tmp_path):
    hangs = program("sh", "-c", "sleep 300 & echo $! >child; wait", at=tmp_path)

    with bell(hangs) as (made, wrong):
        made.ring(notice())
        until(lambda: (tmp_path / "child").exists() and bool(_read(tmp_path / "child")))
        began = time.monotonic()

    assert time.monotonic() - began < 5
    assert gone(int(_read(tmp_path / "child")))
    assert wrong == []


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def test_alerts_that_pile_up_are_dropped_and_that_is_told_once(tmp_path):
    with bell(program("sleep", "300", at=tmp_path)) as (made, wrong):
        made.ring(notice())
        until(lambda: not made._lane._waiting)
        for _ in range(99):
            made.ring(notice())

    assert wrong == ["alerts by command that were dropped: 79"]


def test_a_webhook_gets_json(hooked):
    with bell(Webhook(f"{hooked.url}/a?b=c")) as (made, wrong):
        made.ring(notice())
        until(lambda: bool(hooked.got))

    (got,) = hooked.got
    assert got.path == "/a?b=c"
    assert got.headers["Content-Type"] == "application/json"
    assert json.loads(got.body) == notice().to_dict()
    assert wrong == []


def test_no_proxy_of_the_environment_is_asked(hooked, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    with bell(Webhook(hooked.url)) as (made, wrong):
        made.ring(notice())
        until(lambda: bool(hooked.got))

    assert wrong == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (after(status(500)), "answered with HTTP 500"),
        (after(status(302, "Location: http://127.0.0.1:1/")), "answered with HTTP 302"),
        (after(b"nonsense\r\n\r\n"), "did not answer: nonsense"),
        (after(b""), "did not answer: Remote end closed connection without response"),
        (silent, "did not answer within 0.5 s"),
        (endless(b"HTTP/1.1 200 X\r\n", b"A: b\r\n"), "did not answer within 0.5 s"),
    ],
    ids=["500", "302", "nonsense", "nothing", "silent", "endless"],
)
def test_what_goes_wrong_with_a_webhook_is_told_without_its_secret(answer, message):
    with (
        answering(answer) as port,
        bell(Webhook(f"http://127.0.0.1:{port}/t0ken"), timeout=1) as (made, wrong),
    ):
        made.ring(notice())
        until(lambda: bool(wrong))

    (told,) = wrong
    assert told.startswith(f"alert by webhook: http://127.0.0.1:{port} {message}")
    assert "t0ken" not in told


@needs("openssl")
def test_a_certificate_that_is_not_right_is_refused(tmp_path):
    key, made = tmp_path / "key.pem", tmp_path / "made.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2"
    pair = ["-keyout", str(key), "-out", str(made)]
    subprocess.run(["openssl", *words.split(), *pair], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)

    def refused(client: socket.socket) -> None:
        with suppress(ssl.SSLError):
            context.wrap_socket(client, server_side=True)

    with (
        answering(refused) as port,
        bell(Webhook(f"https://localhost:{port}/")) as (made_bell, wrong),
    ):
        made_bell.ring(notice())
        until(lambda: bool(wrong))

    assert "certificate verify failed" in wrong[0]


def test_a_webhook_that_is_not_there_yet_is_tried_again(hooked):
    hooked.answers[:] = [503, 503]

    with bell(Webhook(hooked.url)) as (made, wrong):
        made.ring(notice())
        until(lambda: len(hooked.got) == 3)
        made.ring(notice())
        until(lambda: len(hooked.got) == 4)

    assert wrong == []


def test_a_webhook_where_nobody_listens_is_given_up(free_port):
    with bell(Webhook(f"http://127.0.0.1:{free_port}")) as (made, wrong):
        made.ring(notice())
        until(lambda: bool(wrong))

    where = f"http://127.0.0.1:{free_port}"
    assert wrong == [f"alert by webhook: {where} cannot be reached: {os.strerror(111)}"]


def test_a_webhook_that_hangs_keeps_nobody_at_the_end():
    with (
        answering(silent) as port,
        bell(Webhook(f"http://127.0.0.1:{port}")) as (made, wrong),
    ):
        made.ring(notice())
        until(lambda: any("limit" in each.name for each in threading.enumerate()))
        began = time.monotonic()
        made.end()

    assert time.monotonic() - began < 3
    assert wrong == []


@pytest.fixture
def free_port(base: int) -> int:
    return base
