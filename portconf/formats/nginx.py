"""
nginx: a complete configuration that needs no root, a name for each HTTP service.

It is started by `nginx -p DIR -c nginx.conf -e stderr`, stays in the foreground, and
writes below that folder only. Of users' texts nothing but labels reaches the file, and
the project's folder, as a comment.
"""

from collections.abc import Iterable, Iterator, Mapping

from portconf.addressing.routes import LOOPBACK, Route, Routing, routing
from portconf.views import View


# nginx wants folders for all of them, though it is given no FastCGI, uwsgi and SCGI.
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
# A name of up to 201 characters does not fit into the usual 64 bytes, which is an error.
_BUCKET = "server_names_hash_bucket_size 1024;"
_FITS = 40
_PROXY = (
    "client_max_body_size 0;",
    "proxy_http_version 1.1;",
    "proxy_set_header Host $http_host;",
    "proxy_set_header Upgrade $http_upgrade;",
    "proxy_set_header Connection $portconf_connection;",
    # Not what the client says of itself: there is no proxy before this one.
    "proxy_set_header Forwarded '';",
    "proxy_set_header X-Real-IP $remote_addr;",
    "proxy_set_header X-Forwarded-For $remote_addr;",
    "proxy_set_header X-Forwarded-Host $http_host;",
    "proxy_set_header X-Forwarded-Port $server_port;",
    "proxy_set_header X-Forwarded-Proto $scheme;",
    "proxy_buffering off;",
    "proxy_connect_timeout 2s;",
    "proxy_read_timeout 1h;",
    "proxy_send_timeout 1h;",
)


def render(view: View) -> Mapping[str, str]:
    """Return the configuration, in one file."""
    found = routing(view)
    http = [
        "access_log off;",
        *(f"{each}_temp_path temp;" for each in _TEMPORARY),
        _BUCKET,
        f"server_names_hash_max_size {_size(found)};",
        "",
        *http_part(found, view.listen),
    ]
    lines = [
        *found.head(),
        "daemon off;",
        "pid nginx.pid;",
        "error_log stderr;",
        "",
        *_block("events", ["worker_connections 1024;"]),
        "",
        *_block("http", http),
    ]
    return {"nginx.conf": "\n".join(lines) + "\n"}


def hashing(found: Routing) -> list[str]:
    """Return what a configuration needs that is not ours, and may say it already."""
    longest = max(len(each.host) for each in found.routes)
    return [_BUCKET] if longest > _FITS else []


def http_part(found: Routing, listen: int) -> Iterator[str]:
    """Yield what stands in the block `http`."""
    yield from _block(
        "map $http_upgrade $portconf_connection", ["default upgrade;", "'' '';"]
    )
    for route in found.routes:
        yield ""
        yield from _block(f"upstream {route.host}", _upstream(route))
    at = [f"listen {host}:{listen}" for host in LOOPBACK]
    yield ""
    # Any page may let a name of its own lead here: only ours are served.
    refused = [*(f"{each} default_server;" for each in at), "return 421;"]
    yield from _block("server", refused)
    for scheme, secure in (("http", False), ("https", True)):
        hosts = [each.host for each in found.routes if each.secure is secure]
        if hosts:
            yield ""
            yield from _block(
                "server", [*(f"{each};" for each in at), *_server(hosts, scheme)]
            )


def _server(hosts: list[str], scheme: str) -> Iterator[str]:
    yield "server_name"
    yield from (f"    {each}" for each in hosts)
    yield "    ;"
    yield from _PROXY
    if scheme == "https":  # its certificate is not verified: it is most often its own
        yield from ("proxy_ssl_server_name on;", "proxy_ssl_name $host;")
    # The name is one of those above, and so are the upstreams.
    yield from _block("location /", [f"proxy_pass {scheme}://$host;"])


def _upstream(route: Route) -> Iterator[str]:
    """Yield the servers of a name, of which nginx learns what is down as it asks."""
    first, *rest = route.addresses()
    if len(route.servers) == 1:
        # Nothing is remembered: a server that was started anew is there at once.
        yield f"server {first} max_fails=0;"
        yield from (f"server {each} max_fails=0 backup;" for each in rest)
    else:
        yield from (
            f"server {each} max_fails=1 fail_timeout=2s;" for each in (first, *rest)
        )


def _block(head: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"{head} {{"
    yield from (f"    {line}" if line else "" for line in lines)
    yield "}"


def _size(found: Routing) -> int:
    return max(512, 4 * len(found.routes))
