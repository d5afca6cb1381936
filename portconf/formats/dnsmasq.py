"""
dnsmasq: names and SRV records of all services, in a file for its `conf-dir`.

The names are those of the load balancers. `SERVICE.PROJECT.localhost` has the SRV
record of the checkout with the plan's ports, `SERVICE.CHECKOUT.PROJECT.localhost` that
of the one. Every word of a name is cut down to a label: no text of a user gets in.
"""

from collections.abc import Iterator, Mapping

from portconf.addressing.labels import label
from portconf.addressing.targets import Target, stem, targets
from portconf.addressing.zones import zones
from portconf.views import HEADER, View


def render(view: View) -> Mapping[str, str]:
    """Return the records of all checkouts, in one file."""
    domain, checkouts = f"{label(view.site.project)}.localhost", zones(view.sites)
    alone = not view.others and not view.site.instance
    # What there is none of here, like an address of IPv6, is not asked for elsewhere.
    lines = [f"# {HEADER}", f"local=/{domain}/"]
    told: dict[str, str] = {}
    for each in targets(view):
        name = label(each.endpoint.name)
        first = told.setdefault(name, each.endpoint.name)
        if first != each.endpoint.name:
            raise ValueError(
                f"the services {first!r} and {each.endpoint.name!r} would have one"
                f" host name, {name!r}; rename one"
            )
        lines += _records(each, name, domain, srv=not each.site.instance)
        if not alone:
            lines += _records(each, name, f"{checkouts[each.site.root]}.{domain}")
    return {f"{stem(view.site)}.conf": "\n".join(dict.fromkeys(lines)) + "\n"}


def _records(
    target: Target, name: str, domain: str, *, srv: bool = True
) -> Iterator[str]:
    """Yield the lines for one name of a service."""
    host = f"{name}.{domain}"
    # Not `host-record`, by which 127.0.0.1 would have this name and no other.
    yield f"address=/{host}/{target.endpoint.host}"
    if srv:
        spoken, port = target.endpoint.protocol, target.endpoint.port
        yield f"srv-host=_{name}._{spoken}.{domain},{host},{port}"
