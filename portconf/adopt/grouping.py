"""Which mentions of ports speak of one server."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from portconf.adopt.values import Mention, Note
from portconf.model import Service


@dataclass(slots=True, kw_only=True, eq=False)
class Server:
    """
    What listens on one port of this machine.

    Attributes:
        mentions: Where its port stands, the first of which leads.
        service: What it is declared as already, or None.
        name: What it is to be declared as; empty as long as that is open.
    """

    mentions: list[Mention] = field(default_factory=list)
    service: Service | None = None
    name: str = ""

    @property
    def variable(self) -> str:
        """The variable that carries the port today; empty: a number stands there."""
        return next((m.variable for m in self.mentions if m.variable), "")

    @property
    def owner(self) -> str:
        """What a file calls the server."""
        return next((m.owner for m in self.mentions if m.owner), "")

    @property
    def target(self) -> int | None:
        """The port inside the container, if one is known."""
        declared = self.service.container_port if self.service else None
        return declared or next((m.target for m in self.mentions if m.target), None)

    @property
    def named(self) -> bool:
        """Whether it is to be declared, or is."""
        return self.service is not None or any(each.named for each in self.mentions)


def servers(mentions: Iterable[Mention], notes: list[Note]) -> list[Server]:
    """
    Return the servers that are published, in the order in which they are mentioned.

    Args:
        mentions: What Compose publishes, as far as it is to be declared.
        notes: Gets a line where several entries are one server without a variable.
    """
    found: list[Server] = []
    known: dict[object, Server] = {}
    for each in mentions:
        keys = _keys(each)
        server = next((known[key] for key in keys if key in known), None)
        if server and each.variable and server.variable not in {"", each.variable}:
            server = None
        if server is None:
            found.append(server := Server())
        elif not each.variable:
            _tell(each, server.mentions[0], notes)
        server.mentions.append(each)
        for key in keys:
            known.setdefault(key, server)
    return found


def _keys(mention: Mention) -> list[object]:
    """Return what two mentions of one server have in common."""
    keys: list[object] = [mention.variable] if mention.variable else []
    if mention.spot:
        # One token, which several services get by an anchor or `extends`.
        keys.append((mention.file, mention.spot.start))
    if mention.number:
        keys.append((mention.owner, mention.number, None))
    return keys


def _tell(mention: Mention, first: Mention, notes: list[Note]) -> None:
    if mention.owner != first.owner:
        text = f"one entry is of {first.owner!r} and of {mention.owner!r}"
    elif mention.protocol != first.protocol:
        text = f"{mention.number} is both tcp and udp of {mention.owner!r}"
    else:
        return
    text += "; they have one port"
    notes.append(Note(file=mention.file, line=mention.line, text=text))
