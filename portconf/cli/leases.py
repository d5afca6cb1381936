"""`leases`: lists which checkout holds which ports of this machine."""

import argparse
from collections.abc import Iterable

from portconf import machine
from portconf.cli import tables
from portconf.cli.dispatch import Answer, timeout
from portconf.machine import Tenant
from portconf.registry.values import Lease


HEAD = ("instance", "ports", "project", "branch", "folder")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(options: argparse.Namespace) -> Answer:
    """Show what `portconf.machine.tenants` returns."""
    return answer(machine.tenants(timeout=timeout(options)))


def answer(tenants: Iterable[Tenant], *, listening: bool = False) -> Answer:
    """
    Lay the checkouts out.

    Args:
        tenants: Who holds what.
        listening: Whether to show which services somebody listens for.
    """
    known = tuple(tenants)
    head = (*HEAD, "listening") if listening else HEAD
    rows = [
        (
            str(each.lease.instance),
            each.lease.range,
            _name(each.lease),
            each.branch or "-",
            each.lease.holder.folder,
            *((_listening(each),) if listening else ()),
        )
        for each in known
    ]
    footer = f"{len(known)} lease{'s' * (len(known) != 1)}"
    text = tables.table("leases of this machine", head, rows, footer=footer)
    return Answer(data={"leases": [each.to_dict() for each in known]}, text=text)


def _name(lease: Lease) -> str:
    return f"{lease.holder.name} ({lease.run})" if lease.run else lease.holder.name


def _listening(tenant: Tenant) -> str:
    told = (
        f"{name} ({seen.verdict})" if seen.verdict != "ours" else name
        for name, seen in tenant.listening or ()
    )
    return ", ".join(told) or "-"
