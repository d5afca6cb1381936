"""What a command that writes tells of it."""

import argparse

from portconf.cli import NOTHING_TO_DO, tables
from portconf.cli.dispatch import Answer
from portconf.model import Change
from portconf.registry.values import Lease
from portconf.reports import Outcome


def dry_run(parser: argparse.ArgumentParser) -> None:
    """Declare `--dry-run`."""
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="show the changes as a diff, write nothing",
    )


def force(parser: argparse.ArgumentParser, about: str) -> None:
    """Declare `--force`, of which ``about`` says what it does."""
    parser.add_argument("--force", action="store_true", help=about)


def answer(outcome: Outcome) -> Answer:
    """Word an outcome: a diff on standard output, what was done on standard error."""
    done = "would write" if outcome.dry_run else "wrote"
    shift = outcome.lease.shift if outcome.lease else 0
    moved = outcome.lease.service_ports() if outcome.lease else {}
    ports = {name: port for port, name in moved.items()} if shift else {}
    notes = [_change(change, ports.get(change.name)) for change in outcome.changes]
    if outcome.lease and outcome.lease != outcome.lease_before:
        notes += _lease(outcome.lease, outcome.lease_before)
    notes += [f"{name}: gave {port} up" for name, port in outcome.gone]
    if outcome.files:
        notes.append(f"{done} {', '.join(file.name for file in outcome.files)}")
    else:
        notes.append(NOTHING_TO_DO)
    return Answer(
        data=outcome.to_dict(),
        text=tables.diff(outcome.files) if outcome.dry_run else "",
        notes=(*notes, *(f"warning: {note}" for note in outcome.notes)),
    )


def _change(change: Change, effective: int | None) -> str:
    here = f", here {effective}" if effective else ""
    if change.before is None:
        return f"{change.name}: {change.port}{here}"
    before = f"{change.before} -> {change.port}{here}"
    return f"{change.name}: {before}, because {change.reason}"


def _lease(lease: Lease, before: Lease | None) -> list[str]:
    """Tell of a block, and why the plan's own ports were not to be had."""
    moved = before is not None and before.shift != lease.shift
    if lease.block is None:
        return [f"this checkout uses the plan's own ports again, {lease.range}"] * moved
    told = f"this checkout has the block {lease.range} (instance {lease.instance})"
    if moved and before:
        told += f" instead of {before.range}"
    told += f": every port is shifted by {lease.shift}"
    because = lease.obstacles[0].reason if lease.obstacles and not moved else None
    return [f"{told}, because {because}" if because else told]
