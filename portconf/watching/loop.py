"""
`watch`: the loop that keeps one checkout's files current, and tells what happens.

What the system says of files only wakes it: whether anything has changed is seen by
their fingerprints, so that nothing which it writes itself sends it round for ever,
and so that it works, a little slower, where the system says nothing.
"""

import os
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, suppress
from typing import Protocol

import watchfiles

from portconf import snapshot
from portconf.errors import (
    BlocksExhaustedError,
    LeaseConflictError,
    PortconfError,
    PortConflictError,
)
from portconf.watching import events, telling
from portconf.watching.events import Event, Kind
from portconf.watching.looks import SURE, Looks, Machine
from portconf.watching.renewal import Renewed
from portconf.watching.ringing import Notice
from portconf.watching.telling import Teller, Ways
from portconf.watching.troubles import Troubles


INTERVAL = 2.0
"""Seconds between two looks at who listens, where nothing else is asked for."""

# All in seconds. Between two turns of the loop at the most; until a pass is made although
# no file has changed, where formats may tell of other checkouts.
_TURN, _ANYWAY = 0.25, 30.0
# A change within one tick of a file's clock shows no difference: passes are made until
# it must have ticked, but not for ever where that clock is ahead of ours.
_RESTLESS = 3.0
# Seconds by which the clock of the day has run off from that of our waiting.
_SLEPT = 5.0
# Milliseconds: files that are written one after the other are one change.
_DEBOUNCE, _STEP = 100, 50
_CONFLICTS = (LeaseConflictError, BlocksExhaustedError, PortConflictError)


class Stop(Protocol):
    """What says that the loop is to end."""

    def is_set(self) -> bool:
        """Tell whether it is."""


class Passes(Protocol):
    """What keeps a checkout current; see `portconf.watching.renewal.Renewal`."""

    @property
    def root(self) -> str:
        """The project's folder."""

    @property
    def exports(self) -> tuple[tuple[str, str], ...]:
        """Formats with the folders of their files."""

    def files(self) -> tuple[str, ...]:
        """Return the files that decide before the first pass."""

    def hurried(self) -> "Passes":
        """Return what waits for nobody for long."""

    def renew(self, before: Renewed | None) -> Renewed:
        """Make a pass."""

    def why_gone(self, before: Renewed) -> str | None:
        """Return why the missing folder may come back, or None."""


class Watch:
    """
    One checkout that is watched.

    Args:
        renewal: What is kept current.
        tell: Is given each event.
        say: Is given each line about what goes wrong, also from other threads.
        interval: Seconds between two looks at who listens.
        machine: What is asked of the machine.

    """

    def __init__(
        self,
        renewal: "Passes",
        *,
        tell: Callable[[Notice], object],
        say: Callable[[str], object],
        interval: float = INTERVAL,
        machine: Machine | None = None,
        ways: Ways = telling.ways,
    ) -> None:
        self._renewal, self._say = renewal, say
        self._machine = machine or Machine()
        self._looks = Looks(self._machine, interval=interval)
        self._teller, self._troubles = Teller(tell, say, ways), Troubles()
        self._found: Renewed | None = None
        self._prints: tuple[object, ...] = ()
        self._settled, self._restless = True, 0.0
        self._again = float("inf")
        self._interval, self._drift = interval, 0.0
        self._conflict: Event | None = None
        self._noted: tuple[str, ...] = ()
        self._blind = False

    def run(self, stop: Stop) -> None:
        """
        Watch until ``stop`` is set, or the checkout is gone.

        Raises:
            PortconfError: If the first pass fails; what fails later is told.
        """
        try:
            self.begin()
            while not stop.is_set() and not self._troubles.over:
                found, folders = self._found, self._folders()
                with closing(self._changes(folders, stop)) as changes:
                    for _ in changes:
                        self.turn()
                        before, found = found, self._found
                        moved = found is not before and self._folders() != folders
                        if moved or self._troubles.over:
                            break
        finally:
            self.end()

    def begin(self) -> None:
        """Make the first pass; raises what `run` does."""
        now = self._machine.now()
        self._drift = self._machine.wall_ns() / 1e9 - now
        found = self._renewal.renew(None)
        self._renewal = self._renewal.hurried()
        count = len(found.site.endpoints)
        ports = f" on {found.lease.range}" if found.lease else ""
        what = f"{found.site.root}, {count} service{'s' * (count != 1)}{ports}"
        self._take(found, (Event(kind=Kind.WATCHING, message=what),), now)

    def end(self) -> None:
        """End the threads of alerts."""
        self._teller.end()

    def turn(self) -> None:
        """Do what is due now."""
        now = self._machine.now()
        drift = self._machine.wall_ns() / 1e9 - now
        if abs(drift - self._drift) > _SLEPT:  # the machine slept: anything may be new
            self._prints = ()
            self._looks.anew()
        self._drift = drift
        files = self._found.files if self._found else self._renewal.files()
        prints = tuple(map(self._machine.fingerprint, files))
        changed = prints != self._prints
        if changed:
            self._restless = now + _RESTLESS
        unsettled = not self._settled and now < self._restless
        if changed or unsettled or now >= self._again:
            quarrel = self._troubles.quarrel(now)
            if quarrel:
                self._say(quarrel)
            if quarrel is None:
                self._renew(now, prints)
        if self._found and self._troubles.missing is None:
            told = self._looks.look(self._found.site, now)
            if told and self._renewal.exports:  # some formats tell who listens
                self._again = now
            self._tell(told, now)

    def _renew(
        self, now: float, prints: "tuple[snapshot.Fingerprint | None, ...]"
    ) -> None:
        """Make a pass."""
        wall = self._machine.wall_ns()
        self._prints = prints
        self._settled = all(
            each is None or snapshot.settled(each, now_ns=wall) for each in prints
        )
        self._again = now + _ANYWAY if self._renewal.exports else float("inf")
        try:
            found = self._renewal.renew(self._found)
        except (PortconfError, OSError) as error:
            self._fail(error, now)
            return
        over: tuple[Event, ...] = ()
        # What is written for a declaration that is as it was, somebody has undone.
        same = self._found is not None and self._found.settings == found.settings
        if self._troubles.succeeded(wrote=same and bool(found.written), now=now):
            self._say(f"{found.site.root}: all is well again")
        if self._conflict:
            over = (events.over(self._conflict),)
            self._conflict = None
        self._take(found, over, now)

    def _take(self, found: Renewed, first: tuple[Event, ...], now: float) -> None:
        """Let a pass's findings count, and tell what has changed by them."""
        before, self._found = self._found, found
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
        if had != here:
            self._looks.anew()
        self._tell(told, now)

    def _tell(self, told: "list[Event] | tuple[Event, ...]", now: float) -> None:
        if self._found:
            at = self._machine.wall_ns() / 1e9
            self._teller.tell(told, self._found, now=now, at=at)

    def _fail(self, error: PortconfError | OSError, now: float) -> None:
        """Tell what went wrong, if it is time to."""
        root, troubles = self._renewal.root, self._troubles
        text = getattr(error, "message", None) or str(error)
        self._again = now + (self._interval if text == troubles.seen else SURE)
        if not self._machine.there(root):
            why = self._renewal.why_gone(self._found) if self._found else None
            said = troubles.gone(root, why, now=now)
            if said:
                self._say(said)
            elif not troubles.told:
                self._again = now + SURE
        elif troubles.failed(text):
            hint = getattr(error, "hint", None)
            if isinstance(error, _CONFLICTS):
                port, name = getattr(error, "port", None), getattr(error, "service", "")
                self._conflict = Event(
                    kind=Kind.CONFLICT, service=name, port=port, message=text
                )
                self._tell((self._conflict,), now)
            self._say(text + (f"\nhint: {hint}" if hint else ""))

    def _folders(self) -> dict[str, int]:
        """Return the folders whose changes wake us, each with its inode."""
        files = self._found.files if self._found else self._renewal.files()
        found = {}
        for folder in sorted(set(map(_folder, files))):
            with suppress(OSError):  # it has gone this moment
                found[folder] = os.stat(folder).st_ino
        return found

    def _changes(
        self, folders: Iterable[str], stop: Stop
    ) -> Generator[None, None, None]:
        """Yield where a file may have changed, and at each turn."""
        try:
            for _ in watchfiles.watch(
                *folders,
                watch_filter=None,
                debounce=_DEBOUNCE,
                step=_STEP,
                stop_event=stop,
                rust_timeout=int(1000 * _TURN),
                yield_on_timeout=True,
                recursive=False,
                ignore_permission_denied=True,
            ):
                yield
        except FileNotFoundError:  # it has gone this moment
            time.sleep(_TURN)
            yield
        except (OSError, RuntimeError) as error:
            # Mostly too many are watched already: see fs.inotify.max_user_watches.
            if not self._blind:
                self._say(f"warning: files are looked at every {_TURN:g} s: {error}")
            self._blind = True
            while not stop.is_set():
                time.sleep(_TURN)
                yield


def _folder(path: str) -> str:
    """Return the folder of a file, or the nearest one above that is there."""
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder
