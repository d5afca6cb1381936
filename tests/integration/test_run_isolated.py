"""`portconf run --isolated -- CMD`: the command on a block of ports of its own."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from capability import needs
from checkouts import (
    SERVICES,
    Checkout,
    declaration,
    free_ports,
    rows,
    server,
)

from portconf.project import Project
from portconf.registry.values import Lease


pytestmark = needs("git")
HOLDS = pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds ports")
PORTCONF = f"{sys.executable} -m portconf"
RUN = (*PORTCONF.split(), "run", "--isolated")
# The command tells of itself, and becomes another one that does nothing.
WAITS = """
import json, os, socket
found = []
for number in range(3, 100):
    try:
        one = socket.socket(fileno=number)
    except OSError:
        continue
    if one.family != socket.AF_UNIX:
        found.append(one.getsockname()[1])
    one.detach()
names = {each.partition("_PORT") for each in os.environ}
ports = {
    name.lower(): int(os.environ[f"{name}_PORT"])
    for name, end, more in names
    if end and not more and name not in {"BASE", "NEXT"}
}
told = {"ports": ports, "sockets": found, "environ": dict(os.environ)}
print(json.dumps(told), flush=True)
os.execlp("sh", "sh", "-c", "read x; echo again; read x")
"""


@dataclass(frozen=True)
class Running:
    """A command that runs."""

    process: subprocess.Popen[str]
    ports: dict[str, int]
    sockets: list[int]
    environ: dict[str, str]

    def say(self) -> str:
        """Let it go on, and return what it says then."""
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        return process.stdout.readline()


@contextmanager
def running(at: Checkout, *options: str) -> Iterator[Running]:
    """Let a command run with a block of its own; it is killed when the block ends."""
    command = [*RUN, *options, "--", sys.executable, "-S", "-c", WAITS]
    with subprocess.Popen(
        command,
        cwd=at.root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            assert said, process.communicate()
            yield Running(process, **json.loads(said))
        finally:
            process.kill()


def ran(at: Checkout, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *words],
        cwd=at.root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def lease_and_end(at: Checkout) -> set[int]:
    """Lease ports to this process, and give them up; return which they were."""
    (own,) = Project.find(str(at.root)).isolated()
    own.end()
    return {*own.ports().values()}


def processes() -> list[tuple[object, ...]]:
    """Return the process leases, as the database has them."""
    return rows("SELECT pid, number FROM leases WHERE pid IS NOT NULL")


def narrow(base: int, places: int, **tables: str) -> tuple[str, int]:
    """Return a declaration of which so many runs have a place, and the first port."""
    plan = range(base, base + 40)  # whose block no run could have
    first = free_ports(10 * places + 10, without=plan) // 10 * 10 + 10
    settings = f'instance-range = "{first}-{first + 10 * places - 1}"\nblock-size = 10'
    return declaration(base, settings=settings, **tables), first


@pytest.mark.parametrize("number", [None, signal.SIGKILL], ids=["by itself", "killed"])
def test_the_command_has_a_block_that_ends_with_it(number, shop, base):
    shop.init()

    with running(shop) as own:
        process, ports = own.process, own.ports
        shift = ports["web"] - base
        assert ports == {n: base + k + shift for k, n in enumerate(SERVICES)}
        assert shift
        assert own.environ["PORTCONF_INSTANCE"] == own.environ["PORTCONF_RUN"]
        mine = [(process.pid, int(own.environ["PORTCONF_RUN"]))]
        assert own.say() == "again\n"  # from what the command has become
        others = lease_and_end(shop)
        assert processes() == mine
        if number:
            process.send_signal(number)
        else:
            own.say()
        process.wait(timeout=60)
        assert processes() == mine  # nobody watches
        lease_and_end(shop)

    assert others.isdisjoint(ports.values())
    assert process.returncode == -(number or 0)
    assert processes() == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["sh", "-c", "exit 7"], 7, ""),
        (["sh", "-c", "kill -PIPE $$; echo alive"], -signal.SIGPIPE, ""),
        (["no-such-command"], 127, "portconf: cannot run 'no-such-command'"),
        (["./pyproject.toml"], 126, "portconf: cannot run './pyproject.toml'"),
    ],
    ids=["exits", "signalled", "missing", "no program"],
)
def test_it_ends_as_a_plain_run_does(words, code, said, shop):
    done = ran(shop, "--", *words)

    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(said)


def test_what_it_runs_is_in_the_run_and_a_run_of_its_own_in_another(shop, base):
    show = "echo $WEB_PORT $PORTCONF_RUN"
    plain, isolated = (f"{PORTCONF} run {each}" for each in ("--", "--isolated --"))
    script = f"{show}; {plain} {{}}; {isolated} {{}}; {PORTCONF} get web"
    script = script.replace("{}", f"sh -c '{show}'")

    done = ran(shop, "--", "sh", "-c", f"echo {{port:web}}; {script}")

    filled, own, again, inner, got = done.stdout.splitlines()
    assert own == again
    assert filled == got == own.split()[0]
    ports = {base, int(got), int(inner.split()[0])}
    assert len(ports) == len({own.split()[1], inner.split()[1], ""}) == 3


@HOLDS
def test_two_at_once_and_a_dev_stack_have_no_port_in_common(shop, base):
    """And what is held is what each has, as the checkout's ports are not."""
    shop.init()

    with (
        server(base, at=shop.root),
        running(shop, "--hold") as first,
        running(shop, "--pass-sockets", "web", "db") as second,
    ):
        held = processes()

    every = [*range(base, base + 3), *first.ports.values(), *second.ports.values()]
    assert len({*every}) == 9
    assert {*first.sockets} == {*first.ports.values()}
    assert second.sockets[:2] == [second.ports["web"], second.ports["db"]]
    assert {*second.sockets} == {*second.sockets[:2]}
    assert second.environ["LISTEN_FDNAMES"] == "web:db"
    assert len(held) == 2


@HOLDS
@pytest.mark.parametrize("words", ["--hold", "--pass-sockets db"])
def test_a_block_in_which_somebody_has_a_port_is_left_for_another(words, shop, base):
    text, first = narrow(base, 4)
    shop.declare(text)
    beyond = shop.root.parent

    # The lowest place is the last that is looked at; one of the three others is first.
    with (
        server(first + 30, at=beyond, does="bind"),
        server(first + 21, at=beyond),
        server(first + 12, at=beyond, does="bind"),
        running(shop, *words.split()) as own,
    ):
        kept = processes()

    assert own.ports == {n: first + k for k, n in enumerate(SERVICES)}
    bound = {*own.ports.values()} if words == "--hold" else {own.ports["db"]}
    assert {*own.sockets} == bound  # and nothing of what was tried before
    assert kept == [(own.process.pid, int(own.environ["PORTCONF_RUN"]))]


def test_a_block_that_is_lost_to_somebody_faster_is_given_up_for_another(shop):
    """Its ports could be bound a moment before, and were not when it counted."""
    offered: list[tuple[int, ...]] = []

    def probe(lease: Lease) -> dict[int, str]:
        offered.append(tuple(lease.service_ports()))
        return {offered[0][1]: "taken meanwhile"} if len(offered) == 1 else {}

    (own,) = Project.find(str(shop.root)).isolated(probe=probe)
    kept = processes()
    own.end()

    refused, given = offered
    assert {*own.ports().values()} == {*given}
    assert {*refused}.isdisjoint(given)
    assert len(kept) == 1


@HOLDS
def test_a_fixed_port_is_held_where_it_is_and_a_shared_one_left_alone(shop, base):
    fixed, shared = free_ports(1), base + 1
    table = f'web = ""\nmail = {{ shared = true }}\nsso = {{ port = {fixed} }}'
    shop.declare(declaration(base, table=table))
    (shop.root / "config/port_assignments.json").unlink()
    shop.init()
    beyond = shop.root.parent

    with server(shared, at=beyond), running(shop, "--hold") as own:
        mail = own.ports["mail"]
    with server(fixed, at=beyond) as listens:
        refused = ran(shop, "--hold", "--", "echo", "never")
    with server(fixed, at=beyond, does="bind") as binds:
        cannot = ran(shop, "--pass-sockets", "sso", "--", "echo", "never")

    assert {*own.sockets} == {own.ports["web"], fixed}
    assert mail == shared
    for done, pid in ((refused, listens), (cannot, binds)):
        assert (done.returncode, done.stdout) == (125, "")
        assert done.stderr.startswith(f"portconf: port {fixed} of 'sso' ")
        assert f"pid {pid} (" in done.stderr
        assert f"stop it: kill {pid}" in done.stderr


def test_a_shared_service_is_not_handed_over_to_an_isolated_run(shop, base):
    shop.declare(declaration(base, table="mail = { shared = true }"))
    (shop.root / "config/port_assignments.json").unlink()
    shop.init()

    done = shop.run("run", "--isolated", "--pass-sockets", "mail", "--", "never")

    assert (done.code, done.out) == (125, "")
    assert "'mail' is shared: the main checkout's server has its port" in done.err


@pytest.mark.parametrize("words", [[], ["--hold", "--pass-sockets", "web"]])
def test_without_room_for_it_nothing_is_run(words, shop, base):
    text, first = narrow(base, 1)
    shop.declare(text)
    (other,) = Project.find(str(shop.root)).isolated()

    done = shop.run("run", "--isolated", *words, "--", "never")
    other.end()

    assert (done.code, done.out) == (125, "")
    message = f"portconf: no free block of 10 ports in {first}-{first + 9}"
    assert done.err.startswith(message)
    assert "hint: " in done.err
    assert processes() == []


def test_where_every_block_is_somebodys_nothing_is_run(shop, base):
    text, first = narrow(base, 2)
    shop.declare(text)
    beyond = shop.root.parent

    with (
        server(first, at=beyond, does="bind"),
        server(first + 12, at=beyond, does="bind"),
    ):
        done = [
            shop.run("run", "--isolated", *words, "--", "never")
            for words in ([], ["--hold"])
        ]
    free = [socket.create_server(("127.0.0.1", first + k)) for k in (1, 2, 10, 11)]

    assert [each.code for each in done] == [125, 125]
    assert all("no free block of 10 ports in " in each.err for each in done)
    assert processes() == []
    for each in free:  # nothing of what was tried is left open
        each.close()


def test_without_a_registry_nothing_is_run(shop, monkeypatch):
    monkeypatch.setenv("PORTCONF_REGISTRY", "off")

    done = shop.run("run", "--isolated", "--", "never")

    assert (done.code, done.out) == (125, "")
    message = "portconf: the registry is off, so a run can have no ports of its own\n"
    assert done.err.startswith(message)
    assert "hint: unset PORTCONF_REGISTRY" in done.err
