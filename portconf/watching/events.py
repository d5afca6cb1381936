"""What `watch` tells: events, and each with where it has happened."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from portconf.model import Endpoint
from portconf.views import Site


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
class Notice:
    """
    An event as others are told of it.

    Attributes:
        event: What happened.
        site: The checkout.
        at: Seconds since the epoch.
    """

    event: Event
    site: Site
    at: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "portconf": 1,
            **self.event.to_dict(),
            "project": self.site.project,
            "root": self.site.root,
            "branch": self.site.branch,
            "instance": self.site.instance,
            "at": round(self.at, 3),
        }

    def values(self) -> dict[str, str]:
        """Return the texts that take the places of a command's placeholders."""
        event, owner = self.event, self.event.owner or {}
        return {
            "event": event.kind,
            "was": event.was or "",
            "service": event.service,
            "port": str(event.port or ""),
            "message": event.message,
            "owner": str(owner.get("command") or owner.get("container") or ""),
            "project": self.site.project,
            "root": self.site.root,
            "branch": self.site.branch or "",
            "instance": str(self.site.instance),
        }


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
