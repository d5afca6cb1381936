"""What was found of ports in a project's files, before anything is declared."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from portconf.compose.values import Spot, Unread


LAST = 65535
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
        named: Whether its file is to be adopted, and not only asked.
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
    named: bool = True

    @property
    def process(self) -> bool:
        """Whether it is a process that listens there."""
        return bool(self.owner) and not self.published

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
        hosts: The variables that say where something is, each with whether that is
            this machine.
        images: The image of each Compose service that has one.
        inner: The variables that containers get.
        foreign: The variables whose values are not to be replaced, with the reason.
        unread: What could not be read or decided.
        notes: What was understood, and is for a person to change.
    """

    mentions: tuple[Mention, ...] = ()
    hosts: Mapping[str, bool] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    inner: frozenset[str] = frozenset()
    foreign: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()
    notes: tuple[Note, ...] = ()

    @classmethod
    def joined(cls, parts: Iterable["Found"]) -> "Found":
        """Return what several files say; what the first says of a variable holds."""
        each = list(parts)
        hosts: dict[str, bool] = {}
        images: dict[str, str] = {}
        foreign: dict[str, str] = {}
        for part in reversed(each):
            hosts |= part.hosts
            images |= part.images
            foreign |= part.foreign
        return cls(
            mentions=tuple(m for part in each for m in part.mentions),
            hosts=hosts,
            images=images,
            inner=frozenset().union(*(part.inner for part in each)),
            foreign=foreign,
            unread=tuple(u for part in each for u in part.unread),
            notes=tuple(n for part in each for n in part.notes),
        )

    def asked(self) -> "Found":
        """Return what the same files say where they are not to be adopted."""
        return replace(
            self,
            mentions=tuple(replace(each, named=False) for each in self.mentions),
            unread=(),
            notes=(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """
    A service, declared already or to be declared.

    Attributes:
        name: Its name.
        variable: The variable that carries its port.
        keys: The keys of its table, by TOML name; none where it is declared already.
        declared: Whether it is declared already.
        mentions: Where its port was found.
    """

    name: str
    variable: str
    keys: Mapping[str, Any]
    declared: bool
    mentions: tuple[Mention, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """
    What is to be declared.

    Attributes:
        services: In the order in which they are first mentioned.
        templates: The service that each further variable is made from; those that are
            declared already are none.
        ours: The mentions of variables that portconf sets from now on.
        unread: What could not be read or decided.
        notes: What was decided where a person might decide otherwise.
    """

    services: tuple[Adopted, ...] = ()
    templates: Mapping[str, str] = field(default_factory=dict)
    ours: tuple[Mention, ...] = ()
    unread: tuple[Unread, ...] = ()
    notes: tuple[Note, ...] = ()


def names_a_port(variable: str) -> bool:
    """
    Tell whether a variable is, by its name, for a port.

    Examples:
        >>> [names_a_port(each) for each in ("PORT", "PGPORT", "REPORT", "PORT_OFFSET")]
        [True, True, False, False]
    """
    return _PORT_VARIABLE.fullmatch(variable) is not None


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
