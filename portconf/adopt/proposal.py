"""The services that a project's ports are declared as."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portconf.adopt import naming, well_known
from portconf.adopt.grouping import Server, servers
from portconf.adopt.identifying import Given, identify
from portconf.adopt.sifting import Sifted, elsewhere, sift
from portconf.adopt.values import Adopted, Found, Mention, Note, Proposal
from portconf.compose import matching
from portconf.compose.values import Spot
from portconf.names import variable_of
from portconf.settings import Settings


# Below it, ordinary users bind nothing: such a number is of a server elsewhere.
_FIRST = 1024
_SHOWN = 5


def propose(
    found: Found,
    settings: Settings,
    *,
    assigned: Mapping[str, int] | None = None,
    stuck: Mapping[Spot, str] | None = None,
) -> Proposal:
    """
    Return the services for what was found; those that are declared stay as they are.

    Args:
        found: What the project's files say.
        settings: What is declared already.
        assigned: The number that the plan has for each declared service.
        stuck: The tokens that cannot be replaced, with the reason.
    """
    stuck = stuck or {}
    sifted = sift(found, settings, stuck)
    making = _Making(
        found=found, settings=settings, sifted=sifted, assigned=assigned or {}
    )
    making.servers = servers(sifted.published, making.notes)
    making.given = identify(making.servers, settings)
    for each in sifted.processes:
        making.process(each)
    making.join()
    making.index()
    for variable, mentions in sifted.variables.items():
        making.alone(variable, mentions)
    if making.blocked:
        # What they are taken for depends on each other: all of it anew, without them.
        stuck = {**stuck, **making.blocked}
        return propose(found, settings, assigned=assigned, stuck=stuck)
    return making.proposal()


@dataclass(slots=True, kw_only=True)
class _Making:
    """A proposal as it is made."""

    found: Found
    settings: Settings
    sifted: Sifted
    assigned: Mapping[str, int]
    servers: list[Server] = field(default_factory=list)
    templates: dict[str, str] = field(default_factory=dict)
    here: dict[int | None, list[Server]] = field(default_factory=dict)
    inside: dict[int | None, list[Server]] = field(default_factory=dict)
    blocked: dict[Spot, str] = field(default_factory=dict)
    made: list[Mention] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    given: Given = field(default_factory=Given)

    def process(self, mention: Mention) -> None:
        """Take a process for the server of its name, or else of its port."""
        name = naming.name_of(mention.owner)
        declared = self.settings.by_name().get(name)
        same = [each for each in self.servers if _name(each) == name] or [
            each for each in self.servers if each.target == mention.number
        ]
        if len(same) > 1:
            told = f"{mention.number} may be the port of {_all(same)}"
            self.sifted.refuse(mention, told)
        elif same:
            same[0].mentions.append(mention)
        elif not declared and variable_of(name) in self.given.variables:
            told = f"{variable_of(name)} is the variable of another service already"
            self.sifted.refuse(mention, told)
        else:
            self.servers.append(Server(mentions=[mention], service=declared))
            if not declared:
                self.given.name(self.servers[-1], name)

    def join(self) -> None:
        """Let each variable that a server has, or would have, be the server's."""
        known = matching.variables(self.settings.services, self.settings)
        by_service = {each.service.name: each for each in self.servers if each.service}
        by_variable = {each.variable: each for each in self.servers if each.variable}
        by_default = {
            variable_of(each.name): each
            for each in self.servers
            if each.name and not each.variable
        }
        for variable in list(self.sifted.variables):
            if variable in known:
                name = known[variable]
                if name not in by_service:
                    by_service[name] = Server(service=self.settings.service(name))
                    self.servers.append(by_service[name])
                server = by_service[name]
            elif variable in by_variable:
                server = by_variable[variable]
            elif variable in by_default:
                server = by_default[variable]
                self._differs(variable, server)
            else:
                continue
            server.mentions += self.sifted.variables.pop(variable)

    def _differs(self, variable: str, server: Server) -> None:
        """Tell where a server's variable has another number than the server."""
        first = self.sifted.variables[variable][0]
        numbers = {each.number for each in server.mentions}
        if first.number and first.number not in numbers:
            told = (
                f"{variable}, here {first.number}, is taken for the port of"
                f" {_name(server)!r} at {server.mentions[0].where}"
            )
            _note(self.notes, first, told)

    def alone(self, variable: str, mentions: list[Mention]) -> None:
        """Make a variable from the service whose number it has, or declare its own."""
        named = any(each.named for each in mentions)
        number = next((each.number for each in mentions if each.number), None)
        same = self.with_number(number)
        stays = self.sifted.staying.get(number or 0)
        name = naming.of_variable(variable)
        if len(same) > 1 or (same and stays):
            reason = f"{variable} may be the port of {_all(same)}"
            self.block(variable, self.here.get(number, []))
        elif stays:
            reason = f"{variable} is {number}, as at {stays}, which stays as it is"
        elif same and not same[0].named:
            where = same[0].mentions[0].file
            reason = f"{variable} is the port of {_name(same[0])!r}; name {where} too"
        elif same and (named or any(each.named for each in same[0].mentions)):
            self.templates[variable] = _name(same[0])
            self.given.variables.add(variable)
            self.made += mentions
            told = f"{variable} is {number}, the port of {_name(same[0])!r}"
            _note(self.notes, mentions[0], told)
            return
        elif number is None or number < _FIRST or not variable.endswith("_PORT"):
            doubt = "as of a server elsewhere"
            if number and number >= _FIRST:
                doubt = "and its name does not say whose"
            reason = (
                f"{variable} is {number or 'without a number'}, {doubt};"
                " if it is yours, declare it with 'portconf add'"
            )
        elif name in self.given.names:
            reason = f"{variable} is {number}, and {name!r} is another service already"
        elif named:
            self.servers.append(Server(mentions=mentions))
            self.given.name(self.servers[-1], name)
            return
        else:
            return
        for each in mentions:
            self.sifted.refuse(each, reason)

    def block(self, variable: str, same: list[Server]) -> None:
        """
        Let servers stay whose number a variable has that may be any one's.

        Were they to move, it would point at where nobody listens.
        """
        undeclared = [each for each in same if not each.service]
        if any(
            m.spot in self.blocked for each in undeclared[:1] for m in each.mentions
        ):
            return  # by another variable, with the same number
        told = f"also {variable}, which may be the port of {_all(same)}"
        for mention in (m for each in undeclared for m in each.mentions):
            if mention.spot:
                self.blocked[mention.spot] = f"{mention.number} is {told}"

    def with_number(self, number: int | None) -> list[Server]:
        """Return the servers with a number: on this machine, else in a container."""
        return self.here.get(number) or self.inside.get(number) or []

    def index(self) -> None:
        """Note which servers have which number."""
        seen = {_name(each) for each in self.servers}
        rest = (
            Server(service=each)
            for each in self.settings.services
            if each.name not in seen
        )
        for each in (*self.servers, *rest):
            for number in {m.number for m in each.mentions} - {None}:
                self.here.setdefault(number, []).append(each)
            for number in {each.target, self.assigned.get(_name(each))} - {None}:
                self.inside.setdefault(number, []).append(each)

    def proposal(self) -> Proposal:
        """Return the whole of it."""
        files = {each.file: place for place, each in enumerate(self.found.mentions)}
        active = [each for each in self.servers if any(m.named for m in each.mentions)]
        active.sort(
            key=lambda each: min((files[m.file], m.line) for m in each.mentions)
        )
        services = [self.adopted(each) for each in active]
        for service in services:
            for each in service.mentions:
                if each.process:
                    _note(self.notes, each, _left(each, service))
        for each in self.sifted.forwarded:
            self.forwarded(each, services)
        set_there = [m for each in services for m in each.mentions if m.variable]
        return Proposal(
            services=tuple(services),
            templates=self.templates,
            ours=(*(m for m in set_there if not m.published), *self.made),
            unread=tuple(dict.fromkeys([*self.found.unread, *self.sifted.unread])),
            notes=tuple(dict.fromkeys([*self.found.notes, *self.notes])),
        )

    def forwarded(self, mention: Mention, services: list[Adopted]) -> None:
        """Tell whose a bare number is."""
        names = [_name(each) for each in self.with_number(mention.number)]
        whose = [each for each in services if [each.name] == names]
        if whose and mention.named:
            _note(self.notes, mention, _left(mention, whose[0]))
        elif not whose:
            told = f"{mention.number} is forwarded, and nothing here says whose it is"
            self.sifted.refuse(mention, told)

    def fresh(self, default: str) -> str:
        """Return the variable of a service that has none: not what means another."""
        reserved = self.sifted.reserved | self.sifted.variables.keys()
        variable = default
        while variable in reserved or (
            # Beside the host of another server it would be taken for its port.
            variable == default and elsewhere(default, self.found)
        ):
            variable = f"{variable.removesuffix('_PORT')}_HOST_PORT"
        return variable

    def adopted(self, server: Server) -> Adopted:
        """Return a server as the service that it is, or becomes."""
        there = server.service
        name, mentions = _name(server), tuple(server.mentions)
        if there:
            return Adopted(
                name=name,
                variable=there.variable,
                keys={},
                declared=True,
                mentions=mentions,
            )
        variable = server.variable or self.fresh(variable_of(name))
        keys: dict[str, Any] = {}
        purpose = well_known.purpose(self.found.images.get(server.owner, ""))
        if purpose:
            keys["purpose"] = purpose
        if variable != variable_of(name):
            keys["env"] = variable
        if {each.protocol for each in mentions if each.published} == {"udp"}:
            keys["protocol"] = "udp"
        if server.target:
            keys["container-port"] = server.target
        return Adopted(
            name=name, variable=variable, keys=keys, declared=False, mentions=mentions
        )


def _name(server: Server) -> str:
    return server.service.name if server.service else server.name


def _all(servers_: list[Server]) -> str:
    names = [repr(_name(each)) for each in servers_[:_SHOWN]]
    names += ["another one"] if len(servers_) > _SHOWN else []
    return f"{' or '.join(names)}; declare the right one with 'portconf add --env'"


def _left(mention: Mention, service: Adopted) -> str:
    return (
        f"{mention.number} is the port of {service.name!r}, and is left as it is; what"
        f" listens there is to use {service.variable}"
    )


def _note(notes: list[Note], mention: Mention, text: str) -> None:
    notes.append(Note(file=mention.file, line=mention.line, text=text))
