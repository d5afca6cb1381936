"""
Alerts on their way: a declared command that is run, a webhook that is called.

Each way has a lane, so that one which hangs keeps neither the watch nor the other
waiting, and does not pile up.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Protocol

from portconf.alerts import Alerts, fill
from portconf.health import Reach
from portconf.probes.command import Command
from portconf.watching.events import Event, Kind, Notice
from portconf.watching.lanes import Lane
from portconf.watching.ringing import HOLD, Rung, ring
from portconf.watching.webhook import Webhook


# Seconds that a command may take, and that two attempts of a webhook may; and that the
# end waits for a way which cannot be cut, as while a name server is asked.
PATIENCE = 10.0
_END = 1.0
# Alerts of one way that wait; what comes on top is told and dropped.
_MOST = 20


class Way(Protocol):
    """
    One way in which alerts go out; by one thread at a time.

    Attributes:
        name: For people, and for the name of its thread.
    """

    name: str

    def give(self, notice: Notice, *, timeout: float) -> str | None:
        """
        Give one alert.

        Args:
            notice: What it says.
            timeout: Seconds, above 0: so long a command may run, and half as long may
                each attempt of a webhook take, of which there are three at the most.

        Returns:
            What went wrong, or None.
        """

    def cut(self) -> None:
        """End what another thread is giving, at once where that can be."""


class Bell:
    """
    Rings one way; whoever makes it calls `end`.

    Args:
        way: How alerts go out.
        say: Is given each line about what goes wrong, by another thread.
        timeout: Seconds, as `Way.give` takes them.
    """

    def __init__(
        self, way: Way, say: Callable[[str], object], *, timeout: float = PATIENCE
    ) -> None:
        self._way, self._say, self._timeout = way, say, timeout
        self._over = False
        self._lane = Lane(
            f"alert-{way.name}",
            self._give,
            lost=lambda count: say(f"alerts by {way.name} that were dropped: {count}"),
            most=_MOST,
        )

    def ring(self, notice: Notice) -> None:
        """Let an alert go out, after those that wait."""
        self._lane.put(notice)

    def end(self) -> None:
        """End it; alerts that still wait are not given."""
        self._over = True
        self._lane.end(within=_END, cut=self._way.cut)

    def _give(self, notice: Notice) -> None:
        wrong = self._way.give(notice, timeout=self._timeout)
        if wrong and not self._over:
            self._say(f"alert by {self._way.name}: {wrong}")


class Program:
    """Runs a command, without a shell; it is killed when its time is over."""

    name = "command"

    def __init__(
        self,
        words: tuple[str, ...],
        *,
        folder: str,
        variables: Mapping[str, str],
    ) -> None:
        self._words, self._folder, self._variables = words, folder, variables
        self._running: Command | None = None

    def give(self, notice: Notice, *, timeout: float) -> str | None:
        """Run it once."""
        values = notice.values()
        said = {f"PORTCONF_{name.upper()}": text for name, text in values.items()}
        self._running = Command(
            [fill(word, values) for word in self._words],
            folder=self._folder,
            environment={**os.environ, **self._variables, **said},
        )
        try:
            seen = self._running.ask(timeout=timeout)
        except ValueError as error:  # a NUL, which no word of a command can carry
            return str(error)
        return None if seen.reach is Reach.HEALTHY else seen.text

    def cut(self) -> None:
        """Kill it."""
        running = self._running
        if running:
            running.cut()


class Alarm:
    """
    Rings what is to ring, in each way; whoever makes it calls `end`.

    Args:
        ways: How alerts go out.
        on: The kinds of events that ring.
        say: Is given each line about what goes wrong, also by other threads.
    """

    def __init__(
        self, ways: Iterable[Way], *, on: Collection[str], say: Callable[[str], object]
    ) -> None:
        self._bells = tuple(Bell(way, say) for way in ways)
        self._on, self._say = on, say
        self._rung: Mapping[tuple[str, Kind], Rung] = {}

    def hear(
        self,
        told: Iterable[Event],
        notice: Callable[[Event], Notice],
        *,
        now: float,
    ) -> None:
        """
        Ring what is to ring of some events, and what was owed and is due.

        Args:
            told: What has happened since.
            notice: Says where.
            now: Seconds of a clock that never goes back.
        """
        rings = ring(self._rung, told, on=self._on, now=now)
        self._rung = rings.rung
        for event in rings.due:
            for bell in self._bells:
                bell.ring(notice(event))
        for event in rings.held:
            self._say(f"no alert within {HOLD:g} s of the last: {event.line}")

    def end(self) -> None:
        """End the threads of the ways."""
        for bell in self._bells:
            bell.end()


def ways(alerts: Alerts, folder: str, variables: Mapping[str, str]) -> Iterator[Way]:
    """
    Yield the ways in which alerts go out.

    Args:
        alerts: What is declared.
        folder: The project's folder.
        variables: What its programs get.
    """
    if alerts.command:
        yield Program(alerts.command, folder=folder, variables=variables)
    if alerts.webhook:
        yield Webhook(alerts.webhook)
