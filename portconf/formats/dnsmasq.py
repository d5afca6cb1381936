"""
dnsmasq: names and SRV records of all services, in a file for its `conf-dir`.

The names are those of the load balancers. `SERVICE.PROJECT.localhost` has the SRV
record of the checkout with the plan's ports, `SERVICE.CHECKOUT.PROJECT.localhost` that
of the one. Every word of a name is cut down to a label: no text of a user gets in, but
the project's folder, as a comment.
"""

from collections.abc import Iterator, Mapping

from portconf.addressing.domains import domains
from portconf.addressing.heading import heading
from portconf.addressing.labels import LONGEST, of_services
from portconf.addressing.targets import Target, stem, targets
from portconf.views import View


def render(view: View) -> Mapping[str, str]:
    """Return the records of all checkouts, in one file."""
    names, found = domains(view), [*targets(view)]
    labels = of_services(each.endpoint.name for each in found)
    # What there is none of here, like an address of IPv6, is not asked for elsewhere.
    lines = [*heading(view.site), f"local=/{names.common}/"]
    for each in found:
        name = labels[each.endpoint.name]
        # One server, whoever asks: the plan's, or the one that all checkouts share.
        srv = each.endpoint.shared or not each.site.instance
        lines += _records(each, name, names.common, srv=srv)
        if own := names.own(each):
            lines += _records(each, name, own)
    return {f"{stem(view.site)}.conf": "\n".join(dict.fromkeys(lines)) + "\n"}


def _records(
    target: Target, name: str, domain: str, *, srv: bool = True
) -> Iterator[str]:
    """Yield the lines for one name of a service."""
    host = f"{name}.{domain}"
    # Without it a question for an address of IPv6 is told that there is no such name:
    # musl, as in Alpine, then has none at all.
    yield f"local=/{host}/"
    # Not `host-record`, by which 127.0.0.1 would have this name and no other.
    yield f"address=/{host}/{target.endpoint.host}"
    if srv:
        if len(name) >= LONGEST:  # dnsmasq would not start
            raise ValueError(
                f"the service {target.endpoint.name!r} has {len(name)} characters, and"
                f" an SRV record takes {LONGEST - 1} after its '_'; shorten it"
            )
        spoken, port = target.endpoint.protocol, target.endpoint.port
        yield f"srv-host=_{name}._{spoken}.{domain},{host},{port}"
