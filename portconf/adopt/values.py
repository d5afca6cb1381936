"""What was found of ports in a project's files, before anything is declared."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from portconf.compose.values import Spot, Unread


LAST = 65535
_PRIVILEGED = 1024
# PORT as a word of its own: neither REPORT nor TRANSPORT, and no other quantity.
_PORT_VARIABLE = re.compile(
    r"(?!.*_(?:OFFSET|RANGE|COUNT|TIMEOUT|ENABLED|CHECK)$)"
    r"(?:[A-Z0-9_]*_)?(?:PG)?PORT(?:_[A-Z0-9_]*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """
    A place that speaks of one port of one server.

    Attributes:
        file: Relative to the project, with '/'.
        line: From 1.
        variable: The variable that carries the port there; empty for a bare number.
        number: The number, or the variable's default; None where there is none.
        owner: What the file calls the server: a Compose service, a process, a label;
            empty where it has no name of its own.
        target: The port inside the container; None where there is none, or several.
        protocol: `tcp` or `udp`.
        published: Whether Compose publishes the port there.
        spot: The token to replace; None where there is nothing to replace.
    """

    file: str
    line: int
    variable: str = ""
    number: int | None = None
    owner: str = ""
    target: int | None = None
    protocol: str = "tcp"
    published: bool = False
    spot: Spot | None = None

    @property
    def where(self) -> str:
        """Where it is, as messages show it."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A decision that a person may want to know of, with its place."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    What was found in one file, or in several.

    Attributes:
        mentions: The ports, in the order of the files.
        hosts: The variables that name hosts, with their values.
        images: The image of each Compose service that has one.
        inner: The variables that Compose files use for more than a host's port.
        unread: What could not be read or decided.
        notes: What was understood, and is for a person to change.
    """

    mentions: tuple[Mention, ...] = ()
    hosts: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    inner: frozenset[str] = frozenset()
    unread: tuple[Unread, ...] = ()
    notes: tuple[Note, ...] = ()

    def __add__(self, other: "Found") -> "Found":
        return Found(
            mentions=self.mentions + other.mentions,
            hosts={**other.hosts, **self.hosts},
            images={**other.images, **self.images},
            inner=self.inner | other.inner,
            unread=self.unread + other.unread,
            notes=self.notes + other.notes,
        )


def names_a_port(variable: str) -> bool:
    """
    Tell whether a variable is, by its name, for a port.

    Examples:
        >>> [names_a_port(each) for each in ("PORT", "PGPORT", "REPORT", "PORT_OFFSET")]
        [True, True, False, False]
    """
    return _PORT_VARIABLE.fullmatch(variable) is not None


def names_a_host(variable: str) -> bool:
    """Tell whether a variable is, by its name, for a host."""
    return (
        re.fullmatch(r"\w*(?:HOST|HOSTNAME|SERVER|ADDR|ADDRESS)", variable) is not None
    )


def port_in(text: str) -> int | None:
    """
    Return the port that a text is, or None.

    Examples:
        >>> port_in("5432"), port_in("99999"), port_in("54x")
        (5432, None, None)
    """
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= LAST:
        return None
    return int(text)


def privileged(number: int | None) -> bool:
    """Tell whether a number is below those that ordinary users may bind."""
    return number is not None and number < _PRIVILEGED
