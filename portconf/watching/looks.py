"""Who listens on a checkout's ports, looked at again and again at little cost."""

import os
import time
from collections.abc import Collection, Iterable, Mapping

from portconf import sightings, snapshot, sockets
from portconf.folder import Folder
from portconf.model import Protocol
from portconf.ownership import Listener, Sighting
from portconf.views import Site
from portconf.watching import events
from portconf.watching.events import Event, Known


# Seconds until a state is looked at again that one look alone has shown.
SURE = 0.25
# A look may take a hundredth of the time between two.
_SHARE = 100


class Machine:
    """What `watch` asks of the machine, beside its passes."""

    def now(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()

    def wall_ns(self) -> int:
        """Return nanoseconds since the epoch."""
        return time.time_ns()

    def fingerprint(self, path: str) -> "snapshot.Fingerprint | None":
        """Return what changes when a file does."""
        return snapshot.fingerprint(path)

    def there(self, folder: str) -> bool:
        """Tell whether a folder is there."""
        return os.path.isdir(folder)

    def listening(self, ports: Collection[int]) -> Iterable[Listener]:
        """Return what listens on some ports."""
        return sockets.listening(ports)

    def look(self, ports: Mapping[int, Protocol], root: str) -> Mapping[int, Sighting]:
        """Return who listens on some ports."""
        return sightings.look(ports, Folder.at(root))


class Looks:
    """
    The looks at one checkout's ports.

    Args:
        machine: What is asked.
        interval: Seconds between two looks, where the last was sure.
    """

    def __init__(self, machine: Machine, *, interval: float) -> None:
        self._machine, self._interval = machine, interval
        self._known = Known()
        self._listeners: frozenset[Listener] | None = None
        self._next = 0.0

    def anew(self) -> None:
        """Let the next look be at once, and at everything."""
        self._listeners, self._next = None, 0.0

    def look(self, site: Site, now: float) -> tuple[Event, ...]:
        """
        Look who listens, if that is due; return what has happened.

        Whose a listener is costs a walk through all processes: it is only asked where
        the sockets are others than at the last look.
        """
        if now < self._next:
            return ()
        spoken = {each.port: each.protocol for each in site.endpoints}
        began = self._machine.now()
        seen = frozenset(
            each
            for each in self._machine.listening(spoken)
            if spoken[each.port] is each.protocol
        )
        # Without netlink a look is slow: not a whole core for it.
        pause = max(self._interval, _SHARE * (self._machine.now() - began))
        told: tuple[Event, ...] = ()
        if seen != self._listeners or not self._known.sure:
            self._listeners = seen
            sightings = self._machine.look(spoken, site.root) if seen else {}
            self._known, told = events.looked(self._known, site.endpoints, sightings)
        self._next = now + (pause if self._known.sure else SURE)
        return told
