"""
What looks show of the services: facts before and after, as events.

A state counts once two looks in a row have shown it: a server that is started anew is
gone for a moment, and Docker publishes a port before it names the container.

    nobody -> served     up, or recovered where it was down
    served -> nobody     down
    any    -> foreign    foreign, and down where it was served
    foreign -> any       recovered

A service that moves to another port, or is declared no more, leaves its troubles behind:
they are over.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from portconf.model import Endpoint
from portconf.ownership import Sighting, Verdict
from portconf.watching.events import Event, Kind


class State(StrEnum):
    """What a look shows of a service."""

    NOBODY = "nobody"
    SERVED = "served"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """
    What is known of one service.

    Attributes:
        port: Its effective port.
        told: The state that counts.
        seen: The state of the last look; None before the first.
        down: Whether it was served on this port, and is not now.
    """

    port: int
    told: State = State.NOBODY
    seen: State | None = None
    down: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """
    What is known of all services, as far as the looks have shown it.

    Attributes:
        services: By name.
    """

    services: Mapping[str, Service] = field(default_factory=dict)

    @property
    def sure(self) -> bool:
        """Whether another look, if it shows the same, changes nothing."""
        return all(each.seen is each.told for each in self.services.values())

    @property
    def foreign(self) -> bool:
        """Whether a port is somebody else's, as far as could be seen."""
        return any(each.told is State.FOREIGN for each in self.services.values())


def looked(
    known: Known,
    endpoints: tuple[Endpoint, ...],
    seen: Mapping[int, Sighting],
) -> tuple[Known, tuple[Event, ...]]:
    """
    Take one look in.

    Args:
        known: What was known before.
        endpoints: The services; of others nothing is kept.
        seen: Who listens on their ports, without those that nobody listens on.

    Returns:
        What is known now, and what happened.
    """
    have = {each.name: each.port for each in endpoints}
    stayed = {n: s for n, s in known.services.items() if have.get(n) == s.port}
    left = known.services.keys() - stayed.keys()
    events = [e for name in sorted(left) for e in _left(name, known.services[name])]
    services = {}
    for each in endpoints:
        before = stayed.get(each.name, Service(port=each.port))
        sighting = seen.get(each.port)
        state = _state(sighting, shared=each.shared)
        if state is before.seen and state is not before.told:
            events += _told(each, before, state, sighting)
            down = before.down or before.told is State.SERVED
            down = down and state is not State.SERVED
            services[each.name] = replace(before, told=state, down=down)
        else:
            services[each.name] = replace(before, seen=state)
    return Known(services=services), tuple(events)


def _state(sighting: Sighting | None, *, shared: bool) -> State:
    """Return what a sighting means; that of another user may well be the service."""
    if sighting is None:
        return State.NOBODY
    foreign = sighting.verdict is Verdict.FOREIGN and not shared
    return State.FOREIGN if foreign else State.SERVED


def _left(name: str, before: Service) -> Iterator[Event]:
    """Yield that the troubles of a service on a port that it has left are over."""
    foreign = before.told is State.FOREIGN
    for was in (Kind.FOREIGN,) * foreign + (Kind.DOWN,) * before.down:
        message = f"{name!r} has left port {before.port}"
        made: dict[str, Any] = {"service": name, "port": before.port}
        yield Event(kind=Kind.RECOVERED, was=was, message=message, **made)


def _told(
    of: Endpoint, before: Service, state: State, sighting: Sighting | None
) -> Iterator[Event]:
    """Yield what happened when a state came to count."""
    made: dict[str, Any] = {"service": of.name, "port": of.port}
    whose = f"port {of.port} of {of.name!r}"
    if before.told is State.FOREIGN:
        message = f"{whose} is nobody else's any more"
        yield Event(kind=Kind.RECOVERED, was=Kind.FOREIGN, message=message, **made)
    elif before.told is State.SERVED:
        message = f"{of.name!r} does not listen on port {of.port} any more"
        yield Event(kind=Kind.DOWN, message=message, **made)
    if sighting is None:
        return
    made["owner"] = sighting.to_dict()
    if state is State.FOREIGN:
        message = f"{whose} is somebody else's: {sighting.text} listens there"
        yield Event(kind=Kind.FOREIGN, message=message, **made)
        return
    doubt = " (perhaps not ours)" if sighting.verdict is Verdict.UNKNOWN else ""
    listens = f"{of.name!r} listens on port {of.port}"
    if before.down:
        message = f"{listens} again: {sighting.text}{doubt}"
        yield Event(kind=Kind.RECOVERED, was=Kind.DOWN, message=message, **made)
    else:
        yield Event(kind=Kind.UP, message=f"{listens}: {sighting.text}{doubt}", **made)
