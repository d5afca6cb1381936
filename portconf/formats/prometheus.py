"""
Prometheus: targets, a complete configuration, alert rules, and what they stand on.

`file_sd` targets for each checkout, `prometheus.yml`, alert rules, modules for the
blackbox exporter and an example for Alertmanager. Only the targets have texts of users
in them, as JSON; no template of an alert has any but the labels that it names.
"""

import json
import re
from collections.abc import Mapping

from portconf.addressing.targets import Target, stem, targets
from portconf.formats.prometheus_texts import (
    ALERTMANAGER,
    BLACKBOX,
    PROMETHEUS,
    RULES,
)
from portconf.marks import HEADER
from portconf.model import Protocol
from portconf.views import View


# Where the programs listen, unless a service of that name is declared.
USUAL = {
    "alert-webhook": 9095,
    "alertmanager": 9093,
    "blackbox-exporter": 9115,
    "node-exporter": 9100,
}
_TEXTS = {
    "prometheus.yml": PROMETHEUS,
    "portconf.rules.yml": RULES,
    "blackbox.yml": BLACKBOX,
    "alertmanager.yml": ALERTMANAGER,
}


def render(view: View) -> Mapping[str, str]:
    """Return the targets of the checkouts, and the files that use them."""
    ports = USUAL | {
        each.name: each.port
        for each in view.site.endpoints
        if each.name in USUAL and each.protocol is Protocol.TCP
    }
    entries = [_entry(each) for each in targets(view)]
    files = {f"targets/{stem(view.site)}.json": json.dumps(entries, indent=2) + "\n"}
    for name, text in _TEXTS.items():
        placed = re.sub("@(.+?)@", lambda at: f"127.0.0.1:{ports[at[1]]}", text)
        files[name] = f"# {HEADER}\n{placed}"
    return files


def _entry(target: Target) -> dict[str, object]:
    """Return one group of targets; what begins with `__meta_` is for relabelling."""
    probe = {
        "__meta_portconf_module": "http" if target.url else "tcp",
        "__meta_portconf_target": target.url or target.address,
    }
    asked = probe if target.connects else {}
    return {"targets": [target.address], "labels": {**target.labels(), **asked}}
