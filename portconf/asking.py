"""
Asks services whether they answer, all at once: once, or until they do.

Each probe has a thread. The thread that called looks meanwhile at what listens: a new
listener makes the probes of its port ask at once, before it is judged.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from portconf.health import Health, Kind, Reach, Report, Seen, merged
from portconf.model import Service
from portconf.ownership import Listener
from portconf.probes.protocol import Probe


Progress = Callable[[Report], object]

TURN = 0.02
"""Seconds between two looks at what listens."""

# All in seconds. From one question to the next at first, then by half more each time,
# up to the slowest of its kind. The first again after a new listener; where looking for
# those is slow, as without netlink, a closed port is not left alone for longer than that.
_FIRST, _LONGER, _SHUT = 0.02, 1.5, 0.04
_SLOWEST = {Kind.TCP: 0.25, Kind.UDP: 0.25, Kind.HTTP: 0.25, Kind.COMMAND: 0.5}
# One question may take a third of the budget, but not less than the first of these
# (a slow answer is one) nor more than the second (the next may get one).
_LEAST, _MOST = 5.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """
    A service that is to be asked.

    Attributes:
        service: The service.
        port: Its effective port.
        probes: What asks; healthy if one of them says so.
    """

    service: Service
    port: int
    probes: tuple[Probe, ...]


class Watch(Protocol):
    """
    Who begins to listen on the ports that are waited for.

    Attributes:
        turn: Seconds until the next look.
    """

    turn: float

    def news(self) -> frozenset[Listener]:
        """Return the listeners that were not there at the last look."""

    def judge(self) -> None:
        """
        Look whose the listeners are.

        Raises:
            ForeignListenerError: If one is foreign, and the declaration says so.
        """


class Board:
    """What the probes have seen so far; their threads write it, the caller's reads."""

    def __init__(
        self, asked: Iterable[Asked], *, root: str, timeout: float, again: bool
    ) -> None:
        self._asked, self._root = tuple(asked), root
        self._began = time.monotonic()
        self.until = self._began + timeout
        self.limit = min(max(timeout / 3, _LEAST), _MOST)
        self.again = again
        self.seeing = False
        self.stopped = threading.Event()
        self._changed = threading.Condition()
        self._seen: dict[str, dict[str, Seen]] = {
            each.service.name: {} for each in self._asked
        }
        self._seconds: dict[str, float] = {}
        self._notes: dict[str, None] = {}
        self._broken: BaseException | None = None
        self._askers = [
            _Asker(self, each, probe) for each in self._asked for probe in each.probes
        ]

    def run(self, watch: Watch | None, on_progress: Progress | None = None) -> None:
        """Ask, until all is known or the time is over; no thread is left then."""
        try:
            for each in self._askers:
                each.thread.start()
            done = False
            while not done:
                done = self._over()  # before the look: who made it so is looked at
                if watch:
                    self._wake(watch)
                if on_progress:
                    on_progress(self.report())
                self._rest(watch.turn if watch else TURN)
        finally:
            self._end()
        if self._broken:
            raise self._broken

    def _rest(self, seconds: float) -> None:
        """Let the probes go on, but for a question that takes longer than it may."""
        now = time.monotonic()
        for each in self._askers:
            each.hurry(now)
        with self._changed:
            self._changed.wait_for(self._over, seconds)

    def _end(self) -> None:
        """End all threads, and what they ask."""
        self.stopped.set()
        for each in self._askers:
            each.end()
        for each in self._askers:
            while each.thread.is_alive():
                each.end()  # it may have begun its question after the last cut
                each.thread.join(TURN)

    def tell(self, name: str, address: str, seen: Seen, *, short: bool) -> None:
        """
        Keep what a probe has seen.

        Args:
            name: The service.
            address: Where the probe asked.
            seen: What came of it.
            short: Whether it had less time than a question may take: that it has seen
                nothing then says less than what it saw before.
        """
        with self._changed:
            known = self._seen[name]
            if seen.reach is Reach.SILENT and short and address in known:
                return
            known[address] = seen
            if seen.reach is Reach.HEALTHY and name not in self._seconds:
                self._seconds[name] = time.monotonic() - self._began
                self._changed.notify()

    def healthy(self, name: str) -> bool:
        """Tell whether a service has answered as it should."""
        return name in self._seconds

    def leave(self, error: BaseException | None) -> None:
        """Note that a probe's thread ends, and the bug that ended it, if one did."""
        with self._changed:
            self._broken = self._broken or error
            self._changed.notify()

    def note(self, notes: Iterable[str]) -> None:
        """Keep sentences that are to be told, each once."""
        self._notes.update(dict.fromkeys(notes))

    def report(self) -> Report:
        """Return what is known now."""
        with self._changed:
            return Report(
                root=self._root,
                services=tuple(map(self._health, self._asked)),
                seconds=time.monotonic() - self._began,
                notes=tuple(self._notes),
            )

    def _health(self, asked: Asked) -> Health:
        name = asked.service.name
        known = self._seen[name]
        told = (each.address for each in asked.probes)
        seen = {address: known[address] for address in told if address in known}
        return Health(
            service=name,
            port=asked.port,
            probe=Kind.of(asked.service),
            healthy=name in self._seconds,
            seen=merged(seen).text if seen else "",
            seconds=self._seconds.get(name),
        )

    def _over(self) -> bool:
        return (
            len(self._seconds) == len(self._asked)
            or self._broken is not None
            or time.monotonic() >= self.until
            or not any(each.wanted for each in self._askers)
        )

    def _wake(self, watch: Watch) -> None:
        """Let the probes of new listeners ask at once, and the guard judge those."""
        found = watch.news()
        self.seeing = watch.turn <= TURN
        ports = {each.port for each in found}
        for each in self._askers:
            if each.port in ports:
                each.wake.set()
        if found:
            watch.judge()


class _Asker:
    """A probe's thread: asks once, or until the service is healthy."""

    def __init__(self, board: Board, asked: Asked, probe: Probe) -> None:
        self._name, self.port = asked.service.name, asked.port
        self._kind, self._probe, self._board = Kind.of(asked.service), probe, board
        self.wake = threading.Event()
        self.wanted = True
        self._overdue: float | None = None
        # Joined, but for a second Ctrl-C while it is: then the program may end.
        self.thread = threading.Thread(
            target=self._run,
            name=f"portconf-probe-{self._name}-{probe.address}",
            daemon=True,
        )

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._ask()
        except BaseException as bug:  # noqa: BLE001 - raised by who waits for it
            error = bug
        self.wanted = False
        self._board.leave(error)

    def _ask(self) -> None:
        board, pause = self._board, _FIRST
        while not board.stopped.is_set() and not board.healthy(self._name):
            now = time.monotonic()
            left = board.until - now
            if left <= 0:
                return
            timeout = min(left, board.limit)
            self._overdue = now + timeout
            seen = self._probe.ask(timeout=timeout)
            self._overdue = None
            board.tell(
                self._name, self._probe.address, seen, short=timeout < board.limit
            )
            if not board.again:
                return
            shut = seen.reach <= Reach.CLOSED and not board.seeing
            pause = min(pause, _SHUT if shut else _SLOWEST[self._kind])
            woken = self.wake.wait(pause)
            self.wake.clear()
            pause = _FIRST if woken else pause * _LONGER

    def hurry(self, now: float) -> None:
        """Cut a question that takes longer than it may, as an endless answer does."""
        overdue = self._overdue
        if overdue is not None and now > overdue + TURN:
            self._probe.cut()

    def end(self) -> None:
        """Cut what is asked, and let the thread go on to its end."""
        self.wake.set()
        self._probe.cut()
