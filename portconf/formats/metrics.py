"""
Metrics of this machine's leases: for the node exporter's textfile collector.

Every checkout's, so that one file says it all, whoever writes it: which services
listen, which ports somebody else's program has, and whose checkout is gone.
"""

from collections.abc import Iterable, Iterator, Mapping

from portconf.addressing.targets import text
from portconf.marks import HEADER
from portconf.ownership import Verdict
from portconf.views import Leased, View


_HELP = {
    "portconf_port_listening": "Whether anybody listens on the port of a service.",
    "portconf_port_foreign": "Whether that is somebody else's program.",
    "portconf_lease_stale": "Whether the checkout of a lease is confirmed gone.",
}
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def render(view: View) -> Mapping[str, str]:
    """Return what is seen of the machine, in one file."""
    leases = view.machine()
    lines = [f"# {HEADER}"]
    for name, about in _HELP.items():
        lines += [f"# HELP {name} {about}", f"# TYPE {name} gauge"]
        lines += _samples(name, leases)
    return {"portconf.prom": "\n".join(lines) + "\n"}


def _samples(name: str, leases: Iterable[Leased]) -> Iterator[str]:
    """Yield the lines of one metric."""
    for each in leases:
        if name == "portconf_lease_stale":
            where = {"folder": each.lease.holder.folder, "ports": each.lease.range}
            yield _sample(name, each, where, value=each.gone)
            continue
        for port, service in each.lease.service_ports().items():
            verdict = each.listening.get(port, Verdict.NOBODY)
            wanted = [Verdict.FOREIGN]
            if name == "portconf_port_listening":
                wanted += [Verdict.OURS, Verdict.UNKNOWN]
            where = {"service": service, "port": str(port)}
            yield _sample(name, each, where, value=verdict in wanted)


def _sample(name: str, each: Leased, where: Mapping[str, str], *, value: bool) -> str:
    labels = {
        "project": each.lease.holder.name,
        "instance": str(each.lease.instance),
        "branch": each.branch or "",
        **where,
    }
    told = ",".join(
        f'{label}="{text(found).translate(_ESCAPED)}"'
        for label, found in labels.items()
    )
    return f"{name}{{{told}}} {int(value)}"
