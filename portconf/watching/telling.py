"""Who is told of an event: whoever reads the output, and the alerts that are declared."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from portconf.alerts import Alerts
from portconf.watching.events import Event, Kind
from portconf.watching.notices import Bell, Program, Way, Webhook
from portconf.watching.renewal import Renewed
from portconf.watching.ringing import HOLD, Notice, Rung, ring


def ways(alerts: Alerts, found: Callable[[], Renewed]) -> Iterator[Way]:
    """
    Yield the ways in which alerts go out.

    Args:
        alerts: What is declared.
        found: Returns the checkout as it stands.
    """
    if alerts.command:
        yield Program(
            alerts.command,
            folder=found().site.root,
            variables=lambda: found().variables,
        )
    if alerts.webhook:
        yield Webhook(alerts.webhook)


Ways = Callable[[Alerts, Callable[[], Renewed]], Iterable[Way]]


class Teller:
    """
    Tells events of one checkout; whoever makes it calls `end`.

    Args:
        tell: Is given each event.
        say: Is given each line about what goes wrong, also from other threads.
        ways: Returns the ways of alerts.
    """

    def __init__(
        self,
        tell: Callable[[Notice], object],
        say: Callable[[str], object],
        ways: Ways = ways,
    ) -> None:
        self._tell, self._say, self._ways = tell, say, ways
        self._alerts: Alerts | None = None
        self._found: Renewed | None = None
        self._rung: Mapping[tuple[str, Kind], Rung] = {}
        self._bells: tuple[Bell, ...] = ()

    def tell(
        self, told: Collection[Event], found: Renewed, *, now: float, at: float
    ) -> None:
        """
        Tell events, and ring those that ring; also what was owed and is due.

        Args:
            told: What has happened since.
            found: The checkout as it stands.
            now: Seconds of a clock that never goes back.
            at: Seconds since the epoch.
        """
        self._hang(found)
        for event in told:
            self._tell(_notice(event, found, at))
        alerts = found.settings.alerts
        rings = ring(self._rung, told, on=alerts.rings if alerts else (), now=now)
        self._rung = rings.rung
        for event in rings.due:
            for bell in self._bells:
                bell.ring(_notice(event, found, at))
        for event in rings.held:
            self._say(f"no alert within {HOLD:g} s of the last: {event.line}")

    def end(self) -> None:
        """End the threads of the alerts."""
        for bell in self._bells:
            bell.end()
        self._bells = ()

    def _hang(self, found: Renewed) -> None:
        """Have the bells that the declaration asks for."""
        self._found = found
        before, self._alerts = self._alerts, found.settings.alerts
        if self._alerts != before:
            self.end()
            made = self._ways(self._alerts, self._here) if self._alerts else ()
            self._bells = tuple(Bell(way, self._say) for way in made)

    def _here(self) -> Renewed:
        assert self._found is not None  # noqa: S101 - there are bells since it was
        return self._found


def _notice(event: Event, found: Renewed, at: float) -> Notice:
    site = found.site
    return Notice(
        event=event,
        project=site.project,
        root=site.root,
        branch=site.branch,
        instance=site.instance,
        at=at,
    )
