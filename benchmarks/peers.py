"""Peers: many who ask for ports and bind them later, alone and among strangers."""

import random
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from askers import ASKERS, OURS, PORTCONF_KEPT, RESERVE, SERVER, Ask, Asker
from children import hear, talk
from network import own_network
from strangers import FEW, HOST, MANY, Strangers
from table import Row


# The longest delay before each bind, in seconds.
_DELAY = 0.002
# The kernel keeps a port in TIME_WAIT for 60 s.
_OLD = 65.0
# Seconds for a trial that ends by itself.
_LIMIT = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """
    What a worker was given.

    Attributes:
        ports: The answers, in order.
        errors: The kinds of error that it got instead of an answer.
        began: When it asked first, by the clock of all processes.
        ended: When it had its last answer.
    """

    ports: tuple[int, ...]
    errors: tuple[str, ...]
    began: float
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    What a trial showed.

    Attributes:
        failed: How many of the ports asked for could not be bound, or never came.
        twice: How many answers were a port that had been given already.
        errors: The kinds of error that were an answer.
        rate: Answers a second, of all workers together.
    """

    failed: int
    twice: int
    errors: tuple[str, ...]
    rate: float

    @classmethod
    def of(cls, given: Sequence[Given], failed: int) -> "Outcome":
        """Sum up what the workers were given."""
        ports = [port for one in given for port in one.ports]
        errors = tuple(kind for one in given for kind in one.errors)
        took = max(one.ended for one in given) - min(one.began for one in given)
        return cls(
            failed=failed + len(errors),
            twice=len(ports) - len(set(ports)),
            errors=errors,
            rate=len(ports) / took,
        )


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure the tools in turn, in one order, each trial in a network of its own."""
    many, each, rounds, few = (2, 5, 1, 1) if quick else (16, 200, 5, 3)
    strangers = FEW if quick else MANY
    there = []
    for asker in ASKERS:
        if why := asker.missing():
            yield Row(what=asker.name, figure="not measured", bound=why)
        else:
            there.append(asker)
    folders = _folders(place)
    with ExitStack() as stack:
        old = None
        if RESERVE in there and not quick:
            # It grows old while the others are measured.
            trial = partial(_lose, RESERVE, next(folders), each, strangers, _grow_old)
            old = stack.enter_context(talk(partial(_apart, trial)))
        asked = _turns(
            there, rounds, lambda one: partial(_ask, one, next(folders), many, each)
        )
        yield from _asking(asked, f"{many} x {each} ports")
        # Where its ports lie does not depend on how often the project is looked up.
        apart = [asker for asker in there if asker is not PORTCONF_KEPT]
        lost = _turns(
            apart,
            few,
            lambda one: partial(_lose, one, next(folders), each, strangers, None),
        )
        for asker in apart:
            yield _loss(asker.name, lost[asker.name], each, ours=asker in OURS)
        if old:
            old.send(None)
            yield _loss(
                f"{RESERVE.name} after {_OLD:.0f} s", [hear(old)], each, ours=False
            )


def _folders(place: Path) -> Iterator[Path]:
    """Make a folder for each trial; short, for a socket may have its path there."""
    for number in count():
        folder = place / str(number)
        folder.mkdir(parents=True)
        yield folder


def _turns(
    askers: Sequence[Asker],
    rounds: int,
    trial: Callable[[Asker], Callable[[Connection, bool], object]],
) -> dict[str, list[Any]]:
    """Let each tool have its trial, then each its next; return the results by name."""
    found: dict[str, list[Any]] = {asker.name: [] for asker in askers}
    for _ in range(rounds):
        for asker in askers:
            with talk(partial(_apart, trial(asker))) as pipe:
                found[asker.name].append(hear(pipe, within=_LIMIT))
    return found


def _asking(asked: dict[str, list[Outcome]], what: str) -> Iterator[Row]:
    for asker in ASKERS:
        if asker.name not in asked:
            continue
        ours = asker in OURS
        outcomes = asked[asker.name]
        kinds = sorted({kind for one in outcomes for kind in one.errors})
        unanswered = sum(len(one.errors) for one in outcomes)
        yield Row.of(
            f"{what}, {asker.name}: failed binds",
            [one.failed for one in outcomes],
            unit="",
            bound=f"{unanswered} never given: {', '.join(kinds)}" if kinds else "",
            **_none(ours=ours),
        )
        yield Row.of(
            f"{what}, {asker.name}: given twice",
            [one.twice for one in outcomes],
            unit="",
            **_none(ours=ours),
        )
        yield Row.of(
            f"{what}, {asker.name}: asking",
            [one.rate for one in outcomes],
            unit="ports/s",
            bound=asker.use,
        )
    for asker in OURS if SERVER.name in asked else ():
        pairs = zip(asked[asker.name], asked[SERVER.name], strict=True)
        yield Row.of(
            f"{what}, {asker.name}: asking",
            [one.rate / other.rate for one, other in pairs],
            unit=f"x {SERVER.name}",
            at_least=1,
        )


def _loss(
    name: str, losses: Sequence[tuple[int, str]], each: int, *, ours: bool
) -> Row:
    (strangers,) = {told for _, told in losses}
    return Row.of(
        f"{each} ports among strangers, {name}: lost",
        [lost for lost, _ in losses],
        unit="",
        bound=strangers,
        **_none(ours=ours),
    )


def _none(*, ours: bool) -> dict[str, Any]:
    """Hold ours, in its worst round, against none."""
    return {"at_most": 0, "pick": max} if ours else {}


def _apart(trial: Callable[[Connection, bool], object], owner: Connection) -> None:
    """Send what a trial shows that has a network of its own, where that is let."""
    alone = own_network()
    owner.send(trial(owner, alone))


def _ask(
    asker: Asker, folder: Path, many: int, each: int, _owner: Connection, _alone: object
) -> Outcome:
    """Let all ask at once, and all bind when the last has its last answer."""
    _load(asker)
    with asker.beside(folder), ExitStack() as stack:
        workers = [
            stack.enter_context(talk(partial(_work, asker, folder, number, each)))
            for number in range(many)
        ]
        _meet(workers)
        given = _meet(workers)
        return Outcome.of(given, sum(hear(worker) for worker in workers))


def _lose(
    asker: Asker,
    folder: Path,
    each: int,
    strangers: Strangers,
    pause: Callable[[Connection], None] | None,
    owner: Connection,
    alone: bool,  # noqa: FBT001 - a callback's
) -> tuple[int, str]:
    """Let one ask, then strangers act, then the one bind: what fails, and at whom."""
    _load(asker)
    # A network that others use as well must not run out of ports.
    crowd = strangers.fitting() if alone else FEW
    why = "no more files may be open" if alone else "the machine's own network"
    told = str(crowd) if crowd == strangers else f"{crowd}: {why}"
    work = partial(_work, asker, folder, 0, each)
    with asker.beside(folder), talk(work) as worker:
        _meet([worker])
        given = hear(worker)
        if pause:
            pause(owner)
        with crowd.around():
            worker.send(None)
            found = Outcome.of([given], hear(worker))
    # What it gave twice, it did not lose to them.
    return found.failed - found.twice, told


def _meet(workers: Sequence[Connection]) -> list[Any]:
    """Wait until all have something to say, let all go on, and return what it was."""
    said = [hear(worker) for worker in workers]
    for worker in workers:
        worker.send(None)
    return said


def _grow_old(owner: Connection) -> None:
    time.sleep(_OLD)
    owner.recv()  # it must not act while others are measured


def _load(asker: Asker) -> None:
    """Import a tool once, before there are many processes that would."""
    if asker.module:
        import_module(asker.module)


def _work(
    asker: Asker, folder: Path, number: int, each: int, owner: Connection
) -> None:
    """Ask when told to, bind when told to, and hold what was got."""
    ask = asker.make(folder)
    owner.send(None)
    owner.recv()
    given = _questions(ask, number, each)
    owner.send(given)
    owner.recv()
    delays = random.Random(number)  # noqa: S311 - the same ones in each trial
    failed = 0
    with ExitStack() as stack:
        for port in given.ports:
            time.sleep(delays.uniform(0, _DELAY))
            try:
                # As servers do: with SO_REUSEADDR, and listening.
                stack.enter_context(socket.create_server((HOST, port)))
            except OSError:
                failed += 1
        owner.send(failed)
        owner.poll(None)  # until the trial is over, or has failed


def _questions(ask: Ask, number: int, each: int) -> Given:
    ports, errors = [], []
    began = time.perf_counter()
    for turn in range(each):
        try:
            ports.append(ask(f"{number}-{turn}"))
        except Exception as error:  # noqa: BLE001 - of a tool that we only watch
            errors.append(type(error).__name__)
    return Given(
        ports=tuple(ports),
        errors=tuple(errors),
        began=began,
        ended=time.perf_counter(),
    )
