"""Which host names lead to which servers: what a load balancer has to know."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from portconf.addressing.labels import label
from portconf.addressing.targets import Target, targets
from portconf.addressing.zones import in_order, zones
from portconf.model import Endpoint, Protocol
from portconf.views import HEADER, View


# A server may listen on one of them only: on which, `localhost` does not tell alike on
# every machine.
LOOPBACK = ("127.0.0.1", "[::1]")
_PLAIN = ("http", "ws")
_SECURE = ("https", "wss")


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
            do not agree, or declare none.
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
        project: The project's label.
        routes: The names; at least one.
        nameless: The services that have none.
    """

    project: str
    routes: tuple[Route, ...]
    nameless: tuple[str, ...] = ()

    def head(self) -> list[str]:
        """Return the first lines of a file whose comments begin with '#'."""
        lines = [f"# {HEADER}"]
        if self.nameless:
            names = ", ".join(self.nameless)
            lines.append(f"# Without a name, as they do not speak HTTP: {names}")
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
    told = sorted(targets(view), key=lambda each: in_order(each.site))
    # The service on whose port is listened is the load balancer itself.
    itself = {
        each.endpoint.name
        for each in told
        if each.site is view.site and each.endpoint.port == view.listen
    }
    named: dict[str, list[Target]] = {}
    for each in told:
        if speaks_http(each.endpoint) and each.endpoint.name not in itself:
            named.setdefault(each.endpoint.name, []).append(each)
    _check_names(named)
    _check_port(view, [each for each in told if each.endpoint.name not in itself])
    others = {each.endpoint.name for each in told} - {*named} - itself
    return Routing(
        project=label(view.site.project),
        routes=tuple(_routes(view, named)),
        nameless=tuple(sorted(others)),
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
        return endpoint.scheme in (*_PLAIN, *_SECURE)
    if isinstance(endpoint.health, str):
        return True
    return endpoint.health is None and endpoint.container_port is None


def _routes(view: View, named: Mapping[str, list[Target]]) -> Iterator[Route]:
    domain = f"{label(view.site.project)}.localhost"
    checkouts = zones(view.sites)
    alone = not view.others and not view.site.instance
    for name, found in named.items():
        # No program speaks TLS with some servers of a name and not with others: the
        # first checkout decides, and the rest have names of their own.
        alike = [each for each in found if _secure(each) is _secure(found[0])]
        yield _route(f"{label(name)}.{domain}", alike, checkouts)
        for each in () if alone else found:
            if not each.endpoint.shared:
                host = f"{label(name)}.{checkouts[each.site.root]}.{domain}"
                yield _route(host, [each], checkouts)


def _route(host: str, found: list[Target], checkouts: Mapping[str, str]) -> Route:
    # Where a port is pinned or shared, several checkouts have one server.
    ports = {each.endpoint.port: each for each in reversed(found)}
    paths = {each.path for each in found}
    return Route(
        host=host,
        servers=tuple(
            Server(checkout=checkouts[each.site.root], port=port)
            for port, each in reversed(ports.items())
        ),
        secure=_secure(found[0]),
        health=paths.pop() if len(paths) == 1 else None,
    )


def _secure(target: Target) -> bool:
    return target.endpoint.scheme in _SECURE


def _check_names(named: Mapping[str, list[Target]]) -> None:
    if not named:
        raise ValueError(
            "no service speaks HTTP; declare one that does, with scheme = 'http' or"
            " with a path as health"
        )
    labels: dict[str, str] = {}
    for name in named:
        first = labels.setdefault(label(name), name)
        if first != name:
            raise ValueError(
                f"the services {first!r} and {name!r} would have one host name,"
                f" {label(name)!r}; rename one"
            )


def _check_port(view: View, told: list[Target]) -> None:
    for each in told:
        if each.connects and each.endpoint.port == view.listen:
            raise ValueError(
                f"port {view.listen}, on which it is to listen, is that of"
                f" {each.endpoint.name!r} in {each.site.root}; name another with"
                " --listen"
            )
