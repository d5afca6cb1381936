"""
HAProxy: a complete configuration, a name for each HTTP service.

It is started by `haproxy -f haproxy.cfg` and stays in the foreground. Of users' texts
only labels, a path of `health` and, as a comment, the project's folder reach the file;
both are quoted.
"""

from collections.abc import Iterable, Iterator, Mapping

from portconf.addressing.routes import LOOPBACK, Route, routing
from portconf.formats.posix import quote
from portconf.views import View


# Most attempts for one request.
_RETRIES = 10
_DEFAULTS = (
    "mode http",
    "timeout http-request 10s",
    "timeout connect 2s",
    "timeout client 1h",
    "timeout server 1h",
    "timeout tunnel 1h",
    # Where one address or server does not take a connection, another one may.
    "option redispatch 1",
)
_FRONTEND = (
    # Not what the client says of itself: there is no proxy before this one.
    "http-request del-header Forwarded",
    "http-request set-header X-Real-IP %[src]",
    "http-request set-header X-Forwarded-For %[src]",
    "http-request set-header X-Forwarded-Host %[req.fhdr(host)]",
    "http-request set-header X-Forwarded-Port %[dst_port]",
    "http-request set-header X-Forwarded-Proto http",
    # A backend has the name that it is for. No name asked for has capitals any more, nor
    # the root's dot; and it is the whole header, of which `hdr` takes what is after ','.
    r"use_backend %[req.fhdr(host),field(1,:),lower,regsub(\\.$,)]",
    "default_backend REFUSED",
)


def render(view: View) -> Mapping[str, str]:
    """Return the configuration, in one file."""
    found = routing(view)
    most = max(len(each.addresses()) for each in found.routes)
    binds = [f"bind {host}:{view.listen}" for host in LOOPBACK]
    sections = [
        _section("defaults", [*_DEFAULTS, f"retries {min(most, _RETRIES)}"]),
        _section("frontend portconf", [*binds, *_FRONTEND]),
        # Any page may let a name of its own lead here: only ours are served.
        _section("backend REFUSED", ["http-request return status 421"]),
        *(_section(f"backend {each.host}", _backend(each)) for each in found.routes),
    ]
    lines = [*found.head(), *(line for each in sections for line in each)]
    return {"haproxy.cfg": "\n".join(lines) + "\n"}


def _backend(route: Route) -> Iterator[str]:
    yield "balance roundrobin"
    options = []
    if route.secure:
        # Its certificate is not verified: it is most often its own.
        options += [f"ssl verify none sni str({route.host})"]
    if len(route.servers) > 1:
        options += ["check inter 2s rise 1 fall 2"]
        if route.secure:
            options += [f"check-sni {route.host}"]
        if route.health:
            yield "option httpchk"
            yield (
                f"http-check send meth GET uri {quote(route.health)} ver HTTP/1.1"
                " hdr Host localhost hdr User-Agent portconf"
            )
    if options:
        yield f"default-server {' '.join(options)}"
    for server in route.servers:
        for version, address in zip((4, 6), server.addresses(), strict=True):
            yield f"server {server.checkout}-{version} {address}"


def _section(head: str, lines: Iterable[str]) -> Iterator[str]:
    yield ""
    yield head
    yield from (f"    {line}" for line in lines)
