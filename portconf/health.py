"""Whether services answer: what probes saw, and what that says of a service."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from portconf.errors import HealthError
from portconf.model import Protocol, Service


LOOPBACK = ("127.0.0.1", "::1")


class Kind(StrEnum):
    """How a service is asked."""

    TCP = "tcp"
    UDP = "udp"
    HTTP = "http"
    COMMAND = "command"

    @classmethod
    def of(cls, service: Service) -> "Kind":
        """Return how a service is asked, as its key `health` says."""
        if isinstance(service.health, tuple):
            return cls.COMMAND
        if service.health is not None:
            return cls.HTTP
        return cls.UDP if service.protocol is Protocol.UDP else cls.TCP


class Reach(IntEnum):
    """How far a question came; the further, the more it tells."""

    NOWHERE = 0  # this host has no such address
    CLOSED = 1  # nobody listens
    SILENT = 2  # no answer in time
    WRONG = 3  # an answer, and not the right one
    HEALTHY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    What one question to one endpoint came to.

    Attributes:
        reach: How far it came.
        text: What was seen, for people, without the address.
    """

    reach: Reach
    text: str


def within(seconds: float) -> str:
    """
    Return a time that was not enough, for people.

    Examples:
        >>> within(1.987), within(0.0123)
        ('within 2 s', 'within 0.012 s')
    """
    return f"within {round(seconds, 1) or round(seconds, 3):g} s"


def merged(looks: Mapping[str, Seen]) -> Seen:
    """
    Return what a service's probes saw together: what came furthest.

    Args:
        looks: By address, one or more; the address is empty for what has none.

    Examples:
        >>> refused = Seen(reach=Reach.CLOSED, text="connection refused")
        >>> merged({"127.0.0.1": refused, "::1": refused}).text
        'connection refused on 127.0.0.1 and ::1'
    """
    best = max(each.reach for each in looks.values())
    places: dict[str, list[str]] = {}
    for address, seen in looks.items():
        if seen.reach is best:
            places.setdefault(seen.text, []).append(address)
    told = [
        f"{text} on {' and '.join(found)}" if any(found) else text
        for text, found in places.items()
    ]
    return Seen(reach=best, text="; ".join(told))


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """
    Whether one service answers.

    Attributes:
        service: Its name.
        port: Its effective port.
        probe: How it was asked.
        healthy: Whether it answered as it should.
        seen: What was seen last, for people; empty where no question has ended yet.
        seconds: From the first question of all to the right answer; None without one.
    """

    service: str
    port: int
    probe: Kind
    healthy: bool
    seen: str = ""
    seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "service": self.service,
            "port": self.port,
            "probe": self.probe,
            "healthy": self.healthy,
            "seen": self.seen or None,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    Whether services answer.

    Attributes:
        root: The project's folder.
        services: Those that were asked, in the order in which they were named.
        seconds: How long it took; until now, while it goes on.
        notes: What is to be known beside, each a sentence.
    """

    root: str
    services: tuple[Health, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def unhealthy(self) -> tuple[Health, ...]:
        """Those that do not answer as they should."""
        return tuple(each for each in self.services if not each.healthy)

    @property
    def healthy(self) -> bool:
        """Whether all of them answer as they should; also where there is none."""
        return not self.unhealthy

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "root": self.root,
            "seconds": round(self.seconds, 3),
            "services": [each.to_dict() for each in self.services],
            "notes": list(self.notes),
        }

    def refusal(
        self, *, waited: float | None = None, brief: bool = False
    ) -> HealthError:
        """
        Return the error that names each service that does not answer.

        Args:
            waited: Seconds that were waited; None for a single look.
            brief: Leave the names out of the message, where they are shown already.
        """
        bad, count = self.unhealthy, len(self.services)
        lead = "" if waited is None else f"gave up after {waited:g} s: "
        lead += f"{len(bad)} of {count} service{'s' * (count > 1)}"
        lead += f" {'are' if len(bad) > 1 else 'is'} not healthy"
        lines = [
            f"{each.service!r} on port {each.port}: {each.seen or 'nothing seen yet'}"
            for each in ([] if brief else bad)
        ]
        more = "" if waited is None else ", or raise --timeout"
        them = "them" if len(bad) > 1 else "it"
        return HealthError(
            "\n".join((lead, *lines)),
            services=[each.to_dict() for each in self.services],
            hint=f"start {them}{more}; 'portconf status' shows who listens",
        )
