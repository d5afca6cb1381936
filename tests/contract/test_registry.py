"""
What every backend of the registry must do, with real processes contending.

A new backend is one line of `BACKENDS`. Started as a program this file contends: it
forks, which is safe only in a process without threads.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from fakes import MemoryRegistry, MemoryTable, make_holder, make_wanted
from lessees import fork

from portconf.errors import RegistryBusyError, RegistryError
from portconf.model import PortRange
from portconf.registry import lease as leasing
from portconf.registry.protocol import Registry, Table
from portconf.registry.sqlite import SqliteRegistry
from portconf.registry.values import Facts, Lease, Obstacle, Run, Wanted


_T = TypeVar("_T")
DOZEN = 12
EACH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """
    How a registry is opened.

    Attributes:
        opened: From a folder of its own, and the seconds to wait for others.
        alone: Whether no other process, and no second opening, sees what it keeps.
    """

    opened: Callable[[str, float], Registry]
    alone: bool = False


def _sqlite(folder: str, timeout: float) -> Registry:
    return SqliteRegistry(path=f"{folder}/registry.sqlite3", timeout=timeout)


class Lockless:
    """What the suite has to find out: it reads, and writes, and nothing between."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / "numbers"

    def read(self, rule: Callable[[Table], _T]) -> _T:
        return rule(self._table())

    def change(self, rule: Callable[[Table], _T]) -> _T:
        table = self._table()
        result = rule(table)
        time.sleep(0.001)  # what a disk takes, so that another one comes in between
        temporary = self.path.with_name(f"{os.getpid()}")
        temporary.write_text(
            "".join(f"{each.holder.name} {each.shift}\n" for each in table.all()),
            encoding="utf-8",
        )
        temporary.replace(self.path)
        return result

    def _table(self) -> MemoryTable:
        table = MemoryTable()
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        for name, shift in (line.split() for line in text.splitlines()):
            table.save(_block(name, 4000 + int(shift)))
        return table


BACKENDS = {
    "sqlite": Backend(opened=_sqlite),
    "memory": Backend(opened=lambda _folder, _timeout: MemoryRegistry(), alone=True),
}
_KNOWN = {**BACKENDS, "lockless": Backend(opened=lambda folder, _: Lockless(folder))}
TOGETHER = [name for name, each in BACKENDS.items() if not each.alone]


def _block(name: str, first: int, **fields: Any) -> Lease:
    """Return a lease of ten ports that is not kept yet."""
    ports = dict.fromkeys(range(first, first + 10), "") | {first: "web"}
    given = {
        "holder": make_holder(name),
        "shift": first - 4000,
        "block": PortRange(first=first, last=first + 9),
        "ports": ports,
    }
    return Lease(**{**given, **fields})


@pytest.fixture(params=BACKENDS)
def opened(request, tmp_path) -> Callable[[], Registry]:
    """Open a registry, which begins empty."""
    backend = BACKENDS[request.param]
    if backend.alone:
        only = backend.opened(str(tmp_path), 0)
        return lambda: only
    return lambda: backend.opened(str(tmp_path), 10)


@pytest.fixture
def registry(opened: Callable[[], Registry]) -> Registry:
    return opened()


def save(*leases: Lease) -> Callable[[Table], list[Lease]]:
    """Return the rule that keeps leases."""
    return lambda table: [table.save(each) for each in leases]


def every(table: Table) -> tuple[Lease, ...]:
    return table.all()


ODD = [
    "plain",
    "with a space",
    "two\nlines",
    'it\'s "quoted"; DROP TABLE leases; --',
    "\u2603 \u202e",
    os.fsdecode(b"caf\xe9 \xff"),
    "100% [a-z]* ?",
]


@pytest.mark.parametrize("name", ODD)
def test_a_lease_is_found_as_it_was_kept(name, opened):
    lease = _block(
        name,
        20100,
        holder=make_holder(name, project=f"apps/{name}", linked=True),
        since=1234567890.123456,
        obstacles=(Obstacle(first=4000, last=4002, reason=f"{name} listens"),),
        anchors={f"/home/you/{name}": {"/home/you": 2**63, "/": 2}},
    )

    (kept,) = opened().change(save(lease))

    holder = lease.holder
    key = holder.namespace, holder.checkout, holder.project
    found = opened().read(lambda table: table.find(*key))
    assert found == kept == replace(lease, number=kept.number)
    assert found.anchors == lease.anchors
    assert list(found.ports) == sorted(lease.ports)
    assert opened().read(lambda t: t.at("net", holder.root, holder.project)) == (kept,)


def test_an_empty_registry_answers(registry):
    assert registry.read(every) == ()
    assert registry.read(lambda table: table.find("net", "/a", "")) is None
    assert registry.read(lambda table: table.at("net", "/a", "")) == ()
    assert registry.read(lambda table: table.runs()) == ()
    assert registry.read(lambda table: table.holding("net", [1, 65535])) == {}
    blocks = PortRange(first=1, last=65535)
    assert registry.read(lambda table: table.taken("net", blocks)) == set()
    registry.change(lambda table: table.drop(1))
    assert registry.read(every) == ()


def test_the_plan_as_it_stands_is_kept_without_a_block(registry):
    lease = Lease(holder=make_holder(), ports={4000: "web", 5432: "db"})

    (kept,) = registry.change(save(lease))

    assert registry.read(every) == (replace(lease, number=kept.number),)


def test_a_key_is_of_one_network_one_checkout_and_one_project(registry):
    first = _block("shop", 20000)
    others = [
        replace(first, holder=make_holder("shop", namespace="other")),
        _block("shop", 20010, holder=make_holder("shop", project="api")),
        _block("shop", 20020, holder=make_holder("shop", checkout="/elsewhere")),
    ]

    kept = registry.change(save(first, *others))

    find = [(e.holder.namespace, e.holder.checkout, e.holder.project) for e in kept]
    assert registry.read(lambda t: [t.find(*key) for key in find]) == kept
    assert registry.read(lambda t: t.find("net", "/home/you/shop/.git", "ap")) is None


def test_what_is_held_is_of_one_network_and_within_both_ends(registry):
    held, beside = registry.change(save(_block("a", 20000), _block("b", 20010)))
    (alien,) = registry.change(
        save(_block("c", 20000, holder=make_holder("c", namespace="other")))
    )

    def look(table: Table) -> Any:
        return (
            table.holding("net", [19999, 20009, 20010, 20020]),
            table.holding("other", [20009, 20010]),
            table.taken("net", PortRange(first=20009, last=20010)),
            table.taken("net", PortRange(first=20020, last=65535)),
            table.taken("other", PortRange(first=1, last=65535)),
        )

    assert registry.read(look) == (
        {20009: held, 20010: beside},
        {20009: alien},
        {20009, 20010},
        set(),
        {*range(20000, 20010)},
    )
    assert registry.read(every) == (held, beside, alien)


def _run(first: int, pid: int = 7, part: str = "", **fields: Any) -> Lease:
    """Return the lease of a run in the checkout `shop`, not kept yet."""
    run = Run(pid=pid, started=f"boot/pid:[1]/{pid}", part=part)
    return _block("shop", first, run=run, **fields)


def test_the_lease_of_a_checkout_is_found_beside_those_of_its_runs(registry):
    older, main, newer = registry.change(
        save(_run(20000), _block("shop", 20010), _run(20020))
    )

    holder = main.holder
    key = holder.namespace, holder.checkout, holder.project
    assert registry.read(lambda table: table.find(*key)) == main
    assert registry.read(lambda t: t.at("net", holder.root, "")) == (main,)
    assert registry.read(every) == (older, main, newer)
    registry.change(lambda table: table.drop(main.number))
    assert registry.read(lambda table: table.find(*key)) is None
    assert registry.read(lambda t: t.at("net", holder.root, "")) == ()


def test_the_runs_of_every_network_are_told_in_the_order_of_their_numbers(opened):
    alien = _run(20000, holder=make_holder("b", namespace="other"))
    given = [_run(20020, 9, "gw1"), _block("a", 20010), alien, _run(20000, 9, "gw1")]

    kept = opened().change(save(*given))

    assert opened().read(lambda table: table.runs()) == (kept[0], *kept[2:])
    assert [each.run for each in kept] == [each.run for each in given]
    assert opened().read(lambda t: t.holding("net", [20000])) == {20000: kept[3]}


@pytest.mark.parametrize("first", [20009, 19991], ids=["last port", "first port"])
@pytest.mark.parametrize("late", ["run", "checkout"])
def test_a_port_of_a_run_is_refused_to_all_others(first, late, registry):
    (kept,) = registry.change(save(_run(20000)))
    other = _run(first, 8) if late == "run" else _block("other", first)

    with pytest.raises(RegistryError):
        registry.change(save(_run(20070), other))

    assert registry.read(every) == (kept,)


def test_a_run_made_anothers_is_that_ones_alone(registry):
    (kept,) = registry.change(save(_run(20000, 7, "gw0")))

    (heir,) = registry.change(save(replace(kept, run=Run(pid=8, started="b/s/8"))))

    assert registry.read(lambda table: table.runs()) == (heir,)
    assert (heir.number, heir.ports) == (kept.number, kept.ports)


def test_keeping_a_lease_again_replaces_its_ports_and_leaves_its_number(registry):
    first, other = registry.change(save(_block("a", 20000), _block("b", 20010)))

    (moved,) = registry.change(save(replace(_block("a", 20020), number=first.number)))

    assert registry.read(every) == (moved, other)
    assert moved.number == first.number
    (heir,) = registry.change(save(_block("c", 20000)))
    assert heir.number > other.number


def test_a_number_is_never_given_twice(registry):
    numbers = []

    for name in "abc":
        (kept,) = registry.change(save(_block(name, 20000)))
        numbers.append(kept.number)
        registry.change(lambda table, number=kept.number: table.drop(number))

    assert len({*numbers}) == 3
    assert numbers == sorted(numbers)
    assert numbers[0] > 0


def test_the_next_number_is_known_before_it_is_given(registry):
    numbers = []

    for name in "abc":
        numbers.append(registry.read(lambda table: table.next_number()))
        (kept,) = registry.change(save(_block(name, 20000)))
        numbers.append(kept.number)
        registry.change(lambda table, number=kept.number: table.drop(number))

    assert numbers[::2] == numbers[1::2]


def test_a_number_that_two_rules_gave_and_took_in_one_change_is_not_given_again(
    registry,
):
    def rule(table: Table) -> int:
        number = table.save(_block("a", 20000)).number
        table.drop(number)
        return number

    numbers = [registry.change(rule), registry.change(rule)]

    assert numbers[1] > numbers[0]


@pytest.mark.parametrize(
    ("name", "first"),
    [("other", 20009), ("other", 19991), ("shop", 20050)],
    ids=["last port", "first port", "key"],
)
def test_what_another_lease_has_is_refused_and_nothing_is_kept(name, first, registry):
    (kept,) = registry.change(save(_block("shop", 20000)))

    with pytest.raises(RegistryError):
        registry.change(save(_block("third", 20070), _block(name, first)))

    assert registry.read(every) == (kept,)
    assert registry.read(lambda table: table.holding("net", [20070])) == {}


def test_a_dropped_lease_leaves_its_ports_and_its_key(registry):
    first, other = registry.change(save(_block("a", 20000), _block("b", 20010)))

    for _ in range(2):
        registry.change(lambda table: table.drop(first.number))

    assert registry.read(every) == (other,)
    ports = range(20000, 20020)
    assert {*registry.read(lambda table: table.holding("net", ports))} == {*ports[10:]}
    registry.change(save(_block("a", 20000)))
    assert len(registry.read(every)) == 2


class Stop(BaseException):
    """As a Ctrl-C would end it."""


@pytest.mark.parametrize("error", [LookupError, Stop, leasing.OutdatedError])
def test_a_rule_that_raises_keeps_nothing_and_is_heard(error, registry):
    (kept,) = registry.change(save(_block("a", 20000)))

    def rule(table: Table) -> None:
        table.save(_block("b", 20010))
        table.drop(kept.number)
        raise error

    with pytest.raises(error):
        registry.change(rule)

    assert registry.read(every) == (kept,)
    registry.change(save(_block("b", 20010)))  # nothing is locked any more


def test_a_rule_sees_what_it_changed(registry):
    def rule(table: Table) -> Any:
        table.save(_block("a", 20000))
        (second,) = save(_block("b", 20010))(table)
        table.drop(second.number)
        return [each.holder.name for each in table.all()], table.holding("net", [20010])

    assert registry.change(rule) == (["a"], {})


def test_reading_keeps_nothing(opened):
    opened().change(save(_block("a", 20000)))

    opened().read(save(_block("b", 20010)))

    assert [each.holder.name for each in opened().read(every)] == ["a"]


def test_who_reads_sees_nothing_of_a_change_under_way(opened):
    opened().change(save(_block("a", 20000)))

    def rule(table: Table) -> Any:
        table.save(_block("b", 20010))
        table.drop(1)
        return [each.holder.name for each in opened().read(every)]

    assert opened().change(rule) == ["a"]
    assert [each.holder.name for each in opened().read(every)] == ["b"]


@pytest.mark.parametrize("name", TOGETHER)
def test_a_registry_that_others_keep_is_given_up_in_time(name, tmp_path):
    first = BACKENDS[name].opened(str(tmp_path), 10)
    second = BACKENDS[name].opened(str(tmp_path), 0.1)

    def rule(_: Table) -> float:
        began = time.monotonic()
        with pytest.raises(RegistryBusyError, match=r"busy, gave up after 0\.1 s"):
            second.change(save(_block("b", 20010)))
        return time.monotonic() - began

    assert 0.1 <= first.change(rule) < 5
    second.change(save(_block("b", 20010)))


@pytest.mark.parametrize("name", TOGETHER)
def test_a_dozen_processes_at_once_get_no_port_twice(name, tmp_path):
    found = _contended(name, tmp_path)

    assert found.errors == []
    assert _twice(found.ports) == []
    assert len(found.ports) == DOZEN * EACH * 10
    kept = BACKENDS[name].opened(str(tmp_path), 10).read(every)
    assert sorted(port for each in kept for port in each.ports) == sorted(found.ports)
    assert len({each.number for each in kept}) == DOZEN * EACH


def test_the_dozen_finds_out_a_registry_without_transactions(tmp_path):
    rounds = [tmp_path / str(number) for number in range(20)]

    for folder in rounds:
        folder.mkdir()
        found = _contended("lockless", folder)
        if _twice(found.ports):
            return

    pytest.fail(f"nothing was given twice in {len(rounds)} rounds")


@pytest.mark.parametrize("name", TOGETHER)
def test_what_was_answered_outlives_a_kill(name, tmp_path):
    done = _as_program("answer", name, tmp_path)

    assert done.returncode == -signal.SIGKILL
    (kept,) = BACKENDS[name].opened(str(tmp_path), 10).read(every)
    assert json.loads(done.stdout) == sorted(kept.ports)


@pytest.mark.parametrize("name", TOGETHER)
def test_a_change_that_is_killed_leaves_nothing_and_keeps_nobody_waiting(
    name, tmp_path
):
    registry = BACKENDS[name].opened(str(tmp_path), 1)
    (before,) = registry.change(save(_block("a", 20000)))

    done = _as_program("die", name, tmp_path)

    assert done.returncode == -signal.SIGKILL
    assert registry.read(every) == (before,)
    registry.change(save(_block("b", 20010)))
    assert [each.holder.name for each in registry.read(every)] == ["a", "b"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the dozen was answered: every port, as often as it was given."""

    ports: list[int]
    errors: list[str]


def _twice(ports: Iterable[int]) -> list[int]:
    return [port for port, times in Counter(ports).items() if times > 1]


def _contended(name: str, folder: Path) -> Found:
    done = _as_program("contend", name, folder)
    assert done.returncode == 0
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return Found(
        ports=[port for each in told if isinstance(each, list) for port in each],
        errors=[each for each in told if isinstance(each, str)],
    )


def _as_program(act: str, name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    # The modules beside this folder, also where Python does not look there by itself.
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run(
        [sys.executable, __file__, act, name, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env=env,
    )


def _wanted(name: str) -> Wanted:
    return make_wanted(
        name, 4000, base=False, blocks=PortRange(first=20000, last=29999)
    )


def _granting(name: str) -> Callable[[Table], Lease]:
    return lambda table: leasing.grant(table, _wanted(name), Facts())


def _contend(registry: Registry) -> None:
    """Let a dozen take leases from one moment on, and print each answer."""
    gate, starter = os.pipe()
    pids = [fork(_take, registry, number, gate, starter) for number in range(DOZEN)]
    os.close(starter)
    for pid in pids:
        os.waitpid(pid, 0)


def _take(registry: Registry, number: int, gate: int, starter: int) -> None:
    os.close(starter)
    os.read(gate, 1)  # ends when the last one has been forked
    for each in range(EACH):
        answer: object
        try:
            answer = sorted(registry.change(_granting(f"{number}-{each}")).ports)
        except Exception as error:  # noqa: BLE001 - the test shows it
            answer = repr(error)
        os.write(1, f"{json.dumps(answer)}\n".encode())


def _answer(registry: Registry) -> None:
    answer = sorted(registry.change(_granting("killed")).ports)
    os.write(1, json.dumps(answer).encode())
    os.kill(os.getpid(), signal.SIGKILL)


def _die(registry: Registry) -> None:
    def rule(table: Table) -> None:
        table.drop(1)
        leasing.grant(table, _wanted("killed"), Facts())
        os.kill(os.getpid(), signal.SIGKILL)

    registry.change(rule)


if __name__ == "__main__":
    acts = {"contend": _contend, "answer": _answer, "die": _die}
    acts[sys.argv[1]](_KNOWN[sys.argv[2]].opened(sys.argv[3], 30))
