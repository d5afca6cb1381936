"""`wait`: real servers that come late, or wrong, or not at all."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from answerers import answering, endless, said, silent, status
from checkouts import Checkout, declaration, repository
from commandline import on_terminal
from patience import gone
from servers import needs_address, serve

from portconf import ForeignListenerError, HealthError, Project, sockets
from portconf.health import Report
from portconf.ownership import Listener, Process


HANGS = '["sh", "-c", "sleep 300 & echo $! >child; wait"]'
MOVES = re.compile(r"\x1b")


@pytest.fixture(autouse=True)
def _no_engine_of_this_machine(monkeypatch) -> None:
    """Its containers may publish what the tests listen on."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that lies in no checkout."""
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


@pytest.fixture
def make_shop(tmp_path, base, monkeypatch) -> Callable[..., Checkout]:
    """Make a checkout that this process stands in, so that its servers are ours."""

    def make(table: str = 'web = ""\ndb = ""', *, settings: str = "") -> Checkout:
        shop = repository(tmp_path / "shop", base)
        (shop.root / "config" / "port_assignments.json").unlink()
        shop.declare(declaration(base, table=table, settings=settings))
        shop.init()
        monkeypatch.chdir(shop.root)
        return shop

    return make


@pytest.fixture
def shop(make_shop: Callable[..., Checkout]) -> Checkout:
    """A checkout with two services, which are asked by a connection."""
    return make_shop()


@contextmanager
def on_first_progress(
    server: AbstractContextManager[object],
) -> Iterator[Callable[[Report], object]]:
    """Give a call-back of progress that starts a server when it is first called."""
    with ExitStack() as stack:
        left = [server]

        def start(_: Report) -> None:
            if left:
                stack.enter_context(left.pop())

        yield start


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("portconf")]


# Until they answer.


def test_servers_that_listen_already_are_not_waited_for(shop, base):
    with answering(silent, port=base), answering(silent, port=base + 1):
        done = shop.run("wait")

    assert (done.code, done.out) == (0, "")
    assert re.fullmatch(r"portconf: web, db: healthy after 0\.\d s\n", done.err)


@pytest.mark.usefixtures("shop")
def test_a_server_that_comes_late_is_waited_for(base):
    with on_first_progress(answering(silent, port=base + 1)) as start:
        report = Project.find().wait(["db"], timeout=60, on_progress=start)

    (db,) = report.services
    assert (db.service, db.port, db.healthy) == ("db", base + 1, True)
    assert db.seconds is not None
    assert 0 < db.seconds <= report.seconds < 10
    assert threads() == []


def test_a_server_that_says_503_at_first_is_waited_for(make_shop, base):
    shop = make_shop('web = { health = "/healthz" }')

    with answering(said(*[status(503)] * 3, status(200)), port=base):
        done = shop.run("wait", "--timeout", "60", "--json")

    (web,) = done.data["services"]
    assert web["seen"] == "HTTP 200 from /healthz on 127.0.0.1"
    assert web["seconds"] > 0


@pytest.mark.usefixtures("shop")
def test_a_server_on_ipv6_alone_is_seen(base):
    needs_address("::1")

    with answering(silent, port=base, on="::1"):
        report = Project.find().wait("web", timeout=60)

    assert report.services[0].seen == "accepts connections on ::1"


def test_a_command_is_run_in_the_project_until_it_ends_with_0(make_shop, base):
    script = "echo $PORTCONF_ROOT $WEB_PORT >>asked; test $(wc -l <asked) -ge 3"
    shop = make_shop(f"""web = {{ health = ["sh", "-c", '{script}'] }}""")

    done = shop.run("-C", str(shop.root), "wait", "--timeout", "60")

    assert done.code == 0, done
    asked = (shop.root / "asked").read_text().splitlines()
    assert asked == [f"{shop.root} {base}"] * 3


def test_the_ports_are_those_of_the_checkout(shop, base):
    shop.git("add", "-A")
    shop.git("commit", "-qm", "all")
    worktree = shop.worktree("../fix")

    with answering(silent, port=base):
        done = worktree.run("wait", "web", "--timeout", "0.2", "--json")

    assert done.code == 6
    assert done.error["services"][0]["port"] == worktree.port("web") != base


def test_a_project_without_services_waits_for_nothing(make_shop):
    shop = make_shop()
    shop.declare("[tool.portconf]\n")

    done = shop.run("wait")

    assert done.code == 0
    assert done.err == "portconf: no service is declared: nothing to wait for\n"


# The time is over.


def test_a_time_out_tells_what_was_seen_last(make_shop, base):
    shop = make_shop(
        'web = { health = "/healthz" }\ndb = ""\n'
        'queue = { health = ["sh", "-c", "echo no queue; exit 2"] }\n'
        'dns = { protocol = "udp" }\ncache = ""'
    )

    with answering(said(status(503)), port=base), answering(silent, port=base + 4):
        done = shop.run("wait", "--timeout", "0.3")

    assert (done.code, done.out) == (6, "")
    assert done.err.splitlines() == [
        "portconf: gave up after 0.3 s: 4 of 5 services are not healthy",
        f"portconf: 'web' on port {base}: HTTP 503 from /healthz on 127.0.0.1",
        f"portconf: 'db' on port {base + 1}: connection refused on 127.0.0.1 and ::1",
        f"portconf: 'queue' on port {base + 2}: sh exited with 2: no queue",
        f"portconf: 'dns' on port {base + 3}: no UDP socket",
        "hint: start them, or raise --timeout; 'portconf status' shows who listens",
    ]


def test_a_program_reads_the_time_out_from_json(shop, base):
    done = shop.run("wait", "db", "--timeout", "0.1", "--json")

    assert done.code == 6
    assert done.error["code"] == "health"
    assert done.error["services"] == [
        {
            "service": "db",
            "port": base + 1,
            "probe": "tcp",
            "healthy": False,
            "seen": "connection refused on 127.0.0.1 and ::1",
            "seconds": None,
        }
    ]
    assert done.err == ""


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nX: "], ids=["status", "header"]
)
def test_an_answer_that_does_not_end_does_not_outlive_the_time(make_shop, base, head):
    make_shop('web = { health = "/" }\nother = { health = "/" }')
    drips = endless(head, b"1")
    began = time.monotonic()

    with (
        answering(drips, port=base),
        answering(drips, port=base + 1),
        pytest.raises(HealthError) as caught,
    ):
        Project.find().wait(timeout=0.4)

    assert time.monotonic() - began < 5
    seen = [each["seen"] for each in caught.value.services]
    assert all(each.startswith("no answer to GET / within 0.") for each in seen)
    assert threads() == []


def test_a_command_that_hangs_does_not_outlive_the_time(make_shop):
    shop = make_shop(f"web = {{ health = {HANGS} }}")

    done = shop.run("wait", "--timeout", "0.5")

    assert done.code == 6
    assert "sh did not end within 0.5 s" in done.err
    assert gone(int((shop.root / "child").read_text()))


@pytest.mark.parametrize("seconds", ["abc", "-1", "0", "nan", "inf", "1e9", ""])
@pytest.mark.parametrize("verb", ["wait", "health"])
def test_a_timeout_that_is_no_time_is_refused(shop, verb, seconds):
    done = shop.run(verb, f"--timeout={seconds}")

    assert done.code == 2
    assert f"must be seconds above 0, at most 1000000, got {seconds!r}" in done.err


@pytest.mark.parametrize("verb", ["wait", "health"])
def test_an_unknown_service_is_refused_as_get_refuses_it(shop, verb):
    done = shop.run(verb, "web", "dbb")

    assert done == shop.run("get", "dbb")
    assert (done.code, "did you mean 'db'?" in done.err) == (3, True)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_timeout_that_is_no_time_is_a_bug_of_the_caller(seconds):
    with pytest.raises(ValueError, match="must be above 0 seconds"):
        Project.find().wait(timeout=seconds)


# Never the wrong server.


@pytest.mark.usefixtures("shop")
def test_a_foreign_server_ends_the_wait_at_once(base, outside):
    with (
        on_first_progress(serve(base, at=outside)) as start,
        pytest.raises(ForeignListenerError) as caught,
    ):
        Project.find().wait(timeout=60, on_progress=start)

    (listener,) = caught.value.listeners
    assert (listener["service"], listener["port"]) == ("web", base)
    assert listener["folder"] == str(outside)
    assert threads() == []


def test_a_foreign_server_that_is_there_is_refused_in_the_words_of_the_guard(
    shop, base, outside
):
    with serve(base, at=outside) as server:
        waited = shop.run("wait", "web")
        guarded = shop.run("guard")

    assert waited == guarded
    assert waited.code == 7
    assert f"hint: stop it: kill {server.pid}\n" in waited.err


def test_a_foreign_server_on_a_port_that_is_not_waited_for_is_none_of_its_business(
    shop, base, outside
):
    with serve(base + 1, at=outside), answering(silent, port=base):
        done = shop.run("wait", "web")

    assert done.code == 0, done


@pytest.mark.usefixtures("shop")
def test_a_service_that_foreign_and_ours_serve_is_foreign(base, outside):
    needs_address("::1")

    late = serve(base, at=outside, on=["::1"])

    with (
        answering(silent, port=base),
        on_first_progress(late) as start,
        pytest.raises(ForeignListenerError),
    ):
        Project.find().wait(timeout=60, on_progress=start)


@pytest.mark.parametrize(("guard", "told"), [("warn", 1), ("off", 0)])
def test_the_declaration_says_what_a_foreign_server_does(
    make_shop, base, outside, guard, told
):
    shop = make_shop(settings=f'guard = "{guard}"')

    with serve(base, at=outside), answering(silent, port=base + 1):
        done = shop.run("wait", "--json")

    assert done.code == 0, done
    assert len(done.data["notes"]) == told
    assert done.err.count("is somebody else's") == told


def test_the_main_checkouts_server_is_right_where_it_is_shared(
    make_shop, base, outside
):
    shop = make_shop("web = { shared = true }")

    with serve(base, at=outside):
        done = shop.run("wait")

    assert done.code == 0, done


# On a terminal, and ended from outside.


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}], ids=str)
def test_a_terminal_sees_one_line_that_is_taken_away(shop, env):
    shown = on_terminal("wait", "--timeout", "0.6", at=shop.root, env=env)

    assert shown.code == 6
    assert not MOVES.search(shown.out)
    *states, last = shown.out.split("\r")
    assert "0 s of 0.6 s, waits for web (connection refused on 127.0.0.1" in shown.out
    assert all(len(each) < 100 and "\n" not in each for each in states)
    assert states[-1].strip() == ""  # blanks over the line
    assert last.startswith("portconf: gave up after 0.6 s")


@pytest.mark.parametrize("env", [{"TERM": "dumb"}], ids=str)
def test_a_terminal_that_cannot_go_back_sees_the_end_alone(shop, env):
    shown = on_terminal("wait", "--timeout", "0.3", at=shop.root, env=env)

    assert shown.out.startswith("portconf: gave up after 0.3 s")
    assert "\r" not in shown.out


def test_ctrl_c_ends_the_wait_and_its_commands(make_shop):
    shop = make_shop(f"web = {{ health = {HANGS} }}\ndb = ''")

    shown = on_terminal("wait", at=shop.root, answer=("waits for web", "\x03"))

    assert shown.code == 130
    assert "Traceback" not in shown.out
    assert gone(int((shop.root / "child").read_text()))


def test_sigterm_ends_the_wait_and_its_commands(make_shop):
    shop = make_shop(f"web = {{ health = {HANGS} }}")
    child = shop.root / "child"

    with shop.start("wait") as running:
        until = time.monotonic() + 30
        while not (child.exists() and child.read_text()) and time.monotonic() < until:
            time.sleep(0.01)
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=30)

    assert (running.returncode, out, err) == (143, "", "")
    assert gone(int(child.read_text()))


def test_an_interrupt_leaves_neither_thread_nor_process(make_shop):
    shop = make_shop(f"web = {{ health = {HANGS} }}\ndb = {{ health = '/' }}")
    child = shop.root / "child"

    def interrupt(_: object) -> None:
        if child.exists() and child.read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Project.find().wait(timeout=60, on_progress=interrupt)

    assert threads() == []
    assert gone(int(child.read_text()))


# What it costs.


def test_only_a_path_loads_the_http_client(shop, base):
    code = (
        "import sys; from portconf.cli import main;"
        "main(['wait', '--timeout', '0.05']); print('urllib3' in sys.modules)"
    )

    def loaded() -> str:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        )
        assert "gave up" in done.stderr
        return done.stdout.strip()

    without = loaded()
    shop.declare(declaration(base, table='web = { health = "/" }\ndb = ""'))

    assert (without, loaded()) == ("False", "True")


@pytest.mark.usefixtures("shop")
def test_owners_are_looked_for_when_a_listener_is_new_and_not_else(base, monkeypatch):
    looks = []
    real = sockets.owners

    def counted(listeners: Iterable[Listener]) -> Mapping[Listener, Process | None]:
        looks.append(listeners)
        return real(listeners)

    monkeypatch.setattr("portconf.sockets.owners", counted)

    with answering(silent, port=base), pytest.raises(HealthError):
        Project.find().wait(timeout=0.4)

    assert len(looks) == 1
