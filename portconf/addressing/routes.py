"""Which host names lead to which servers: what a load balancer has to know."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from portconf.addressing.domains import Domains, domains
from portconf.addressing.heading import heading
from portconf.addressing.labels import of_services
from portconf.addressing.targets import Target, targets
from portconf.model import SECURE, Endpoint, Protocol
from portconf.views import Site, View


# A server may listen on one of them only: on which, `localhost` does not tell alike on
# every machine.
LOOPBACK = ("127.0.0.1", "[::1]")
_PLAIN = ("http", "ws")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """
    The server of one checkout.

    Attributes:
        checkout: The checkout's label, which no other has.
        port: Where it listens, on one of `LOOPBACK` or both.
    """

    checkout: str
    port: int

    def addresses(self) -> tuple[str, ...]:
        """Return where it may listen, as hosts and ports."""
        return tuple(f"{host}:{self.port}" for host in LOOPBACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """
    A host name, and who answers for it.

    Attributes:
        host: The name: letters, digits, hyphens and dots, 201 characters at most.
        servers: Who answers, at least one, each on a port of its own.
        secure: Whether they speak TLS.
        health: The path that all of them declare, encoded as in a URL; None where they
            do not agree, declare none, or where it would be taken for a host.
    """

    host: str
    servers: tuple[Server, ...]
    secure: bool = False
    health: str | None = None

    def addresses(self) -> tuple[str, ...]:
        """Return where the servers may listen, as hosts and ports."""
        return tuple(each for server in self.servers for each in server.addresses())


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """
    All names of a view.

    Attributes:
        site: The checkout whose file it is.
        project: The project's label.
        routes: The names; at least one.
        nameless: The services that have none.
        unasked: The services whose path of `health` cannot be asked for.
    """

    site: Site
    project: str
    routes: tuple[Route, ...]
    nameless: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()

    def head(self) -> list[str]:
        """Return the first lines of a file whose comments begin with '#'."""
        lines = heading(self.site)
        for names, what in (
            (self.nameless, "Without a name, as they do not speak HTTP"),
            (self.unasked, "Without a check of health, whose path begins with '//'"),
        ):
            lines += [f"# {what}: {', '.join(names)}"] if names else []
        return lines


def routing(view: View) -> Routing:
    """
    Return the names of a view's services, the same ones from whichever checkout.

    `SERVICE.PROJECT.localhost` leads to all checkouts of the view that have the
    service, and `SERVICE.CHECKOUT.PROJECT.localhost` to one. In a view of the main
    checkout alone that would be the same, so the second is left out.

    Raises:
        ValueError: If there is no service to name, if two services have one name, or if
            the port to listen on is a server's.
    """
    # The service that was named to listen on is the load balancer itself.
    told = [each for each in targets(view) if each.endpoint.name != view.listener]
    _check_port(view, told)
    named: dict[str, list[Target]] = {}
    for each in told:
        if speaks_http(each.endpoint):
            named.setdefault(each.endpoint.name, []).append(each)
    if not named:
        raise ValueError(
            "no service speaks HTTP; declare one that does, with scheme = 'http' or"
            " with a path as health"
        )
    names = domains(view)
    return Routing(
        site=view.site,
        project=names.project,
        routes=tuple(_routes(names, named)),
        nameless=tuple(sorted({each.endpoint.name for each in told} - {*named})),
        unasked=tuple(
            name for name, found in named.items() if any(map(_is_taken_for_host, found))
        ),
    )


def speaks_http(endpoint: Endpoint) -> bool:
    """
    Tell whether a service speaks HTTP, as far as its declaration says.

    One that says nothing of itself is taken for it. One with a port in a container, or
    asked by a command, is most often a database: it has to name its scheme, or a path.
    """
    if endpoint.protocol is not Protocol.TCP:
        return False
    if endpoint.scheme is not None:
        return endpoint.scheme in (*_PLAIN, *SECURE)
    if isinstance(endpoint.health, str):
        return True
    return endpoint.health is None and endpoint.container_port is None


def _routes(names: Domains, named: Mapping[str, list[Target]]) -> Iterator[Route]:
    labels = of_services(named)
    for name, found in named.items():
        # No program speaks TLS with some servers of a name and not with others: the
        # first checkout decides, and the rest have names of their own.
        alike = [each for each in found if _secure(each) is _secure(found[0])]
        yield _route(f"{labels[name]}.{names.common}", alike, names)
        for each in found:
            if own := names.own(each):
                yield _route(f"{labels[name]}.{own}", [each], names)


def _route(host: str, found: list[Target], names: Domains) -> Route:
    servers: dict[int, Server] = {}
    for each in found:
        # Where a port is pinned, several checkouts have one server: the first one's.
        port, checkout = each.endpoint.port, names.checkouts[each.site.root]
        servers.setdefault(port, Server(checkout=checkout, port=port))
    first, same = found[0], len({each.path for each in found}) == 1
    return Route(
        host=host,
        servers=tuple(servers.values()),
        secure=_secure(first),
        health=first.path if same and not _is_taken_for_host(first) else None,
    )


def _secure(target: Target) -> bool:
    return target.endpoint.scheme in SECURE


def _is_taken_for_host(target: Target) -> bool:
    """Tell whether programs take what its path begins with for a host to ask."""
    return (target.path or "").startswith("//")


def _check_port(view: View, told: list[Target]) -> None:
    for each in told:
        if each.connects and each.endpoint.port == view.listen:
            raise ValueError(
                f"port {view.listen}, on which it is to listen, is that of"
                f" {each.endpoint.name!r} in {each.site.root}; name another with"
                " --listen"
            )
