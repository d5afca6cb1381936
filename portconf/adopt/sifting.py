"""Which mentions of ports may be services of this project, and why others may not."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from portconf.adopt import hosts
from portconf.adopt.values import Found, Mention, names_a_port
from portconf.compose import matching
from portconf.compose.values import Spot, Unread
from portconf.names import variable_problem
from portconf.settings import Settings


@dataclass(slots=True, kw_only=True)
class Sifted:
    """
    The mentions that may be services, by what they are.

    Attributes:
        published: What Compose publishes.
        processes: What processes bind.
        forwarded: Bare numbers.
        variables: The mentions of each variable that has no place in Compose.
        staying: The numbers of entries that stay as they are, each with its place.
        reserved: The variables that mean something else, so that none may be made.
        unread: Why the others are none.
    """

    published: list[Mention] = field(default_factory=list)
    processes: list[Mention] = field(default_factory=list)
    forwarded: list[Mention] = field(default_factory=list)
    variables: dict[str, list[Mention]] = field(default_factory=dict)
    staying: dict[int, str] = field(default_factory=dict)
    reserved: set[str] = field(default_factory=set)
    unread: list[Unread] = field(default_factory=list)

    def refuse(self, mention: Mention, reason: str) -> None:
        """Tell why a mention is none, if its file is to be adopted."""
        if mention.named:
            self.unread.append(
                Unread(file=mention.file, line=mention.line, reason=reason)
            )


def sift(found: Found, settings: Settings, stuck: Mapping[Spot, str]) -> Sifted:
    """
    Part the mentions; those of what is declared already stay.

    Args:
        found: What the project's files say.
        settings: What is declared already.
        stuck: The tokens that cannot be replaced, with the reason.
    """
    known = matching.variables(settings.services, settings).keys()
    made = {each.variable for each in settings.templates} - known
    inner = found.inner - known
    wrong = _wrong(found, known, stuck)
    sifted = Sifted(reserved={*wrong, *inner, *found.foreign} - known)
    published = {each.variable for each in found.mentions if each.published}
    for each in found.mentions:
        if each.published:
            _publish(each, sifted, wrong=wrong, inner=inner, stuck=stuck)
        elif not each.variable:
            (sifted.processes if each.process else sifted.forwarded).append(each)
        elif each.variable in made:
            continue  # its value is made from our ports already
        elif each.variable in known:
            sifted.variables.setdefault(each.variable, []).append(each)
        elif not names_a_port(each.variable) and each.variable not in published:
            continue
        elif reason := wrong.get(each.variable):
            sifted.refuse(each, reason)
        elif each.variable in inner:
            sifted.refuse(each, _kept(each, found))
        else:
            sifted.variables.setdefault(each.variable, []).append(each)
    return sifted


def _kept(mention: Mention, found: Found) -> str:
    """Return that containers get a variable, and whom it no longer leads to here."""
    reason = f"{mention.variable} goes into containers, and stays yours"
    owner = next(
        (
            each.owner
            for each in found.mentions
            if each.published
            and each.named
            and mention.number
            # Also by its own name, where the entry gets another variable.
            and (each.number == mention.number or each.variable == mention.variable)
        ),
        None,
    )
    if owner is None:
        return reason
    return (
        f"{reason}; on this machine {owner!r} gets another port, so let nothing here use"
        f" {mention.variable}"
    )


def _publish(
    mention: Mention,
    sifted: Sifted,
    *,
    wrong: Mapping[str, str],
    inner: frozenset[str],
    stuck: Mapping[Spot, str],
) -> None:
    """Take an entry of a Compose file."""
    why = stuck.get(mention.spot) if mention.spot else None
    if mention.variable in inner:
        # What containers get must not move: the host's port gets one of its own.
        mention = replace(mention, variable="")
    reason = why or wrong.get(mention.variable)
    if reason:
        sifted.refuse(mention, reason)
    if not reason or (mention.variable and mention.variable not in wrong):
        sifted.published.append(replace(mention, spot=None if why else mention.spot))
    elif mention.number:
        sifted.staying.setdefault(mention.number, mention.where)


def _wrong(
    found: Found, known: Collection[str], stuck: Mapping[Spot, str]
) -> dict[str, str]:
    """Return the variables that no service may have, with the reason."""
    defaults: dict[str, set[int | None]] = {}
    for each in found.mentions:
        if each.published:
            defaults.setdefault(each.variable, set()).add(each.number)
    wrong = {
        each.variable: stuck[each.spot]
        for each in found.mentions
        if each.spot and each.spot in stuck
    }
    for name in dict.fromkeys(each.variable for each in found.mentions):
        reason = _reason(name, defaults.get(name, set()) - {None}, found)
        if not reason and name not in defaults:
            reason = elsewhere(name, found)
        if reason:
            wrong[name] = reason
    return {name: wrong[name] for name in wrong if name and name not in known}


def _reason(name: str, defaults: set[int | None], found: Found) -> str | None:
    problem = variable_problem(name)
    if problem:
        return f"{problem}; name another one there"
    if len(defaults) > 1:
        return f"{name} has several defaults, a port each; give each its own variable"
    return found.foreign.get(name)


def elsewhere(name: str, found: Found) -> str | None:
    """Return why a variable is the port of a server elsewhere, or None."""
    for other, here in found.hosts.items():
        if not here and hosts.about(other, name):
            return f"{name} is the port of a server elsewhere, as {other} says"
    return None
