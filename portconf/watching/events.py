"""
What `watch` tells: facts before and after, as events.

A state counts once two looks in a row have shown it: a server that is started anew is
gone for a moment, and Docker publishes a port before it names the container.

    nobody -> served     up, or recovered where it was down
    served -> nobody     down
    any    -> foreign    foreign, and down where it was served
    foreign -> any       recovered
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from portconf.model import Endpoint
from portconf.ownership import Sighting, Verdict


class Kind(StrEnum):
    """What an event is about."""

    WATCHING = "watching"
    CHANGED = "changed"
    WRITTEN = "written"
    UP = "up"
    CONFLICT = "conflict"
    FOREIGN = "foreign"
    DOWN = "down"
    RECOVERED = "recovered"


class State(StrEnum):
    """What a look shows of a service."""

    NOBODY = "nobody"
    SERVED = "served"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    Something that happened.

    Attributes:
        kind: What.
        message: A sentence, without a final period.
        service: Whose, or empty.
        port: Its effective port, or None.
        was: What is over; of `recovered` only.
        owner: Who listens, as JSON shows it, or None.
        names: The files; of `written` only.
    """

    kind: Kind
    message: str
    service: str = ""
    port: int | None = None
    was: Kind | None = None
    owner: Mapping[str, Any] | None = None
    names: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The event for people."""
        return f"{self.kind}: {self.message}"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "event": self.kind,
            "was": self.was,
            "service": self.service or None,
            "port": self.port,
            "message": self.message,
            "owner": self.owner and dict(self.owner),
            "files": list(self.names),
        }


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
    services, events = {}, list[Event]()
    for each in endpoints:
        before = known.services.get(each.name)
        if before is None or before.port != each.port:
            before = Service(port=each.port)
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


def moved(before: tuple[Endpoint, ...], now: tuple[Endpoint, ...]) -> tuple[Event, ...]:
    """Return which services got, changed or lost their ports."""
    had = {each.name: each.port for each in before}
    have = {each.name: each.port for each in now}
    return (
        *(
            Event(
                kind=Kind.CHANGED,
                service=name,
                port=port,
                message=f"{name!r} moved from port {had[name]} to {port}"
                if name in had
                else f"{name!r} has port {port}",
            )
            for name, port in have.items()
            if had.get(name) != port
        ),
        *(
            Event(
                kind=Kind.CHANGED,
                service=name,
                message=f"{name!r} has given port {port} up",
            )
            for name, port in had.items()
            if name not in have
        ),
    )


def taken(had: tuple[Endpoint, ...], by: Mapping[int, str]) -> tuple[Event, ...]:
    """Return which of the ports that services had are another checkout's now."""
    names = {each.port: each.name for each in had}
    return tuple(
        Event(
            kind=Kind.CONFLICT,
            service=names[port],
            port=port,
            message=f"port {port} of {names[port]!r} is leased to {who} now",
        )
        for port, who in sorted(by.items())
    )


def over(conflict: Event) -> Event:
    """Return that a conflict has ended."""
    message = f"no conflict any more: {conflict.message}"
    return replace(conflict, kind=Kind.RECOVERED, was=Kind.CONFLICT, message=message)


def _state(sighting: Sighting | None, *, shared: bool) -> State:
    """Return what a sighting means; that of another user may well be the service."""
    if sighting is None:
        return State.NOBODY
    foreign = sighting.verdict is Verdict.FOREIGN and not shared
    return State.FOREIGN if foreign else State.SERVED


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
