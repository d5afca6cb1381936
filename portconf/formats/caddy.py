"""
Caddy: a complete Caddyfile, a name for each HTTP service.

It is started by `caddy run --config Caddyfile` and stays in the foreground. Of users'
texts only labels, a path of `health` and, as a comment, the project's folder reach the
file, and neither has a character that Caddy takes for anything but itself.
"""

from collections.abc import Iterable, Iterator, Mapping

from portconf.addressing.routes import LOOPBACK, Route, routing
from portconf.views import View


_GLOBAL = ("admin off", "auto_https off", f"default_bind {' '.join(LOOPBACK)}")


def render(view: View) -> Mapping[str, str]:
    """Return the configuration as `caddy fmt` writes it, in one file."""
    found = routing(view)
    lines = [
        *found.head(),
        *_block("", _GLOBAL),
        "",
        # Any page may let a name of its own lead here: only ours are served.
        *_block(f"http://:{view.listen}", ["respond 421"]),
    ]
    for each in found.routes:
        proxy = _block(f"reverse_proxy {' '.join(each.addresses())}", _proxy(each))
        # A name with the root's dot is another one to Caddy, and to no other program.
        names = (f"http://{each.host}{dot}:{view.listen}" for dot in ("", "."))
        lines += ["", *_block(", ".join(names), proxy)]
    return {"Caddyfile": "\n".join(lines) + "\n"}


def _proxy(route: Route) -> Iterator[str]:
    alone = len(route.servers) == 1
    # Not what the client says of itself: there is no proxy before this one.
    yield "header_up X-Real-IP {remote_host}"
    yield "header_up -Forwarded"
    yield f"lb_policy {'first' if alone else 'round_robin'}"
    yield f"lb_retries {len(route.addresses())}"
    yield "lb_try_interval 1ms"
    # So long it is not asked again; a server that is started anew is soon there.
    yield f"fail_duration {'250ms' if alone else '2s'}"
    if route.health and not alone:
        yield f"health_uri {route.health}"
        yield "health_interval 2s"
        yield "health_timeout 2s"
    if route.secure:  # its certificate is not verified: it is most often its own
        yield from _block(
            "transport http",
            ["tls", "tls_insecure_skip_verify", f"tls_server_name {route.host}"],
        )


def _block(head: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"{head} {{".lstrip()
    yield from (f"\t{line}" for line in lines)
    yield "}"
