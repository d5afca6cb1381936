"""
`watch`: the loop that keeps one checkout's files current, and tells what happens.

What the system says of files only wakes it: whether anything has changed is seen by
their fingerprints, so that nothing which it writes itself sends it round for ever,
and so that it works, a little slower, where the system says nothing.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from math import inf

from portconf import snapshot
from portconf.alerts import Alerts
from portconf.errors import (
    BlocksExhaustedError,
    LeaseConflictError,
    PortconfError,
    PortConflictError,
)
from portconf.watching import events, notices
from portconf.watching.events import Event, Kind, Notice
from portconf.watching.folders import changes, folders
from portconf.watching.looks import SURE, Looks
from portconf.watching.notices import Alarm, Way
from portconf.watching.quarrels import LEAVE, Quarrels
from portconf.watching.renewal import Renewal, Renewed
from portconf.watching.troubles import Troubles
from portconf.watching.waking import Moment, Prints, Waking


# Seconds until a pass is made although no file has changed, where formats may tell of
# other checkouts.
_ANYWAY = 30.0
# Passes that fail may take a twentieth of the time: they wait for locks, with some work.
_SHARE = 20
_CONFLICTS = (LeaseConflictError, BlocksExhaustedError, PortConflictError)


def _here() -> Moment:
    return Moment(time.monotonic(), time.time_ns())


class Watch:
    """
    One checkout that is watched.

    Args:
        renewal: What is kept current.
        tell: Is given each event.
        say: Is given each line about what goes wrong, also from other threads.
        looks: Looks at who listens.
        clock: Returns the moment.
        fingerprint: Returns what changes when a file does.
        ways: Returns the ways in which alerts go out.
    """

    def __init__(
        self,
        renewal: Renewal,
        *,
        tell: Callable[[Notice], object],
        say: Callable[[str], object],
        looks: Looks,
        clock: Callable[[], Moment] = _here,
        fingerprint: Callable[
            [str], "snapshot.Fingerprint | None"
        ] = snapshot.fingerprint,
        ways: Callable[[Alerts, str, Mapping[str, str]], Iterable[Way]] = notices.ways,
    ) -> None:
        self._renewal, self._tell_one, self._say = renewal, tell, say
        self._looks, self._clock = looks, clock
        self._fingerprint, self._ways = fingerprint, ways
        self._troubles, self._waking = Troubles(), Waking()
        self._quarrels = Quarrels()
        self._conflict: Event | None = None
        self._noted: tuple[str, ...] = ()
        self._warned: set[str] = set()
        self._alerts: Alerts | None
        self._declared: Alerts | None
        self._alarm: Alarm
        self._found: Renewed

    def run(self, stop: threading.Event) -> None:
        """
        Watch until ``stop`` is set, or the checkout is gone.

        Raises:
            PortconfError: If the first pass fails; what fails later is told.
        """
        self.begin()
        try:
            while not stop.is_set() and not self._troubles.over:
                found = self._found
                there = folders(found.files)
                with closing(changes(there, stop, warn=self._warn)) as stirred:
                    for _ in stirred:
                        self.turn()
                        before, found = found, self._found
                        moved = found is not before and folders(found.files) != there
                        if moved or self._troubles.over:
                            break
        finally:
            self.end()

    def begin(self) -> None:
        """Make the first pass; raises what `run` does."""
        at = self._clock()
        self._waking.slept(at)
        found = self._renewal.renew(None)
        # As they are declared now: a branch that is checked out later may be anybody's,
        # and its command is not to be run by that alone, nor with its variables.
        alerts = self._alerts = self._declared = found.settings.alerts
        ways = self._ways(alerts, found.site.root, found.variables) if alerts else ()
        self._alarm = Alarm(ways, on=alerts.rings if alerts else (), say=self._say)
        count = len(found.site.endpoints)
        ports = f" on {found.lease.range}" if found.lease and count else ""
        what = f"{found.site.root}, {count} service{'s' * (count != 1)}{ports}"
        self._take(found, None, (Event(kind=Kind.WATCHING, message=what),), at)

    def end(self) -> None:
        """End the threads of alerts."""
        self._alarm.end()

    def turn(self) -> None:
        """Do what is due now."""
        at = self._clock()
        if self._waking.slept(at):
            self._looks.anew()
        prints = {each: self._fingerprint(each) for each in self._found.files}
        left = self._quarrels.left(at.now)
        if self._waking.due(prints, at.now, ours=self._found.ours, left=left):
            self._waking.settled = all(
                path in left
                or each is None
                or snapshot.settled(each, now_ns=at.wall_ns)
                for path, each in prints.items()
            )
            self._renew(prints, at)
        if self._troubles.missing is None:
            self._look(at)

    def _renew(self, prints: Prints, at: Moment) -> None:
        """Make a pass."""
        self._waking.prints = prints
        self._waking.again = at.now + _ANYWAY if self._renewal.exports else inf
        before = self._found
        try:
            found = self._renewal.renew(before)
        except (PortconfError, OSError) as error:
            self._fail(error, at, self._clock().now - at.now)
            return
        if self._troubles.succeeded():
            self._say(f"{found.site.root}: all is well again")
        for path in self._quarrels.undone(found.undone, now=at.now):
            self._say(
                f"somebody else writes {path} again and again: it is left alone for"
                f" {LEAVE:g} s"
            )
        self._take(found, before, self._over(), at)

    def _look(self, at: Moment) -> None:
        """Look who listens, if that is due; tell that, and what was owed."""
        told: tuple[Event, ...] = ()
        try:
            told = self._looks.look(self._found.site, at.now)
        except OSError as error:  # no descriptor is left, or no memory
            self._warn(f"who listens cannot be seen: {error.strerror or error}")
        if told and self._renewal.exports:  # some formats tell who listens
            self._waking.again = at.now
        self._tell(told, at)

    def _take(
        self,
        found: Renewed,
        before: Renewed | None,
        first: tuple[Event, ...],
        at: Moment,
    ) -> None:
        """Let a pass's findings count, and tell what has changed by them."""
        self._found = found
        here = found.site.endpoints
        had = before.site.endpoints if before else ()
        told = [*first, *events.taken(had, found.taken)]
        changes = events.moved(had, here)
        told += (e for e in changes if before or e.service in found.assigned)
        if found.written:
            names = ", ".join(found.written)
            told.append(Event(kind=Kind.WRITTEN, message=names, names=found.written))
        for note in found.notes:
            if note not in self._noted:
                self._say(f"warning: {note}")
        self._noted = found.notes or self._noted
        before_that, self._declared = self._declared, found.settings.alerts
        if self._declared not in (before_that, self._alerts):
            self._say(
                "warning: the alerts are declared anew: start the watch again to use them"
            )
        if had != here:
            self._looks.anew()
        self._tell(told, at)

    def _tell(self, told: "list[Event] | tuple[Event, ...]", at: Moment) -> None:
        """Tell events; also rings what was owed and is due."""
        site, moment = self._found.site, at.wall_ns / 1e9

        def notice(event: Event) -> Notice:
            return Notice(event=event, site=site, at=moment)

        for event in told:
            self._tell_one(notice(event))
        self._alarm.hear(told, notice, now=at.now)

    def _over(self) -> tuple[Event, ...]:
        """Return that the conflict is over, if there was one."""
        over = (events.over(self._conflict),) if self._conflict else ()
        self._conflict = None
        return over

    def _fail(self, error: PortconfError | OSError, at: Moment, seconds: float) -> None:
        """Tell what went wrong after so many seconds, if it is time to."""
        troubles = self._troubles
        text = getattr(error, "message", None) or str(error)
        pause = max(self._looks.interval, min(_SHARE * seconds, _ANYWAY))
        self._waking.again = at.now + (pause if text == troubles.seen else SURE)
        if not self._renewal.there():
            self._miss(at)
        elif troubles.failed(text):
            hint = getattr(error, "hint", None)
            if isinstance(error, _CONFLICTS):
                port, name = getattr(error, "port", None), getattr(error, "service", "")
                over = self._over()
                self._conflict = Event(
                    kind=Kind.CONFLICT, service=name, port=port, message=text
                )
                self._tell((*over, self._conflict), at)
            self._say(text + (f"\nhint: {hint}" if hint else ""))

    def _miss(self, at: Moment) -> None:
        """Tell that the folder is missing, if it is time to."""
        root, troubles = self._renewal.root, self._troubles
        moved = self._renewal.moved(self._found)
        if moved:
            self._say(f"{root} has moved to {moved}: start the watch there")
            troubles.over = True
            return
        said = troubles.gone(root, self._renewal.why_gone(self._found), now=at.now)
        if said:
            self._say(said)
        elif not troubles.told:
            self._waking.again = at.now + SURE

    def _warn(self, text: str) -> None:
        """Tell what the system lacks, once."""
        if text not in self._warned:
            self._say(f"warning: {text}")
        self._warned.add(text)
