"""The services that a project's ports are declared as."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from portconf.adopt import naming, well_known
from portconf.adopt.grouping import Group, ambiguous, grouped
from portconf.adopt.values import Found, Mention, Note, privileged
from portconf.compose.values import Unread
from portconf.model import Service
from portconf.names import variable_of, variable_problem
from portconf.settings import Settings


_LOCAL = re.compile(
    r"localhost|127\.[0-9.]+|0\.0\.0\.0|\[?::1?\]?|host\.docker\.internal|"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """
    A service, declared already or to be declared.

    Attributes:
        name: Its name.
        variable: The variable that carries its port.
        keys: The keys of its table, by TOML name; as declared where it is.
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
        unread: What could not be read or decided.
        notes: What was decided where a person might decide otherwise.
    """

    services: tuple[Adopted, ...] = ()
    unread: tuple[Unread, ...] = ()
    notes: tuple[Note, ...] = ()


def propose(found: Found, settings: Settings) -> Proposal:
    """
    Return the services for what was found; those that are declared stay as they are.

    Args:
        found: What the project's files say.
        settings: What is declared already.
    """
    unread = list(found.unread)
    notes = list(found.notes)
    mine = {each.variable for each in settings.services}
    templates = {each.variable for each in settings.templates}
    wanted = []
    foreign = set(found.inner)
    published = {m.variable for m in found.mentions if m.published}
    for mention in found.mentions:
        if mention.variable in templates:
            continue  # its value is made from our ports already
        reason = (
            None
            if mention.variable in mine
            else _refused(mention, found, mention.variable in published)
        )
        if reason:
            unread.append(Unread(file=mention.file, line=mention.line, reason=reason))
            foreign.add(mention.variable)
        else:
            wanted.append(mention)
    groups = grouped(wanted, notes)
    for group, reason in ambiguous([g for g in groups if g.variable not in mine]):
        groups.remove(group)
        foreign.add(group.variable)
        unread.append(Unread(file=group.lead.file, line=group.lead.line, reason=reason))
    services = tuple(
        _services(groups, replace(found, inner=frozenset(foreign)), settings, unread)
    )
    for service in services:
        for mention in service.mentions:
            if not (mention.variable or mention.published):
                text = (
                    f"{mention.number} is the port of {service.name!r}, and is left as"
                    f" it is; what listens there is to use {service.variable}"
                )
                notes.append(Note(file=mention.file, line=mention.line, text=text))
    return Proposal(
        services=services,
        unread=tuple(dict.fromkeys(unread)),
        notes=tuple(dict.fromkeys(notes)),
    )


def _refused(mention: Mention, found: Found, published: bool) -> str | None:  # noqa: FBT001
    """Return why a mention is of no service of this project, or None."""
    variable = mention.variable
    wrong = variable_problem(variable) if variable else None
    if wrong:
        return f"{wrong}; name another one there"
    if variable in found.inner:
        return f"Compose uses {variable} for more than a host's port; it must not move"
    if published or not variable:
        return None
    for name, host in found.hosts.items():
        if _stem(name) == _stem(variable) and not _LOCAL.fullmatch(host):
            return f"{variable} is the port of {host!r} ({name}), not of this machine"
    if privileged(mention.number):
        return (
            f"{variable} is {mention.number}, as of a server elsewhere; if it is yours,"
            " declare it with 'portconf add'"
        )
    return None


def _stem(variable: str) -> str:
    """Return what a variable of a host and that of its port have in common."""
    words = ("PORT", "HOSTNAME", "HOST", "SERVER", "ADDRESS", "ADDR")
    for word in words:
        if variable.endswith(word):
            return variable.removesuffix(word).rstrip("_")
    return variable


def _services(
    groups: list[Group], found: Found, settings: Settings, unread: list[Unread]
) -> Iterator[Adopted]:
    """Name the groups, each by itself and different from all others."""
    names = {each.name for each in settings.services}
    # What any group has already is not to become another's default.
    taken = {each.variable for each in settings.services}
    taken |= {each.variable for each in settings.templates}
    taken |= {group.variable for group in groups} - {""}
    known: set[str] = set()
    seen: set[tuple[str, object]] = set()
    for group in groups:
        there = _declared(group, settings, known)
        if there:
            known.add(there.name)
            yield _as_declared(there, group)
            continue
        server = (group.owner, group.target)
        wishes = _wishes(group, further=server not in seen)
        seen.add(server)
        if not wishes:
            reason = f"{group.lead.number} has no name; declare it with 'portconf add'"
            lead = group.lead
            unread.append(Unread(file=lead.file, line=lead.line, reason=reason))
            continue
        variable = group.variable
        name = naming.free(wishes, variable=variable, names=names, taken=taken)
        variable = variable or _fresh(name, found.inner | taken)
        names.add(name)
        taken.add(variable)
        yield Adopted(
            name=name,
            variable=variable,
            keys=_keys(name, variable, group, found),
            declared=False,
            mentions=tuple(group.mentions),
        )


def _declared(group: Group, settings: Settings, known: set[str]) -> Service | None:
    """Return the declared service that a group is of, by variable or else by name."""
    for service in settings.services:
        if service.variable == group.variable:
            return service
    wishes = {*_wishes(group)}
    for service in settings.services:
        # As `naming.free` tells two apart.
        wish = re.sub(r"-\d$", "", service.name)
        if group.variable or service.name in known or not {service.name, wish} & wishes:
            continue
        if group.target is None or service.container_port in {None, group.target}:
            return service
    return None


def _as_declared(service: Service, group: Group) -> Adopted:
    return Adopted(
        name=service.name,
        variable=service.variable,
        keys={},
        declared=True,
        mentions=tuple(group.mentions),
    )


def _wishes(group: Group, *, further: bool = True) -> list[str]:
    """
    Return names for a group, the best first; empty where nothing names it.

    Args:
        group: The mentions of a server.
        further: Whether its port inside the container may be a part of the name.
    """
    owner = naming.name_of(group.owner)
    if not owner:
        return [naming.of_variable(group.variable)] if group.variable else []
    wishes = [owner]
    if group.variable.endswith("_PORT"):
        wishes.append(naming.of_variable(group.variable))
    if further and group.target:
        wishes.append(f"{owner}-{well_known.part(group.target)}")
        wishes.append(f"{owner}-{group.target}")
    return wishes if not further or group.target is None else [*wishes, owner]


def _fresh(name: str, foreign: Collection[str]) -> str:
    """Return the variable for a bare number: not one that means something else."""
    variable = variable_of(name)
    while variable in foreign:
        variable = f"{variable.removesuffix('_PORT')}_HOST_PORT"
    return variable


def _keys(name: str, variable: str, group: Group, found: Found) -> dict[str, Any]:
    """Return the keys of a new service's table."""
    keys: dict[str, Any] = {}
    owner = naming.name_of(group.owner) or name
    purpose = well_known.purpose(found.images.get(group.owner, ""), owner)
    if purpose:
        part = name.removeprefix(f"{owner}-")
        keys["purpose"] = purpose if part == name else f"{purpose} ({part})"
    if variable != variable_of(name):
        keys["env"] = variable
    if {each.protocol for each in group.mentions if each.published} == {"udp"}:
        keys["protocol"] = "udp"
    if group.target:
        keys["container-port"] = group.target
    return keys
