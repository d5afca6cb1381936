"""Which mentions of ports speak of one server."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from portconf.adopt.naming import name_of
from portconf.adopt.values import Mention, Note
from portconf.names import variable_of


@dataclass(slots=True, kw_only=True)
class Group:
    """Mentions of one server's port, the first of which leads."""

    mentions: list[Mention] = field(default_factory=list)

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
        return next((m.target for m in self.mentions if m.target), None)

    @property
    def numbers(self) -> list[int]:
        """The numbers that are written, each once."""
        return list(dict.fromkeys(m.number for m in self.mentions if m.number))

    @property
    def published(self) -> bool:
        """Whether Compose publishes it."""
        return any(each.published for each in self.mentions)

    @property
    def lead(self) -> Mention:
        """The mention that came first."""
        return self.mentions[0]


def grouped(mentions: Iterable[Mention], notes: list[Note]) -> list[Group]:
    """
    Return the servers, in the order in which they are first mentioned.

    Args:
        mentions: Those that are to be declared.
        notes: Gets a line for each two that were taken for one.
    """
    groups: list[Group] = []
    for each in mentions:
        group = next((g for g in groups if _belongs(each, g, notes)), None)
        if group is None:
            groups.append(group := Group())
        group.mentions.append(each)
    return _by_variable(_alternatives(_by_number(groups, notes), notes), notes)


def _belongs(mention: Mention, group: Group, notes: list[Note]) -> bool:
    """Tell whether a mention is of a group's server, beyond doubt."""
    variable = group.variable
    if mention.variable and variable:
        return mention.variable == variable
    for other in group.mentions:
        # One token, which several services get by an anchor or `extends`.
        if mention.spot and other.spot and mention.spot == other.spot:
            if mention.owner != other.owner:
                text = f"one entry is of {other.owner!r} and of {mention.owner!r}"
                _note(notes, mention, f"{text}; they have one port")
            return True
        same = mention.owner == other.owner != "" and mention.number == other.number
        if same and mention.number:
            if mention.protocol != other.protocol:
                text = f"{mention.number} is both tcp and udp of {mention.owner!r}"
                _note(notes, mention, f"{text}; they have one port")
            return True
    return False


def _alternatives(groups: list[Group], notes: list[Note]) -> list[Group]:
    """Let a number outside of Compose be the one other server's that has it."""
    gone: list[Group] = []
    for index, group in enumerate(groups):
        if group.variable or group.published:
            continue
        like = [
            other
            for place, other in enumerate(groups)
            if (place < index or other.variable)
            and other not in gone
            and group.lead.number in other.numbers
        ]
        if len(like) == 1:
            text = (
                f"{group.lead.number} is the port of {_called(like[0])} at"
                f" {like[0].lead.where}; they are taken for one"
            )
            _note(notes, group.lead, text)
            like[0].mentions += group.mentions
            gone.append(group)
    return [g for g in groups if g not in gone]


def _by_number(groups: list[Group], notes: list[Note]) -> list[Group]:
    """Let a bare number and a variable with that number be one, where they are alone."""
    bare = [g for g in groups if not g.variable and g.published]
    named = [g for g in groups if g.variable and not g.published]
    gone: list[Group] = []
    for group in bare:
        number = group.lead.number
        same = [g for g in named if number in g.numbers and g not in gone]
        rivals = [g for g in bare if g.lead.number == number and g not in gone]
        wanted = variable_of(name_of(group.owner) or "app")
        by_name = [g for g in same if g.variable == wanted]
        if len(rivals) > 1 and not by_name:
            continue  # `ambiguous` tells
        other = (by_name or same)[0] if by_name or len(same) == 1 else None
        if other:
            text = (
                f"{other.variable} is {number}, as is the port of {_called(group)} at"
                f" {group.lead.where}; they are taken for one"
            )
            _note(notes, other.lead, text)
            group.mentions += other.mentions
            gone.append(other)
    return [g for g in groups if g not in gone]


def ambiguous(groups: list[Group]) -> list[tuple[Group, str]]:
    """
    Return the variables that may be one server's or another's, each with the reason.

    To give them ports of their own would point programs at where nobody listens.
    """
    found = []
    for group in groups:
        if not group.variable or group.published:
            continue
        like = [
            g
            for g in groups
            if g is not group
            and set(g.numbers) & set(group.numbers)
            and (g.published or not g.variable)
        ]
        if like:
            who = " or ".join(f"{_called(g)} ({g.lead.where})" for g in like)
            reason = (
                f"{group.variable} may be the port of {who}; add it to"
                " [tool.portconf.env], or declare it with 'env'"
            )
            found.append((group, reason))
    return found


def _by_variable(groups: list[Group], notes: list[Note]) -> list[Group]:
    """Let a server and the variable that it would get anyway be one."""
    gone: list[Group] = []
    seen: set[str] = set()
    for group in groups:
        if group.variable or group.owner in seen or not name_of(group.owner):
            continue
        seen.add(group.owner)
        wanted = variable_of(name_of(group.owner))
        for other in groups:
            if other.variable == wanted and not other.published and other not in gone:
                numbers = " and ".join(map(str, other.numbers)) or "no number"
                text = (
                    f"{wanted}, here {numbers}, is taken for the port of"
                    f" {_called(group)} at {group.lead.where}, {group.lead.number}"
                )
                _note(notes, other.lead, text)
                group.mentions += other.mentions
                gone.append(other)
    return [g for g in groups if g not in gone]


def _called(group: Group) -> str:
    return repr(group.owner or group.variable or str(group.lead.number))


def _note(notes: list[Note], mention: Mention, text: str) -> None:
    notes.append(Note(file=mention.file, line=mention.line, text=text))
