"""Whose server listens on our ports: real servers, in real checkouts."""

import pwd
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from capability import needs
from checkouts import Checkout, declaration, free_ports
from commandline import Ran
from servers import (
    ANY,
    Server,
    free,
    needs_address,
    other_user,
    serve,
    without_privileges,
)


pytestmark = [needs("git"), needs("kill")]


@pytest.fixture(autouse=True)
def _no_engine_of_this_machine(monkeypatch) -> None:
    """Its containers may publish what the tests listen on."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


@pytest.fixture
def base() -> int:
    """The first of some ports that nobody has."""
    return free_ports(5)


@pytest.fixture
def make_checkout(tmp_path, base) -> Callable[..., Checkout]:
    """Make checkouts with the same three services, as clones of one repository."""

    def make(name: str = "shop", *, text: str = "", init: bool = True) -> Checkout:
        made = Checkout(tmp_path / name)
        made.root.mkdir(parents=True)
        made.git("init", "-q", "-b", "main", "--template=")
        made.declare(text or declaration(base))
        if init:
            made.init()
        made.git("add", "pyproject.toml", *(["config"] if init else []))
        made.git("commit", "-qm", "ports")
        return made

    return make


@pytest.fixture
def shop(make_checkout: Callable[..., Checkout]) -> Checkout:
    """A main checkout that has the plan's own ports."""
    return make_checkout()


@pytest.fixture
def sibling(shop: Checkout) -> Checkout:
    """A worktree beside it."""
    return shop.worktree("../feature")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that lies in no checkout."""
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


def foreign(done: Ran) -> list[dict[str, Any]]:
    """Return the listeners for which the guard stopped."""
    assert done.code == 7, done
    assert done.error["code"] == "foreign_listener"
    listeners: list[dict[str, Any]] = done.error["listeners"]
    return listeners


def seen(done: Ran) -> dict[str, str]:
    """Return whose is what, where the guard did not stop."""
    assert done.code == 0, done
    return {each["service"]: each["verdict"] for each in done.data["listeners"]}


# Foreign.


def test_a_server_of_another_checkout_is_told_with_all_that_mends_it(shop, sibling):
    port = shop.port("db")

    with serve(port, at=sibling.root) as server:
        done = shop.run("guard")

    assert (done.code, done.out) == (7, "")
    first, *hints = done.err.splitlines()
    assert first.startswith(
        f"portconf: port {port} of 'db' is somebody else's:"
        f" pid {server.pid} ({server.command}"
    )
    assert first.endswith(
        f" in {sibling.root}, of the checkout {sibling.root} (branch feature)"
        " listens there"
    )
    assert hints == [
        f"hint: stop it: kill {server.pid}",
        "or give this checkout other ports: portconf init --relocate",
    ]


def test_a_program_reads_the_same_from_json(shop, sibling):
    port = shop.port("db")

    with serve(port, at=sibling.root) as server:
        done = shop.run("guard", "--json")

    (listener,) = foreign(done)
    assert listener.pop("command").startswith(server.command)
    assert listener.pop("user")
    assert listener == {
        "service": "db",
        "port": port,
        "verdict": "foreign",
        "address": "127.0.0.1",
        "pid": server.pid,
        "folder": str(sibling.root),
        "container": None,
        "checkout": str(sibling.root),
        "branch": "feature",
    }
    assert f"kill {server.pid}\n" in done.error["hint"]


def test_the_first_command_of_the_hint_mends_it(shop, sibling):
    with serve(shop.port(), at=sibling.root, workers=2) as server:
        hint = shop.run("guard", "--json").error["hint"]
        command = shlex.split(hint.splitlines()[0].removeprefix("stop it: "))
        assert command == ["kill", str(server.pid)]  # nobody else's

        subprocess.run(command, check=True)
        server.wait()

        assert seen(shop.run("guard", "--json")) == {}


def test_the_second_command_of_the_hint_mends_it(shop, sibling):
    with serve(shop.port(), at=sibling.root):
        hint = shop.run("guard", "--json").error["hint"]
        before, _, command = hint.splitlines()[1].partition(": portconf ")
        assert before == "or give this checkout other ports"

        assert shop.run(*shlex.split(command)).code == 0

        assert seen(shop.run("guard", "--json")) == {}
        assert free(shop.port())


def test_all_foreign_servers_are_told_at_once(shop, sibling, outside):
    web, db = shop.port("web"), shop.port("db")

    with serve(web, at=sibling.root) as one, serve(db, at=outside) as other:
        done = shop.run("guard", "--json")

    told = [(each["service"], each["pid"]) for each in foreign(done)]
    assert told == [("web", one.pid), ("db", other.pid)]
    assert [f"kill {each.pid}" in done.error["hint"] for each in (one, other)]


def test_a_fixed_port_is_not_mended_by_another_block(make_checkout, base, outside):
    text = declaration(base, table=f'web = {{ port = {base + 3} }}\ndb = ""')
    shop = make_checkout(text=text)

    with serve(base + 3, at=outside):
        done = shop.run("guard", "--json")

    assert foreign(done)[0]["checkout"] is None
    assert "give web another port in pyproject.toml" in done.error["hint"]
    assert "--relocate" not in done.error["hint"]


def test_a_server_in_no_checkout_is_foreign(shop, outside):
    with serve(shop.port(), at=outside) as server:
        (listener,) = foreign(shop.run("guard", "--json"))

    assert listener["pid"] == server.pid
    assert (listener["checkout"], listener["branch"]) == (None, None)


def test_a_worktree_inside_of_the_main_checkout_is_another_checkout(shop):
    inner = shop.worktree("trees/inner")

    with serve(shop.port(), at=inner.below("src").root):
        (listener,) = foreign(shop.run("guard", "--json"))

    assert (listener["checkout"], listener["branch"]) == (str(inner.root), "inner")


def test_the_main_checkout_around_a_worktree_is_another_checkout(shop):
    inner = shop.worktree("trees/inner")

    with serve(inner.port(), at=shop.root):
        (listener,) = foreign(inner.run("guard", "--json"))

    assert (listener["checkout"], listener["branch"]) == (str(shop.root), "main")


def test_what_portconf_run_started_counts_as_its_checkouts(shop, sibling, outside):
    # It is to listen on the port that its own checkout knows as `web`.
    start = ("-C", str(shop.root), "run", "--")

    with serve("WEB_PORT", at=outside, by=start) as server:
        assert server.port == shop.port()
        there = shop.run("guard", "--json")
        sibling.init()
        taken = sibling.run("status", "--all", "--json")

    assert seen(there) == {"web": "ours"}
    (main,) = (
        each for each in taken.data["leases"] if each["folder"] == str(shop.root)
    )
    assert [each["verdict"] for each in main["listening"]] == ["ours"]


def test_what_portconf_run_started_for_another_checkout_is_foreign(
    shop, sibling, outside
):
    start = ("-C", str(sibling.root), "run", "--")

    with serve(shop.port(), at=outside, by=start) as server:
        (listener,) = foreign(shop.run("guard", "--json"))

    assert (listener["pid"], listener["folder"]) == (server.pid, str(outside))
    assert (listener["checkout"], listener["branch"]) == (str(sibling.root), "feature")


def test_what_goes_elsewhere_still_counts_as_its_checkouts(shop, sibling, outside):
    start = ("run", "--")

    with serve(shop.port(), at=sibling.root, goes_to=outside, by=start):
        (listener,) = foreign(shop.run("guard", "--json"))

    assert (listener["folder"], listener["checkout"]) == (
        str(outside),
        str(sibling.root),
    )


def test_the_folder_decides_over_what_a_server_carries(shop, sibling):
    start = ("-C", str(shop.root), "run", "--")

    with serve("WEB_PORT", at=sibling.root, by=start):
        (listener,) = foreign(shop.run("guard", "--json"))

    assert listener["checkout"] == str(sibling.root)


@pytest.mark.parametrize("at", ["../feature", "trees/feature"])
def test_a_server_of_a_removed_worktree_is_not_ours(shop, at):
    removed = shop.worktree(at)
    folder = removed.root.resolve()

    with serve(shop.port(), at=removed.root, PORTCONF_ROOT=str(folder)) as server:
        shutil.rmtree(removed.root)
        done = shop.run("guard", "--json")

    (listener,) = foreign(done)
    assert (listener["pid"], listener["folder"]) == (server.pid, str(folder))
    assert listener["checkout"] != str(shop.root)
    assert "in a folder that has been removed" in done.error["message"]


def test_a_removed_folder_of_ours_tells_nothing(shop):
    removed = shop.below("src").root

    with serve(shop.port(), at=removed):
        removed.rmdir()
        (listener,) = foreign(shop.run("guard", "--json"))

    assert listener["checkout"] is None


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1", ANY, "::"])
def test_a_foreign_server_is_seen_on_every_address(shop, outside, address):
    needs_address(address)

    with serve(shop.port(), at=outside, on=[address]):
        (listener,) = foreign(shop.run("guard", "--json"))

    assert listener["address"] == address


def test_a_foreign_server_is_not_hidden_by_ours_on_the_same_port(shop, outside):
    needs_address("::1")
    port = shop.port()

    with serve(port, at=shop.root), serve(port, at=outside, on=["::1"]) as other:
        (listener,) = foreign(shop.run("guard", "--json"))

    assert (listener["pid"], listener["address"]) == (other.pid, "::1")


def test_without_git_a_folder_is_a_checkout(tmp_path, base, outside):
    shop = Checkout(tmp_path / "plain")
    shop.root.mkdir()
    shop.declare(declaration(base))
    shop.init()

    with serve(shop.port("db"), at=outside), serve(shop.port(), at=shop.root):
        (listener,) = foreign(shop.run("guard", "--json"))

    assert listener["service"] == "db"


def test_without_git_too_a_server_counts_as_that_of_who_started_it(
    shop, tmp_path, outside
):
    plain = Checkout(tmp_path / "plain")
    plain.root.mkdir()
    plain.declare(declaration(free_ports(3)))
    plain.init()
    start = ("-C", str(plain.root), "run", "--")

    with serve(shop.port(), at=outside, by=start):
        (listener,) = foreign(shop.run("guard", "--json"))

    assert listener["checkout"] == str(plain.root)


def test_of_a_udp_service_udp_counts(make_checkout, base, outside):
    shop = make_checkout(text=declaration(base, table='dns = { protocol = "udp" }'))

    with serve(base, at=outside, udp=True) as server:
        (listener,) = foreign(shop.run("guard", "--json"))

    assert (listener["service"], listener["pid"]) == ("dns", server.pid)


# Not foreign.


def test_of_another_protocol_nothing_counts(make_checkout, base, outside):
    text = declaration(base, table='dns = { protocol = "udp" }\nweb = ""')
    shop = make_checkout(text=text)

    with serve(base, at=outside), serve(base + 1, at=outside, udp=True):
        done = shop.run("guard", "--json")

    assert (seen(done), done.data["notes"]) == ({}, [])


@contextmanager
def _in_the_checkout(shop: Checkout, _outside: Path) -> Iterator[Server]:
    with serve(shop.port(), at=shop.root) as server:
        yield server


@contextmanager
def _below(shop: Checkout, _outside: Path) -> Iterator[Server]:
    with serve(shop.port(), at=shop.below("src/app").root) as server:
        yield server


@contextmanager
def _second_project(shop: Checkout, _outside: Path) -> Iterator[Server]:
    second = shop.below("billing")
    second.declare(declaration(free_ports(3)))
    second.init()
    with serve(shop.port(), at=second.root, by=("run", "--")) as server:
        yield server


@contextmanager
def _forked(shop: Checkout, _outside: Path) -> Iterator[Server]:
    with serve(shop.port(), at=shop.root, workers=3) as server:
        yield server


@contextmanager
def _elsewhere_with_the_mark(shop: Checkout, outside: Path) -> Iterator[Server]:
    with serve(shop.port(), at=outside, PORTCONF_ROOT=str(shop.root)) as server:
        yield server


@contextmanager
def _removed_with_the_mark(shop: Checkout, _outside: Path) -> Iterator[Server]:
    build = shop.below("build").root
    with serve(shop.port(), at=build, PORTCONF_ROOT=str(shop.root)) as server:
        build.rmdir()
        yield server


@contextmanager
def _through_a_link(shop: Checkout, outside: Path) -> Iterator[Server]:
    link = outside / "link"
    link.symlink_to(shop.root)
    with serve(shop.port(), at=link) as server:
        yield server


OURS = {
    "in the checkout": _in_the_checkout,
    "in a sub-folder": _below,
    "in a second project of the checkout": _second_project,
    "with workers": _forked,
    "elsewhere, with our PORTCONF_ROOT": _elsewhere_with_the_mark,
    "in a removed folder, with our PORTCONF_ROOT": _removed_with_the_mark,
    "through a link": _through_a_link,
}


@pytest.mark.parametrize("where", OURS)
def test_our_own_server_passes(shop, outside, where):
    with OURS[where](shop, outside) as server:
        done = shop.run("guard", "--json")

    assert seen(done) == {"web": "ours"}
    assert done.data["listeners"][0]["pid"] == server.pid
    assert done.data["notes"] == []


def test_a_shared_service_is_served_by_whom_it_may(make_checkout, base, outside):
    text = declaration(base, table='sso = { shared = true }\nweb = ""')
    shop = make_checkout(text=text)
    worktree = shop.worktree("../feature")

    with serve(base, at=outside):
        main, linked = shop.run("guard"), worktree.run("guard")

    assert (main.code, linked.code) == (0, 0)
    assert "warning" not in main.err + linked.err


def test_a_declaration_may_say_that_the_guard_only_warns(make_checkout, base, outside):
    shop = make_checkout(text=declaration(base, settings='guard = "warn"'))

    with serve(base, at=outside) as server:
        done = shop.run("guard")

    assert done.code == 0
    (warning,) = done.err.splitlines()
    assert warning.startswith(
        f"portconf: warning: port {base} of 'web' is somebody else's: pid {server.pid}"
    )


def test_a_declaration_may_say_that_nobody_looks(make_checkout, base, outside):
    shop = make_checkout(text=declaration(base, settings='guard = "off"'))

    with serve(base, at=outside):
        done = shop.run("guard", "--json")

    assert (seen(done), done.data["notes"]) == ({}, [])


def test_another_users_server_is_a_warning_that_names_the_user(shop, outside):
    user = other_user()

    with serve(shop.port(), at=outside, user=user) as server:
        done, told = shop.run("guard"), shop.run("guard", "--json")

    assert done.code == 0
    assert f"port {server.port} of 'web' is perhaps not ours" in done.err
    assert f"pid {server.pid} " in done.err
    assert seen(told) == {"web": "unknown"}
    (listener,) = told.data["listeners"]
    assert f" of user {listener['user']} in {outside}" in done.err


def test_another_users_server_in_our_checkout_is_ours(shop):
    with serve(shop.port(), at=shop.root, user=other_user()):
        assert seen(shop.run("guard", "--json")) == {"web": "ours"}


def test_a_server_that_we_may_not_look_into_is_told_with_its_user(shop, outside):
    user = other_user()
    guard = [sys.executable, "-m", "portconf", "guard"]

    with serve(shop.port(), at=outside, user=user) as server:
        done = subprocess.run(
            guard,
            cwd=shop.root,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=without_privileges,
        )

    assert (done.returncode, done.stdout) == (0, "")
    (warning,) = done.stderr.splitlines()
    assert f"warning: port {server.port} of 'web' is perhaps not ours: " in warning
    assert str(server.pid) not in warning  # so it was indeed not seen
    assert pwd.getpwuid(user).pw_name in warning


# At lease time.


def test_a_foreign_server_on_the_base_port_shifts_a_new_checkout(
    make_checkout, base, outside
):
    shop = make_checkout(init=False)

    with serve(base, at=outside) as server:
        lease = shop.init()
        guard = shop.run("guard", "--json")

    assert lease["shift"] != 0
    assert seen(guard) == {}
    assert f"pid {server.pid}" in shop.run("why", "web").out


def test_our_own_server_on_the_base_port_does_not(make_checkout, base):
    shop = make_checkout(init=False)  # as after an upgrade: it ran before leases

    with serve(base, at=shop.root):
        lease = shop.init()
        guard = shop.run("guard", "--json")

    assert lease["shift"] == 0
    assert seen(guard) == {"web": "ours"}


# What else looks at who listens.


def test_status_tells_ours_from_foreign(shop, outside):
    with ExitStack() as stack:
        stack.enter_context(serve(shop.port("web"), at=shop.root))
        stack.enter_context(serve(shop.port("db"), at=outside))
        rows = shop.run("status", "--json").data["services"]

    assert {row["service"]: row["state"] for row in rows} == {
        "web": "ours",
        "db": "foreign",
        "queue": "free",
    }


def test_reset_is_refused_while_a_service_of_ours_listens(shop):
    port = shop.port("db")

    with serve(port, at=shop.root) as server:
        done = shop.run("reset", "--yes", "--json")

    assert done.code == 3
    assert f"'db' (pid {server.pid} ({server.command}" in done.error["message"]
    assert "--force" in done.error["hint"]
    assert shop.port("db") == port


def test_reset_is_done_by_force(shop):
    with serve(shop.port("db"), at=shop.root):
        done = shop.run("reset", "--yes", "--force")

    assert done.code == 0
    assert shop.run("leases", "--json").data["leases"] == []


def test_reset_does_not_wait_for_somebody_elses_server(shop, sibling):
    with serve(shop.port("db"), at=sibling.root):
        done = shop.run("reset", "--yes")

    assert done.code == 0
    assert shop.run("leases", "--json").data["leases"] == []
