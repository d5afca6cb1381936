"""
Traefik: a file for its file provider, a name for each HTTP service.

Where it listens is the affair of Traefik's static configuration, which has to have an
entry point `portconf`. Of users' texts only labels, a path of `health` and, as a
comment, the project's folder reach the file. Both are quoted, and have no brace of
which Traefik would make a template.
"""

import json
from collections.abc import Iterator, Mapping

from portconf.addressing.routes import Route, Routing, routing
from portconf.addressing.targets import stem
from portconf.views import View


# Traefik may choose the same server again, and half of the addresses have none.
_ATTEMPTS = 50


def render(view: View) -> Mapping[str, str]:
    """Return the dynamic configuration, in one file."""
    found = routing(view)
    lines = [*found.head(), "http:", *(f"  {line}" for line in _http(found))]
    return {f"{stem(view.site)}.yaml": "\n".join(lines) + "\n"}


def _http(found: Routing) -> Iterator[str]:
    # Traefik drops what two files call by one name: these have the project's in them.
    retry, transport = f"retry-{found.project}", f"unverified-{found.project}"
    told = f"told-{found.project}"
    yield "routers:"
    for route in found.routes:
        yield f"  {route.host}:"
        # On no other entry point: that might be open to the world.
        yield "    entryPoints: [portconf]"
        yield f"    rule: Host(`{route.host}`)"
        yield f"    middlewares: [{told}, {retry}]"
        yield f"    service: {route.host}"
    yield "services:"
    for route in found.routes:
        yield f"  {route.host}:"
        yield "    loadBalancer:"
        yield from (f"      {line}" for line in _balancer(route, transport))
    yield "middlewares:"
    yield f"  {told}:"
    yield "    headers:"
    yield "      customRequestHeaders:"
    # Not what the client says of itself: there is no proxy before this one.
    yield '        Forwarded: ""'
    yield f"  {retry}:"
    yield "    retry:"
    # Where one address or server does not take a connection, another one may.
    yield f"      attempts: {_ATTEMPTS}"
    if any(route.secure for route in found.routes):
        yield "serversTransports:"
        yield f"  {transport}:"
        yield "    insecureSkipVerify: true"


def _balancer(route: Route, transport: str) -> Iterator[str]:
    scheme = "https" if route.secure else "http"
    if route.secure:  # its certificate is not verified: it is most often its own
        yield f"serversTransport: {transport}"
    if route.health and len(route.servers) > 1:
        yield "healthCheck:"
        yield f"  path: {json.dumps(route.health)}"
        yield "  interval: 2s"
        yield "  timeout: 2s"
        yield "  followRedirects: false"
    yield "servers:"
    yield from (f"  - url: {scheme}://{each}" for each in route.addresses())
