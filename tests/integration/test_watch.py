"""`watch`: the real command, beside editors, git, servers and other commands."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from capability import unmeasured
from checkouts import Checkout, declaration, registry, repository
from commandline import run, state
from hooks import hook
from patience import gone, until
from servers import serve

from portconf.cli.watch import _Stream
from portconf.watching.looks import Looks
from portconf.watching.loop import Watch
from portconf.watching.renewal import Renewal


FILES = (".env", ".env.compose", "port_exports.sh")


@pytest.fixture(autouse=True)
def _no_engine_of_this_machine(monkeypatch) -> None:
    """Its containers may publish what the tests listen on."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


@dataclass(frozen=True)
class Watched:
    """A `portconf watch` that runs, and what it has printed."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = self.out.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    @property
    def said(self) -> str:
        return self.err.read_text(encoding="utf-8")

    def heard(self, *kinds: str) -> list[dict[str, Any]]:
        return [each for each in self.events if each["event"] in kinds]

    def hears(self, kind: str, *, times: int = 1) -> dict[str, Any]:
        """Wait until an event has been told so many times; return the last."""
        until(lambda: len(self.heard(kind)) >= times)
        return self.heard(kind)[-1]

    def says(self, text: str) -> None:
        until(lambda: text in self.said)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Start a watch: `watch(checkout, "--export", ...)`."""
    with ExitStack() as stack:
        count = 0

        def start(at: Checkout, *words: str, **options: Any) -> Watched:
            nonlocal count
            count += 1
            out, err = (tmp_path / f"watch-{count}.{name}" for name in ("out", "err"))
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "portconf", "watch", "--json"),
                    *("--interval", "0.1", *words),
                ],
                cwd=at.root,
                stdin=subprocess.DEVNULL,
                stdout=stack.enter_context(out.open("wb")),
                stderr=stack.enter_context(err.open("wb")),
                **options,
            )
            stack.callback(_ended, process)
            made = Watched(process, out, err)
            until(lambda: bool(made.events) or process.poll() is not None)
            return made

        yield start


def _ended(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


@pytest.fixture
def shop(tmp_path, base) -> Checkout:
    """A main checkout with two services and its files ignored."""
    made = repository(tmp_path / "shop", base, "web", "db")
    (made.root / ".gitignore").write_text("\n".join(FILES), encoding="utf-8")
    return made


def holds(path: Path, text: str) -> bool:
    return path.exists() and text in path.read_text(encoding="utf-8")


def saved(path: Path, text: str) -> None:
    """Replace a file by renaming another, as editors do."""
    other = path.with_name(f"{path.name}~")
    other.write_text(text, encoding="utf-8")
    os.replace(other, path)


@contextmanager
def server(at: Checkout | Path, port: int) -> Iterator[int]:
    with serve(port, at=at.root if isinstance(at, Checkout) else at) as made:
        yield made.pid


def test_it_begins_with_what_init_does(shop, watch, base):
    watched = watch(shop)

    first, written = watched.heard("watching"), watched.hears("written")
    assert first[0]["message"] == f"{shop.root}, 2 services on {base}-{base + 1}"
    assert written["files"] == [*FILES]
    assert holds(shop.root / ".env", f"DB_PORT={base + 1}")
    assert watched.said == ""


def test_a_new_service_is_on_disk_and_told(shop, watch, base, tmp_path):
    watched = watch(shop, "--export", f"json={tmp_path}/out")

    saved(shop.root / "pyproject.toml", declaration(base, "web", "db", "queue"))

    line = f"QUEUE_PORT={base + 2}"
    for name in FILES:
        until(partial(holds, shop.root / name, line))
    until(lambda: holds(next((tmp_path / "out").iterdir()), "QUEUE_PORT"))
    event = watched.hears("changed")
    assert (event["service"], event["port"]) == ("queue", base + 2)
    assert (event["project"], event["branch"]) == ("shop", "main")


def test_a_load_balancer_listens_where_the_watch_was_told(shop, watch, tmp_path):
    out = tmp_path / "out"
    watched = watch(shop, "--export", f"caddy={out}", "--listen", "db")

    watched.hears("written")

    assert f":{shop.port('db')} {{" in (out / "Caddyfile").read_text(encoding="utf-8")


def test_what_it_writes_does_not_wake_it_for_ever(shop, watch, base):
    watched = watch(shop)
    saved(shop.root / "pyproject.toml", declaration(base, "web", "db", "queue"))
    watched.hears("written", times=2)

    before = state(shop.root)
    with server(shop, base):
        watched.hears("up")

    assert state(shop.root) == before
    assert len(watched.heard("written")) == 2


def test_our_section_of_env_is_restored_and_the_users_lines_stay(shop, watch, base):
    watched = watch(shop)
    env = shop.root / ".env"
    text = env.read_text(encoding="utf-8")

    saved(env, "SECRET=1\n" + text.replace(f"WEB_PORT={base}", "WEB_PORT=1"))

    until(lambda: env.read_text(encoding="utf-8") == f"SECRET=1\n{text}")
    assert watched.said == ""


def test_the_files_follow_the_lease(shop, watch, base):
    watched = watch(shop)

    run("init", "--relocate", at=shop.root)

    moved = watched.hears("changed", times=2)
    assert moved["message"] == f"'db' moved from port {base + 1} to {moved['port']}"
    until(lambda: holds(shop.root / ".env", f"DB_PORT={moved['port']}"))
    assert watched.heard("conflict") == []


def test_a_lease_that_is_lost_to_another_is_a_conflict(shop, watch, base, tmp_path):
    watched = watch(shop)
    watched.process.send_signal(signal.SIGSTOP)
    for each in registry().parent.iterdir():
        each.unlink()
    other = repository(tmp_path / "other", base, "web")
    other.init()
    watched.process.send_signal(signal.SIGCONT)

    event = watched.hears("conflict")

    assert (event["service"], event["port"]) == ("web", base)
    assert str(other.root) in event["message"]
    moved = watched.hears("changed", times=2)
    assert holds(shop.root / ".env", f"DB_PORT={moved['port']}")


def test_a_registry_that_is_removed_is_made_anew(shop, watch, base):
    watched = watch(shop)

    for each in registry().parent.iterdir():
        each.unlink()

    until(registry().exists)
    until(lambda: shop.lease() is not None)
    assert shop.port() == base
    assert watched.heard("conflict", "changed") == []


@contextmanager
def alerting(shop: Checkout, base: int, command: str) -> Iterator[Any]:
    with hook() as made:
        shop.declare(
            f"{declaration(base, 'web', 'db')}\n[tool.portconf.alerts]\n"
            f"webhook = '{made.url}'\ncommand = ['sh', '-c', '''{command}''']\n"
        )
        yield made


def test_a_foreign_server_rings_once_and_so_does_its_end(shop, watch, base, tmp_path):
    other = repository(tmp_path / "other", base + 20, "web")
    rung = tmp_path / "rung"
    command = f'echo "$PORTCONF_EVENT $PORTCONF_SERVICE" >>{rung}'

    with alerting(shop, base, command) as hooked:
        watched = watch(shop)
        with server(other, base + 1) as pid:
            event = watched.hears("foreign")
            until(lambda: len(hooked.got) == 1)
        watched.hears("recovered")
        until(lambda: len(hooked.got) == 2)
        until(lambda: holds(rung, "recovered"))

    assert event["service"] == "db"
    assert event["owner"]["pid"] == pid
    assert event["owner"]["checkout"] == str(other.root)
    assert [json.loads(each.body) for each in hooked.got] == watched.heard(
        "foreign", "recovered"
    )
    assert rung.read_text(encoding="utf-8") == "foreign db\nrecovered db\n"
    assert watched.heard("recovered")[0]["was"] == "foreign"


def test_a_service_that_stops_and_comes_back_rings(shop, watch, base):
    with alerting(shop, base, "true") as hooked:
        watched = watch(shop)
        with server(shop, base) as pid:
            assert watched.hears("up")["owner"]["pid"] == pid
        assert watched.hears("down")["service"] == "web"
        with server(shop, base):
            assert watched.hears("recovered")["was"] == "down"
            until(lambda: len(hooked.got) == 2)

    kinds = [json.loads(each.body)["event"] for each in hooked.got]
    assert kinds == ["down", "recovered"]
    assert watched.said == ""


def test_a_fixed_port_that_another_checkout_has_leased_is_a_conflict(
    shop, watch, base, tmp_path
):
    fixed = f"web = ''\ndb = ''\nqueue = {{ port = {base + 30} }}"
    other = repository(tmp_path / "other", base + 25, "web")
    other.declare(declaration(base + 25, table=f"web = {{ port = {base + 30} }}"))
    (other.root / "config" / "port_assignments.json").unlink()
    other.init()
    watched = watch(shop)

    saved(shop.root / "pyproject.toml", declaration(base, table=fixed))
    event = watched.hears("conflict")
    run("reset", "--yes", at=other.root)

    assert (event["service"], event["port"]) == ("queue", base + 30)
    assert str(other.root) in event["message"]
    assert watched.hears("recovered")["was"] == "conflict"
    until(lambda: holds(shop.root / ".env", f"QUEUE_PORT={base + 30}"))


def test_alerts_that_fail_are_told_and_nothing_stops(shop, watch, base):
    with alerting(shop, base, "echo no bus; exit 1") as hooked:
        hooked.answers[:] = [500]
        watched = watch(shop)
        with server(shop, base):
            watched.hears("up")
        watched.says("portconf: alert by command: sh exited with 1: no bus\n")
        watched.says(f"portconf: alert by webhook: {hooked.url} answered with HTTP 500")

    saved(shop.root / "pyproject.toml", declaration(base, "web", "db", "queue"))
    watched.hears("changed")


def test_a_broken_declaration_is_told_and_survived(shop, watch, base):
    watched = watch(shop)
    before = {name: (shop.root / name).read_bytes() for name in FILES}

    saved(shop.root / "pyproject.toml", "[tool.portconf\n")
    watched.says("portconf: pyproject.toml: is not TOML: ")
    broken = {name: (shop.root / name).read_bytes() for name in FILES}
    saved(shop.root / "pyproject.toml", declaration(base, "web", "db", "queue"))
    watched.hears("changed")

    assert broken == before
    assert watched.said.count("is not TOML") == 1
    watched.says(f"portconf: {shop.root}: all is well again\n")


def test_another_branch_with_other_services_is_followed(shop, watch, base):
    shop.git("checkout", "-qb", "more")
    shop.commit(base, "web", "db", "queue", "mail")
    shop.git("checkout", "-qb", "none")
    shop.git("rm", "-q", "pyproject.toml", "config/port_assignments.json")
    shop.git("commit", "-qm", "nothing declared")
    shop.git("checkout", "-q", "main")
    watched = watch(shop)

    shop.git("checkout", "-q", "more")
    until(lambda: holds(shop.root / ".env", f"MAIL_PORT={base + 3}"))
    event = watched.hears("changed", times=2)
    shop.git("checkout", "-q", "none")
    watched.says("pyproject.toml: cannot be read: No such file or directory")
    shop.git("checkout", "-q", "main")
    until(lambda: not holds(shop.root / ".env", "MAIL_PORT"))

    assert (event["service"], event["branch"]) == ("mail", "more")
    until(lambda: shop.git("status", "--porcelain") == "?? .gitignore\n")


def test_a_worktree_has_its_own_ports_and_is_missed_when_it_is_removed(shop, watch):
    tree = shop.worktree("../tree")
    watched = watch(tree)
    written = watched.hears("written")

    shop.git("worktree", "remove", "--force", str(tree.root))
    watched.says(f"{tree.root} is gone: its return is waited for, 60 s at the most")

    assert written["root"] == str(tree.root)
    assert written["instance"] > 0
    assert not (shop.root / ".env").exists()
    assert watched.end() == 0


def test_a_worktree_without_its_git_file_leaves_the_main_checkouts_ports_alone(
    shop, watch
):
    tree = shop.worktree("../tree")
    watched = watch(tree)
    text = (tree.root / ".env").read_text(encoding="utf-8")

    (tree.root / ".git").rename(tree.root / "away")
    watched.says("any more: nothing is written")
    (tree.root / ".env").write_text("", encoding="utf-8")
    with server(tree, first_port(watched)):
        watched.hears("up")
    alone = (tree.root / ".env").read_bytes()
    (tree.root / "away").rename(tree.root / ".git")
    watched.says("all is well again")

    assert alone == b""
    until(lambda: holds(tree.root / ".env", text))
    assert shop.init()["instance"] == 0
    assert watched.heard("conflict") == []


def test_what_makes_a_checkout_is_watched(shop):
    tree = shop.worktree("../tree")

    main, linked = (Renewal(root=str(at.root)).renew(None) for at in (shop, tree))

    assert str(shop.root / ".git" / "HEAD") in main.ours & {*main.files}
    assert str(tree.root / ".git") in {*linked.files} - linked.ours


def test_what_a_format_is_made_from_is_watched_where_it_lies(shop):
    vendor = shop.root / "vendor"
    vendor.mkdir()
    (vendor / "compose.yaml").write_text("include: [inner.yaml]\n", encoding="utf-8")
    (vendor / "inner.yaml").write_text(
        "services: {db: {ports: ['5432:5432']}}\n", encoding="utf-8"
    )
    wanted = ("compose-override", str(vendor))

    made = Renewal(root=str(shop.root), exports=(wanted,)).renew(None)

    read = {"compose.yaml", "inner.yaml", "compose.override.yaml"}
    assert {str(vendor / each) for each in read} <= {*made.files}


def test_only_what_is_written_as_it_was_before_counts_as_undone(shop, base):
    env = str(shop.root / ".env")
    renewal = Renewal(root=str(shop.root))
    first = renewal.renew(None)

    shop.declare(declaration(base, "web", "db", "queue"))
    second = renewal.renew(first)
    shop.declare(declaration(base, "web", "db"))
    third = renewal.renew(second)
    Path(env).write_text("", encoding="utf-8")
    fourth = renewal.renew(third)

    made = (first, second, third, fourth)
    assert [env in each.undone for each in made] == [False, False, False, True]


def test_a_folder_can_be_removed_while_it_is_watched(shop, watch):
    watched = watch(shop)
    watched.hears("written")

    # In the order in which `rm -r` may do it, with as much between as it takes.
    for name in FILES:
        os.unlink(shop.root / name)
    shutil.rmtree(shop.root / ".git")
    with server(shop, first_port(watched)):
        watched.hears("up")

    assert [name for name in FILES if (shop.root / name).exists()] == []
    assert len(watched.heard("written")) == 1


def first_port(watched: Watched) -> int:
    return int(watched.heard("watching")[0]["message"].split(" on ")[1].split("-")[0])


def test_a_worktree_that_is_moved_is_said_where_and_watched_no_more(shop, watch):
    tree = shop.worktree("../tree")
    watched = watch(tree)

    shop.git("worktree", "move", str(tree.root), str(tree.root.parent / "there"))

    assert watched.process.wait(timeout=30) == 0
    assert watched.said.endswith(
        f"portconf: {tree.root} has moved to {tree.root.parent / 'there'}:"
        " start the watch there\n"
    )


def test_the_command_of_a_branch_that_is_checked_out_is_not_run(
    shop, watch, base, tmp_path
):
    other = repository(tmp_path / "other", base + 20, "web")
    with alerting(shop, base, "true") as hooked:
        watched = watch(shop)
        text = declaration(base, "web", "db")
        pwned = tmp_path / "pwned"
        saved(
            shop.root / "pyproject.toml",
            f"{text}[tool.portconf.alerts]\ncommand = ['touch', '{pwned}']\n",
        )
        watched.says("portconf: warning: the alerts are declared anew: start the watch")
        with server(other, base + 1):
            watched.hears("foreign")
            until(lambda: len(hooked.got) == 1)

    assert watched.end() == 0
    assert not pwned.exists()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_who_does_not_read_keeps_nobody_waiting(shop, base, stream, full_pipe):
    options: dict[str, Any] = {"stdout": subprocess.DEVNULL, stream: full_pipe}
    with subprocess.Popen(
        [sys.executable, "-m", "portconf", "watch"], cwd=shop.root, **options
    ) as process:
        try:
            until(lambda: holds(shop.root / ".env", "DB_PORT"))
            text = declaration(base, "web", "db", "queue")
            shop.declare(f"{text}[tool.portconf.alerts]\n")  # for standard error
            until(lambda: holds(shop.root / ".env", "QUEUE_PORT"))
            shop.declare(declaration(base, "web", "db", "queue", "mail"))
            until(lambda: holds(shop.root / ".env", "MAIL_PORT"))
            process.terminate()
            code = process.wait(timeout=30)
        finally:
            _ended(process)

    assert code == 0


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """The end that is written of a pipe in which there is no more room."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    with suppress(BlockingIOError):
        while True:
            os.write(write, b"x")
    os.set_blocking(write, True)
    yield write
    os.close(read)
    os.close(write)


def test_a_folder_that_is_removed_and_comes_back_is_watched_on(shop, watch, base):
    watched = watch(shop, env=unmeasured())
    kept = shop.copy("../kept")

    shutil.rmtree(shop.root)
    watched.says("is gone: its return is waited for")
    shutil.copytree(kept.root, shop.root)
    watched.says("all is well again")
    saved(shop.root / "pyproject.toml", declaration(base, "web", "db", "queue"))

    until(lambda: holds(shop.root / ".env", f"QUEUE_PORT={base + 2}"))


def test_two_watches_on_one_checkout_write_the_same(shop, watch, base):
    both = [watch(shop), watch(shop)]

    saved(shop.root / "pyproject.toml", declaration(base, "web", "db", "queue"))
    for each in both:
        each.hears("changed")

    assert sum(len(each.heard("written")) for each in both) in (2, 3)
    assert holds(shop.root / ".env", f"QUEUE_PORT={base + 2}")
    assert [each.said for each in both] == ["", ""]


def test_two_that_undo_each_others_files_leave_them_alone(shop, watch, base, tmp_path):
    other = repository(tmp_path / "other", base + 20, "web")
    both = [watch(each, "--export", f"json={tmp_path}/out") for each in (shop, other)]

    until(lambda: any("again and again" in each.said for each in both))

    told = [each for each in both if "again and again" in each.said]
    count = len(told[0].heard("written"))
    assert count < 15


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_ends_it_at_once_with_all_that_it_started(
    shop, watch, base, tmp_path, name
):
    child = tmp_path / "child"
    with alerting(shop, base, f"sleep 300 & echo $! >{child}; wait"):
        watched = watch(shop)
        with server(shop, base):
            watched.hears("up")
        until(lambda: child.exists() and bool(child.read_text(encoding="utf-8")))

        code = watched.end(getattr(signal, name))

    assert code == 0
    assert gone(int(child.read_text(encoding="utf-8")))
    assert [p for p in shop.root.rglob("*") if "tmp" in p.name] == []
    assert watched.said == ""


def test_many_signals_in_quick_succession_are_one(shop, watch):
    watched = watch(shop)

    while watched.process.poll() is None:  # at each moment of its end
        watched.process.send_signal(signal.SIGHUP)
        time.sleep(0.001)

    assert watched.process.returncode == 0
    assert watched.said == ""


def test_a_line_that_was_cut_off_does_not_run_into_the_next():
    read, write = os.pipe()
    os.set_blocking(write, False)
    with open(read, "rb"), open(write, "w", encoding="utf-8") as writer:
        stream = _Stream(writer, errors="strict")
        with pytest.raises(BlockingIOError):
            stream.write("x" * 1_000_000)
        os.read(read, 1_000_000)

        stream.write("next")

        assert os.read(read, 100) == b"\nnext\n"


def test_a_reader_that_has_left_ends_it(shop, base):
    with shop.start("watch") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        shop.declare(declaration(base, "web", "db", "queue"))

        assert process.wait(timeout=30) == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_log_on_a_full_disk_ends_nothing(shop, base, unbuffered):
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(
            [sys.executable, "-m", "portconf", "watch"],
            cwd=shop.root,
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    try:
        until(lambda: holds(shop.root / ".env", "DB_PORT"))
        shop.declare(declaration(base, "web", "db", "queue"))
        until(lambda: holds(shop.root / ".env", "QUEUE_PORT"))
        process.terminate()
        _, said = process.communicate(timeout=30)
    finally:
        _ended(process)

    assert said.startswith(b"portconf: lines that could not be written: ")
    assert process.returncode == 0, said


def test_nohup_is_kept(shop, watch):
    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    watched = watch(shop, preexec_fn=ignore)

    watched.process.send_signal(signal.SIGHUP)
    (shop.root / ".env").write_text("", encoding="utf-8")

    watched.hears("written", times=2)
    assert watched.end() == 0


def test_where_the_first_pass_fails_it_fails_as_init_does(shop):
    shop.declare("[tool.portconf]\nservices = ['Web']\n")

    done, init = (run(verb, at=shop.root) for verb in ("watch", "init"))

    assert (done.code, done.out) == (2, "")
    assert done.err == init.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--export", "json"], "--export must be FORMAT=DIR, got 'json'"),
        (["--export", "jsn=out"], "no format is named 'jsn'; did you mean 'json'?"),
        (["--all-checkouts"], "--all-checkouts is of a format"),
        (["--interval", "0"], "must be seconds from 0.1 to 3600, got '0'"),
        (["--interval", "nan"], "must be seconds from 0.1 to 3600, got 'nan'"),
    ],
)
def test_a_wrong_command_line_is_refused(shop, words, message):
    done = run("watch", *words, at=shop.root)

    assert done.code == 2
    assert message in done.err


def test_its_lines_are_for_people_where_no_json_is_asked_for(shop, base):
    with shop.start("watch", "--interval", "0.1") as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        with server(shop, base) as pid:
            lines = [process.stdout.readline() for _ in range(2)]
        lines.append(process.stdout.readline())
        process.terminate()

    assert first == f"watching: {shop.root}, 2 services on {base}-{base + 1}\n"
    assert lines[0] == "written: .env, .env.compose, port_exports.sh\n"
    assert lines[1].startswith(f"up: 'web' listens on port {base}: pid {pid} (")
    assert lines[2] == f"down: 'web' does not listen on port {base} any more\n"


def test_where_the_system_tells_of_no_files_they_are_looked_at(shop, base, monkeypatch):
    def full(*_: object, **__: object) -> Iterator[None]:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr("watchfiles.watch", full)
    stop, said = threading.Event(), list[str]()
    watch = Watch(
        Renewal(root=str(shop.root)),
        tell=lambda _: None,
        say=said.append,
        looks=Looks(interval=2),
    )
    thread = threading.Thread(target=watch.run, args=(stop,))
    thread.start()
    try:
        until(lambda: bool(said))
        shop.declare(declaration(base, "web", "db", "queue"))
        until(lambda: holds(shop.root / ".env", f"QUEUE_PORT={base + 2}"))
    finally:
        stop.set()
        thread.join()

    assert len(said) == 1
    assert "looked at every 0.25 s" in said[0]
    assert "inotify watch limit reached" in said[0]


def test_no_other_verb_pays_for_it(shop):
    program = (
        "import sys; from portconf.cli import main; main(['check']); main(['--help']);"
        "print([m for m in sys.modules if 'watch' in m or 'notices' in m"
        " or 'alerts' in m], file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shop.root,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )

    loaded = set(json.loads(done.stderr.splitlines()[-1].replace("'", '"')))
    assert loaded <= {"portconf.cli.watch"}
