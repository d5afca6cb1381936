"""What a command that writes tells of it."""

import argparse

from portconf.cli import tables
from portconf.cli.run import Answer
from portconf.model import Change
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
    notes = [_change(change) for change in outcome.changes]
    notes += [f"{name}: gave {port} up" for name, port in outcome.gone]
    if outcome.files:
        notes.append(f"{done} {', '.join(file.name for file in outcome.files)}")
    else:
        notes.append("nothing to do, all files are up to date")
    return Answer(
        data=outcome.to_dict(),
        text=tables.diff(outcome.files) if outcome.dry_run else "",
        notes=(*notes, *(f"warning: {note}" for note in outcome.notes)),
    )


def _change(change: Change) -> str:
    if change.before is None:
        return f"{change.name}: {change.port}"
    return f"{change.name}: {change.before} -> {change.port}, because {change.reason}"
