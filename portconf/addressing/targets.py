"""The endpoints that a format tells of, each with how it is asked whether it answers."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from portconf.addressing.zones import in_order
from portconf.model import SECURE, Endpoint, Protocol
from portconf.views import Site, View


# What a path may hold as it stands: the same as where portconf itself asks.
_SAFE = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._"
    b"/:@!$&'()*+,;=?~[]"
)
_NO_TEXT = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """
    One endpoint of one checkout.

    Attributes:
        site: The checkout.
        endpoint: The endpoint.
    """

    site: Site
    endpoint: Endpoint

    @property
    def path(self) -> str | None:
        """The path to get over HTTP, as it is sent; None: it is not asked so."""
        health = self.endpoint.health
        if not isinstance(health, str) or not self.connects:
            return None
        return _encoded(health)

    @property
    def url(self) -> str | None:
        """What is to be got over HTTP; None where the service is not asked so."""
        scheme = "https" if self.endpoint.scheme in SECURE else "http"
        return self.path and f"{scheme}://{self.address}{self.path}"

    @property
    def address(self) -> str:
        """Where it is reached: host and port."""
        return f"{self.endpoint.host}:{self.endpoint.port}"

    @property
    def connects(self) -> bool:
        """Whether a connection tells that it answers: over UDP there is none."""
        return self.endpoint.protocol is Protocol.TCP

    def labels(self) -> dict[str, str]:
        """Return what tells it from the others: texts, none of them empty."""
        found = {
            "service": self.endpoint.name,
            "project": text(self.site.project),
            "instance": str(self.site.instance),
            "branch": text(self.site.branch or ""),
            "port": str(self.endpoint.port),
            "shared": "true" if self.endpoint.shared else "",
        }
        return {name: value for name, value in found.items() if value}


def targets(view: View) -> Iterator[Target]:
    """
    Yield the endpoints of all checkouts of a view, by checkout and port.

    They come in one order, and with one name of the project, from whichever checkout.
    Not a service that is declared no more, which would be down for ever, and a shared
    one once: it is one server.
    """
    declared, shared = view.settings.by_name(), set()
    wanted = {each.root for each in view.sites}
    for site in sorted(view.repository(), key=in_order):
        for endpoint in site.endpoints if site.root in wanted else ():
            if site.root == view.site.root and endpoint.name not in declared:
                continue
            if endpoint.shared and endpoint.port in shared:
                continue
            if endpoint.shared:
                shared.add(endpoint.port)
            yield Target(site=site, endpoint=endpoint)


def stem(site: Site) -> str:
    """
    Return the name of a checkout's files, which no other checkout's have.

    It stays as long as the checkout has its ports, or two files would claim them:
    when a worktree is moved, and, as the project is not in it, whichever clone of the
    repository gives that its name.

    Examples:
        >>> stem(Site(project="shop", root="/home/you/shop"))
        'portconf-fabd5ef4'
    """
    known = (site.key or site.root).encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(known).hexdigest()
    return f"portconf-{digest[:8]}"


def text(found: str) -> str:
    """Return a name from disk as text, whatever its bytes are."""
    return _NO_TEXT.sub("\ufffd", found)


def _encoded(path: str) -> str:
    """Return a path as it is sent; a fragment is not."""
    # A '%' that begins no escape would be refused as a URL by programs written in Go.
    told = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", path.partition("#")[0])
    return "".join(
        chr(byte) if byte in _SAFE or byte == ord("%") else f"%{byte:02X}"
        for byte in told.encode("utf-8", "replace")
    )
