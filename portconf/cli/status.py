"""`status`: shows the services, their ports and who listens on them."""

import argparse
import os

from portconf import machine
from portconf.cli import leases, tables
from portconf.cli.dispatch import Answer, project, timeout
from portconf.status import Row, Status


HEAD = ("service", "port", "variable", "state", "purpose")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--all", action="store_true", help="show every checkout of this machine"
    )


def run(options: argparse.Namespace) -> Answer:
    """Show what `Project.status` returns, or the whole machine."""
    if options.all:
        found = machine.tenants(timeout=timeout(options), look=True)
        return leases.answer(found, listening=True)
    status = project(options).status(os.environ)
    lacking = [row.service for row in status.rows if row.assigned is None]
    notes = [f"{row.service}: {row.owner.text}" for row in status.rows if row.owner]
    notes += [f"warning: {note}" for note in status.notes]
    if lacking:
        notes.append(f"no port yet for {', '.join(lacking)}: run 'portconf init'")
    text = tables.table(status.root, HEAD, cells(status), footer=_footer(status))
    return Answer(data=status.to_dict(), text=text, notes=tuple(notes))


def cells(status: Status) -> list[tuple[str, ...]]:
    """Return the rows of the table."""
    return [
        (
            row.service,
            _port(row),
            row.variable,
            row.state or "-",
            row.purpose if row.declared else f"{row.purpose} (not declared)".strip(),
        )
        for row in status.rows
    ]


def _port(row: Row) -> str:
    """Return both numbers where they differ."""
    if row.assigned in (None, row.port):
        return "-" if row.port is None else str(row.port)
    return f"{row.port or '-'} ({row.assigned})"


def _footer(status: Status) -> str:
    told = f"next port: {status.next_port}"
    if status.lease and status.lease.block:
        told += f"; block {status.lease.range}, instance {status.lease.instance}"
    return told
