"""Which service each published server is, or what it is to be called."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from portconf.adopt.grouping import Server
from portconf.adopt.naming import name_of
from portconf.compose import matching
from portconf.names import variable_of
from portconf.settings import Settings


@dataclass(slots=True, kw_only=True)
class Given:
    """
    What is given away already.

    Attributes:
        names: Those of services.
        variables: Those of services, and of templates.
    """

    names: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)

    def name(self, server: Server, name: str) -> None:
        """Give a server a name that is free."""
        server.name = name
        self.names.add(name)
        self.variables.add(server.variable or variable_of(name))


def identify(servers: list[Server], settings: Settings) -> Given:
    """
    Give each server the service that it is declared as, or else a name.

    A declared service is known by its variable, or by its name and container port.

    Args:
        servers: Those that Compose publishes.
        settings: What is declared already.
    """
    declared = settings.by_name()
    known = matching.variables(settings.services, settings)
    given = Given(
        names=set(declared),
        variables={each.variable for each in settings.services}
        | {each.variable for each in settings.templates}
        | {each.variable for each in servers} - {""},
    )
    for server in servers:
        if server.variable in known:
            server.service = declared[known[server.variable]]
    claimed = {each.service.name for each in servers if each.service}
    for server in servers:
        for wish in _wishes(server) if not server.service else ():
            there = declared.get(wish)
            # An adoption that was cut short, or a declaration by hand.
            fits = there and there.container_port in {None, server.target}
            if fits and wish not in claimed and not server.variable:
                server.service = there
                claimed.add(wish)
                break
            free = server.variable or variable_of(wish) not in given.variables
            if wish not in given.names and free:
                given.name(server, wish)
                break
    return given


def _wishes(server: Server) -> Iterator[str]:
    """Yield names for a server, the best first."""
    owner = name_of(server.owner)
    number = server.target or server.mentions[0].number
    further = f"{owner}-{number}" if number else owner
    yield owner
    if number:
        yield further
    yield from (f"{further}-{each}" for each in count(2))
