"""The values that the rest of portconf hands around, right once they exist."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from portconf.errors import ConfigError
from portconf.keys import key
from portconf.kinds import Choice, Either, Flag, Matching, Port, Problem, Words
from portconf.names import (
    VARIABLE_PATTERN,
    VARIABLE_RULE,
    name_problem,
    variable_of,
    variable_problem,
)


SECURE = ("https", "wss")
"""The schemes of services that speak TLS from the first byte."""


class Protocol(StrEnum):
    """What is spoken on a port, below the application."""

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class PortRange:
    """
    Consecutive ports.

    Attributes:
        first: First port, 1 to 65535.
        last: Last port, itself included.
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 1 <= self.first <= self.last <= 65535:  # noqa: PLR2004 - the last port
            raise ValueError(f"not a range of ports: {self.first}-{self.last}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read a range written as ``"20000-20999"``.

        Args:
            text: Two decimal port numbers joined by a hyphen.

        Returns:
            The range, both ends included.

        Raises:
            ValueError: If ``text`` is not two ports in rising order.

        Examples:
            >>> PortRange.parse("20000-20999").first
            20000
        """
        if not re.fullmatch(r"[0-9]{1,5}-[0-9]{1,5}", text):
            raise ValueError(f"not a range of ports: {text!r}")
        first, last = text.split("-")
        return cls(first=int(first), last=int(last))

    def ports(self) -> range:
        """Return its ports, in rising order."""
        return range(self.first, self.last + 1)

    def overlaps(self, other: "PortRange") -> bool:
        """Tell whether a port lies in both."""
        return self.first <= other.last and other.first <= self.last

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def __len__(self) -> int:
        return self.last - self.first + 1


_TEXT = Matching(
    rule="text on one line", pattern=r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*", limit=200
)
_PATH = Matching(
    rule="a path that starts with '/'", pattern=r"/[^\x00-\x20\x7f]*", limit=2000
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """
    A declared program that listens on one port.

    Attributes:
        name: Lower-case, see `NAME_RULE`; unique in its project.

    The other fields are the keys of `[tool.portconf.services.NAME]`.
    """

    name: str
    purpose: str = key(_TEXT, "", "What the service is, for people.")
    env: str | None = key(
        Matching(rule=VARIABLE_RULE, pattern=VARIABLE_PATTERN),
        None,
        "The name of its variable; `<NAME>_PORT` in upper case where absent.",
    )
    port: int | None = key(
        Port(), None, "Fixes the port: the plan assigns this number and no other."
    )
    shared: bool = key(
        Flag(), default=False, about="All checkouts use the main checkout's server."
    )
    protocol: Protocol = key(
        Choice(words_type=Protocol), Protocol.TCP, "What the service speaks."
    )
    container_port: int | None = key(
        Port(), None, "The port inside its container, which never moves."
    )
    scheme: str | None = key(
        Matching(
            rule="a URL scheme in lower case", pattern=r"[a-z][a-z0-9+.-]*", limit=30
        ),
        None,
        "The scheme of its URL, like `https` or `postgresql`.",
    )
    health: str | tuple[str, ...] | None = key(
        Either(
            kinds=(_PATH, Words()),
            rule="a path that starts with '/', or a list of texts (a command)",
        ),
        None,
        "How to ask whether it answers: a path (HTTP GET), a command as a list"
        " (exit 0), absent: a TCP connection.",
    )

    def __post_init__(self) -> None:
        problem = name_problem(self.name) or variable_problem(self.variable)
        if problem:
            raise ConfigError(f"service {problem}")
        try:
            _TEXT.read(self.purpose)
        except Problem as wrong:
            raise ConfigError(f"the purpose of {self.name!r} {wrong}") from None

    @property
    def variable(self) -> str:
        """The name of the variable that carries the port."""
        return self.env or variable_of(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """
    Where a service is reached from this checkout.

    On this machine, so at 127.0.0.1: what a service is bound to is its own affair.

    Attributes:
        name: The service.
        variable: The variable that carries the port.
        assigned: Its port in the plan.
        port: Its effective port: what programs use.
        purpose: What the service is.
        scheme: The scheme of its URL, or None where none is declared.
        protocol: What is spoken there; `tcp` where the service is not declared.
        container_port: The port inside its container, or None where none is declared.
        health: How to ask whether it answers, as the service's key says; None: by a
            connection.
        shared: Whether all checkouts use this one server.
    """

    name: str
    variable: str
    assigned: int
    port: int
    purpose: str
    scheme: str | None = None
    protocol: Protocol = Protocol.TCP
    container_port: int | None = None
    health: str | tuple[str, ...] | None = None
    shared: bool = False

    @property
    def host(self) -> str:
        """The address at which it is reached."""
        return "127.0.0.1"

    @property
    def url(self) -> str | None:
        """The URL of its root, without a final '/'; None without a scheme."""
        return self.scheme and f"{self.scheme}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """
    A service's number in the plan.

    Attributes:
        port: 1 to 65535.
        purpose: What the service is, as declared when it was last planned.
    """

    port: int
    purpose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    Service to assigned port, as it is kept.

    Attributes:
        base_port: Where the sequence began.
        next_port: The number that the next new service gets, 65536 at the most.
        services: By name, in port order.
        released: Given-up numbers from ``next_port`` on, which rule 3 keeps back;
            those below it cannot come again anyway.
    """

    base_port: int
    next_port: int
    services: Mapping[str, Assignment] = field(default_factory=dict)
    released: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        # Port order is part of the value: whoever iterates sees the file's order.
        ordered = sorted(
            self.services.items(), key=lambda item: (item[1].port, item[0])
        )
        object.__setattr__(self, "services", dict(ordered))

    def duplicates(self) -> dict[int, tuple[str, ...]]:
        """Return the ports that several services have, with their names."""
        if len({each.port for each in self.services.values()}) == len(self.services):
            return {}  # as nearly always
        names: dict[int, tuple[str, ...]] = {}
        for name, assignment in self.services.items():
            names[assignment.port] = (*names.get(assignment.port, ()), name)
        return {port: who for port, who in names.items() if len(who) > 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """
    What planning did to one service.

    Attributes:
        name: The service.
        port: Its port now.
        before: Its port before, or None for a new one.
        reason: Why it moved, for people; empty for a new one.
    """

    name: str
    port: int
    before: int | None = None
    reason: str = ""
