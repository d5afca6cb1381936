"""Whether a project's services answer, under the eyes of its guard."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from portconf import environment, probes, sockets
from portconf.asking import TURN, Asked, Board, Progress
from portconf.health import Report
from portconf.inspection import Inspection
from portconf.model import Service
from portconf.ownership import Listener
from portconf.settings import Guard


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """
    The services that are to answer.

    Attributes:
        names: The services, each with a port, in the order in which they are told.
        inspection: The project, with a plan of these services and its lease.
        variables: Returns the project's, which a command gets.
    """

    names: tuple[str, ...]
    inspection: Inspection
    variables: Callable[[], Mapping[str, str]]

    def look(self, *, timeout: float) -> Report:
        """
        Ask each service once.

        Args:
            timeout: Seconds for all of them together, above 0.
        """
        mode = self.inspection.standing.settings.guard
        board = self._board(timeout, again=False)
        board.run(None)
        if mode is not Guard.OFF:  # a foreign server that answers is to be told
            board.note(self.inspection.guard({}, mode=Guard.WARN).notes)
        return board.report()

    def wait(self, *, timeout: float, on_progress: Progress | None) -> Report:
        """
        Ask until each service has answered as it should.

        Args:
            timeout: Seconds for all of them together, above 0.
            on_progress: Is given what is known so far, some 50 times a second, by the
                thread that calls this.

        Raises:
            HealthError: If one has not when the time is over.
            ForeignListenerError: If a foreign server begins to listen, or does, and
                the declaration's `guard` is `error`.
        """
        board = self._board(timeout, again=True)
        board.run(_Watch(self.inspection, board), on_progress)
        report = board.report()
        if not report.healthy:
            raise report.refusal(waited=timeout)
        return report

    def _environment(self) -> dict[str, str]:
        """Return what a command gets: the caller's variables, and the project's."""
        ours = self.variables()
        gone = environment.left_over(os.environ, ours)
        theirs = {k: v for k, v in os.environ.items() if k not in gone}
        return {**theirs, **ours}

    def _board(self, timeout: float, *, again: bool) -> Board:
        if not timeout > 0:
            raise ValueError(f"a timeout must be above 0 seconds, got {timeout}")
        declared = self.inspection.standing.settings.by_name()
        ports = self.inspection.ports()
        folder = self.inspection.standing.folder.root
        asked = []
        for name in self.names:
            service = declared.get(name) or Service(name=name)
            found = probes.of(
                service, ports[name], folder=folder, environment=self._environment
            )
            asked.append(Asked(service=service, port=ports[name], probes=found))
        board = Board(asked, root=folder, timeout=timeout, again=again)
        board.note(self.inspection.cautions)
        return board


class _Watch:
    """
    Who begins to listen on the ports that are waited for.

    Attributes:
        turn: Seconds until the next look.
    """

    def __init__(self, inspection: Inspection, board: Board) -> None:
        self._inspection, self._board = inspection, board
        self._mode = inspection.standing.settings.guard
        self._ports = frozenset(inspection.ports().values())
        self._known: frozenset[Listener] = frozenset()
        self.turn = TURN

    def news(self) -> frozenset[Listener]:
        """Return the listeners that were not there at the last look."""
        began = time.monotonic()
        found = frozenset(sockets.listening(self._ports))
        # Without netlink a look costs as much as ten turns: not a whole core for it.
        self.turn = max(TURN, 4 * (time.monotonic() - began))
        new, self._known = found - self._known, found
        return new

    def judge(self) -> None:
        """
        Look whose the listeners are: a walk through processes, so not at each turn.

        Raises:
            ForeignListenerError: If one is foreign, and the declaration says so.
        """
        self._board.note(self._inspection.guard({}, mode=self._mode).notes)
