"""Who listens on a checkout's ports, looked at again and again at little cost."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping

from portconf import sightings, sockets
from portconf.folder import Folder
from portconf.model import Protocol
from portconf.ownership import Listener, Sighting
from portconf.views import Site
from portconf.watching import states
from portconf.watching.events import Event
from portconf.watching.states import Known


# Seconds until a state is looked at again that one look alone has shown.
SURE = 0.25
# A look may take a hundredth of the time between two.
_SHARE = 100


def _look(ports: Mapping[int, Protocol], root: str) -> Mapping[int, Sighting]:
    return sightings.look(ports, Folder.at(root))


class Looks:
    """
    The looks at one checkout's ports.

    Args:
        interval: Seconds between two looks, where the last was sure.
        listening: Returns what listens on some ports.
        look: Returns who does, as seen from a project's folder.
    """

    def __init__(
        self,
        *,
        interval: float,
        listening: Callable[[Collection[int]], Iterable[Listener]] = sockets.listening,
        look: Callable[[Mapping[int, Protocol], str], Mapping[int, Sighting]] = _look,
    ) -> None:
        self.interval, self._listening, self._look = interval, listening, look
        self._known = Known()
        self._listeners: frozenset[Listener] | None = None
        self._next = self._doubt = 0.0

    def anew(self) -> None:
        """Let the next look be at once, and at everything."""
        self._listeners, self._next = None, 0.0

    def look(self, site: Site, now: float) -> tuple[Event, ...]:
        """
        Look who listens, if that is due; return what has happened.

        Whose a listener is costs a walk through all processes: it is only asked where
        the sockets are others than at the last look, and now and then while a server
        passes for somebody else's, as Docker may have been slow to name a container.

        Raises:
            OSError: If the system does not say.
        """
        if now < self._next:
            return ()
        self._next = now + self.interval  # also where this one fails
        spoken = {each.port: each.protocol for each in site.endpoints}
        began = time.monotonic()
        seen = frozenset(
            each
            for each in self._listening(spoken)
            if spoken[each.port] is each.protocol
        )
        # Without netlink a look is slow: not a whole core for it.
        pause = max(self.interval, _SHARE * (time.monotonic() - began))
        told: tuple[Event, ...] = ()
        doubted = self._known.foreign and now >= self._doubt
        if seen != self._listeners or not self._known.sure or doubted:
            sighted = self._look(spoken, site.root) if seen else {}
            self._listeners = seen
            self._known, told = states.looked(self._known, site.endpoints, sighted)
            self._doubt = now + max(pause, _SHARE * (time.monotonic() - began))
        self._next = now + (pause if self._known.sure else SURE)
        return told
