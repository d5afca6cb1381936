"""
Consul: service definitions as JSON, for `consul services register FILE`.

Their ids are unique per checkout. A command as `health` is not handed over: an agent
runs no scripts unless it is told to, and it would run them for everybody.
"""

import json
from collections.abc import Mapping

from portconf.addressing.labels import label
from portconf.addressing.targets import Target, stem, targets
from portconf.views import View


# Consul refuses a longer value.
_LONGEST = 512


def render(view: View) -> Mapping[str, str]:
    """Return the services of all checkouts, in one file."""
    found = [_service(each) for each in targets(view)]
    return {f"{stem(view.site)}.json": json.dumps({"services": found}, indent=2) + "\n"}


def _service(target: Target) -> dict[str, object]:
    meta = target.labels()
    for name, value in meta.items():
        if len(value.encode()) > _LONGEST:
            raise ValueError(f"Consul takes no {name} of more than {_LONGEST} bytes")
    found: dict[str, object] = {
        "id": f"{stem(target.site)}-{target.endpoint.name}",
        "name": label(target.endpoint.name),
        "address": target.endpoint.host,
        "port": target.endpoint.port,
        "tags": ["portconf", label(target.site.project)],
        "meta": meta,
    }
    # Over UDP no connection tells whether it answers: such a service has no check.
    return found | ({"checks": [_check(target)]} if target.connects else {})


def _check(target: Target) -> dict[str, object]:
    name = f"{target.endpoint.name} answers"
    often = {"interval": "10s", "timeout": "5s"}
    if target.url is None:
        return {"name": name, "tcp": target.address, **often}
    # A server on this machine certifies itself.
    skips = {"tls_skip_verify": True} if target.url.startswith("https:") else {}
    return {"name": name, "http": target.url, "method": "GET", **skips, **often}
