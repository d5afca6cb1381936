"""`status`: shows the services and their ports."""

import argparse

from portconf.cli import tables
from portconf.cli.run import Answer, project
from portconf.reports import Status


HEAD = ("service", "port", "variable", "purpose")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(options: argparse.Namespace) -> Answer:
    """Show what `Project.status` returns."""
    status = project(options).status()
    lacking = [row.service for row in status.rows if row.port is None]
    notes = (
        (f"no port yet for {', '.join(lacking)}: run 'portconf init'",)
        if lacking
        else ()
    )
    text = tables.table(
        status.root, HEAD, cells(status), footer=f"next port: {status.next_port}"
    )
    return Answer(data=status.to_dict(), text=text, notes=notes)


def cells(status: Status) -> list[tuple[str, ...]]:
    """Return the rows of the table."""
    return [
        (
            row.service,
            "-" if row.port is None else str(row.port),
            row.variable,
            row.purpose if row.declared else f"{row.purpose} (not declared)".strip(),
        )
        for row in status.rows
    ]
